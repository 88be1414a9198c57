//! Files of every schema that there ever was open.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use ai_market_core::access::{KeySpec, Keys, Role};
use ai_market_core::event::{Event, EventId};
use ai_market_core::id::TaskId;
use ai_market_core::market::{Insert, Progress, SubmitOutcome};
use ai_market_core::store::{EventQuery, TaskStore, WorkerQuery};
use ai_market_core::task::TaskStatus;
use ai_market_core::time::SystemClock;
use diesel::migration::Migration;
use diesel::sqlite::Sqlite;
use diesel_migrations::MigrationHarness;

use crate::data::pack;
use crate::open::{APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION, user_version};
use crate::sql::Connection;
use crate::sql::statements::{InsertEvents, LossesOf};
use crate::{OpenError, SqliteKeys, SqliteOptions, SqliteStore};

use super::counters::assert_books_balance;
use super::fixture::{Place, at, claim, insert, market, new_task, vote};

#[test]
fn the_last_migration_sets_the_version_that_is_known() {
    let place = Place::new();
    drop(place.open());
    assert_eq!(user_version(&mut place.connect()).unwrap(), SCHEMA_VERSION);
}

/// A market as the first version wrote it. Task `…0n` is
/// 1 finalized, 2 open, 3 open with one lease of two, 4 open and leased, 5 failed, 6 open with one
/// vote of two and a lost lease, 7 open with a high priority and a deadline.
const FIRST: &str = "
    INSERT INTO inputs VALUES (1, 'text 1'), (2, 'text 2'), (3, 'text 3'), (4, 'text 4'),
        (5, 'text 5'), (6, 'text 6'), (7, 'text 7');
    INSERT INTO outcomes VALUES (1, 'positive', 1.0, 'majority/1', NULL),
        (2, NULL, NULL, NULL, 'nobody knows');
    INSERT INTO workers VALUES
        ('alice', NULL, NULL, '[\"sentiment\"]', '{\"id\":\"m\"}', 1, 2, 1, 2),
        ('bob', 'owner', NULL, '[\"sentiment\"]', NULL, 1, 2, 0, 0);
    INSERT INTO tasks VALUES
        (x'01890a5dac96774bbcceb30209900001', 1, 'sentiment', 1, 1, 1, 1, 5, 0, NULL, 1, 0, 1, 0, 2, 1),
        (x'01890a5dac96774bbcceb30209900002', 2, 'sentiment', 1, 1, 1, 1, 5, 0, NULL, 0, 0, 0, 0, NULL, NULL),
        (x'01890a5dac96774bbcceb30209900003', 3, 'sentiment', 1, 2, 2, 2, 5, 0, NULL, 0, 0, 0, 1, NULL, NULL),
        (x'01890a5dac96774bbcceb30209900004', 4, 'sentiment', 1, 1, 1, 1, 5, 0, NULL, 0, 0, 0, 1, NULL, NULL),
        (x'01890a5dac96774bbcceb30209900005', 5, 'sentiment', 1, 1, 1, 1, 5, 0, NULL, 2, 0, 0, 0, 2, 2),
        (x'01890a5dac96774bbcceb30209900006', 6, 'sentiment', 1, 2, 2, 2, 5, 0, NULL, 0, 1, 1, 0, NULL, NULL),
        (x'01890a5dac96774bbcceb30209900007', 7, 'sentiment', 1, 1, 1, 1, 5, -5, 2000000000000000, 0, 0, 0, 0, NULL, NULL);
    INSERT INTO idempotency_keys VALUES ('key', x'01890a5dac96774bbcceb30209900002');
    INSERT INTO models VALUES (1, '{\"id\":\"m\"}');
    INSERT INTO votes VALUES
        (1, x'01890a5dac96774bbcceb30209900001', 'alice', NULL, 'positive', 0.9, '{\"positive\":0.9}', 1, 0, 2, 0),
        (2, x'01890a5dac96774bbcceb30209900006', 'alice', NULL, 'positive', 0.9, NULL, NULL, 0, 2, 0);
    INSERT INTO leases VALUES
        (x'01890a5dac96774bbcceb30209900003', 'alice', 1, 3, 2000000000000000, NULL, NULL, 0),
        (x'01890a5dac96774bbcceb30209900004', 'bob', 1, 3, 2000000000000000, 'owner', NULL, 0);
    INSERT INTO losses VALUES (x'01890a5dac96774bbcceb30209900006', 'bob', 1);
    INSERT INTO counters VALUES (0, 'sentiment', 0, 3), (0, 'sentiment', 1, 2),
        (0, 'sentiment', 2, 1), (0, 'sentiment', 3, 1), (1, 'sentiment', 1, 2),
        (1, 'sentiment', 2, 2), (2, 'sentiment', 0, 2), (3, '', 0, 2), (4, '', 0, 2);
    INSERT INTO track_records VALUES ('sentiment', 'alice', 1, 0,
        '{\"epoch\":0,\"agreements\":1,\"disagreements\":0,\"streak\":1,\"counts\":[]}');
";

/// What the third version added: a task that asks for distinct models, leased under one.
const THIRD: &str = "
    INSERT INTO inputs (seq, text) VALUES (8, 'text 8');
    INSERT INTO tasks (id, input, task_type, created_at, required, wanted, max_submissions,
        max_attempts, rank, lease_count, distinct_models)
    VALUES (x'01890a5dac96774bbcceb30209900008', 8, 'sentiment', 1, 2, 2, 2, 5, 0, 1, 1);
    INSERT INTO leases (task, worker, n, claimed_at, until, model)
    VALUES (x'01890a5dac96774bbcceb30209900008', 'alice', 1, 3, 2000000000000000, 1);
    UPDATE counters SET n = n + 1 WHERE kind = 0 AND \"key\" = 1;
    UPDATE counters SET n = n + 1 WHERE kind = 1 AND \"key\" = 2;
";

/// What the third version added to workers: a model with labels for one type, a worker that is gone, one
/// that is suspended for a type, and tallies of one worker with two models.
const WORKERS_OF_THIRD: &str = "
    INSERT INTO workers (id, capabilities, model, registered_at, last_seen, gone)
    VALUES ('carl', '[\"ner\",\"sentiment\"]', '{\"id\":\"m\"}', 1, 2, 1),
        ('dora', '[\"ner\",\"sentiment\"]', '{\"id\":\"m\"}', 1, 2, 0);
    UPDATE workers SET
        models = '{\"ner\":{\"id\":\"n\",\"revision\":\"1\",\"labels\":[\"a\",\"é\\n\"]}}'
    WHERE id = 'dora';
    INSERT INTO standings (worker, task_type, state, reason, since)
    VALUES ('dora', 'sentiment', 2, 'spam', 3);
    INSERT INTO tallies VALUES ('dora', 'ner', 0, 0, 0, 0, 0, 0, 0, 0, 0),
        ('dora', 'ner', 1, 0, 0, 0, 0, 0, 0, 0, 0);
    UPDATE counters SET n = n + 2 WHERE kind IN (2, 4);
    INSERT INTO counters VALUES (2, 'ner', 0, 2);
";

/// What the fifth version added to a task.
const FIFTH: &str = "
    UPDATE inputs SET params = '{\"a\":1}', reference = 'row 2', tags = '[\"x\"]',
        salt = zeroblob(16), digest = zeroblob(32) WHERE seq = 2;
";

fn id(n: u8) -> TaskId {
    let mut bytes = *b"\x01\x89\x0a\x5d\xac\x96\x77\x4b\xbc\xce\xb3\x02\x09\x90\x00\x00";
    bytes[15] = n;
    TaskId::from_bytes(bytes)
}

/// A database as a version left it.
fn left_by(version: u32) -> Place {
    let place = Place::new();
    let mut db = place.connect();
    let sign = format!("PRAGMA application_id = {APPLICATION_ID};");
    db.script(&sign).unwrap();
    let migrations = db.diesel().pending_migrations(MIGRATIONS).unwrap();
    for (n, migration) in (1..=version).zip(&migrations) {
        migrate(&mut db, &**migration);
        assert_eq!(user_version(&mut db).unwrap(), n);
        match n {
            1 => db.script(FIRST).unwrap(),
            3 => {
                db.script(THIRD).unwrap();
                db.script(WORKERS_OF_THIRD).unwrap();
            }
            4 => {
                let events = pack(&[(at(0), Event::MarketReset {})]).unwrap();
                db.execute::<InsertEvents>((1_i64, 1_i64, events.as_slice()))
                    .unwrap();
            }
            5 => db.script(FIFTH).unwrap(),
            _ => {}
        }
    }
    db.script("PRAGMA journal_mode = WAL;").unwrap();
    drop(db);
    place
}

fn migrate(db: &mut Connection, migration: &dyn Migration<Sqlite>) {
    db.diesel().run_migration(migration).unwrap();
}

async fn statuses(store: &SqliteStore) -> BTreeMap<TaskId, TaskStatus> {
    let mut statuses = BTreeMap::new();
    for n in 1..=8 {
        if let Some(details) = store.task(id(n)).await.unwrap() {
            statuses.insert(id(n), details.task.status());
        }
    }
    statuses
}

#[tokio::test]
async fn a_database_of_every_schema_opens_and_goes_on() {
    for version in 1..SCHEMA_VERSION {
        let place = left_by(version);
        let store = place.open();
        assert_eq!(user_version(&mut place.connect()).unwrap(), SCHEMA_VERSION);
        assert_books_balance(&place);

        let mut expected: BTreeMap<_, _> = [
            (id(1), TaskStatus::Finalized),
            (id(2), TaskStatus::Queued),
            (id(3), TaskStatus::Assigned),
            (id(4), TaskStatus::Assigned),
            (id(5), TaskStatus::Failed),
            (id(6), TaskStatus::Queued),
            (id(7), TaskStatus::Queued),
        ]
        .into();
        if version >= 3 {
            expected.insert(id(8), TaskStatus::Assigned);
        }
        assert_eq!(statuses(&store).await, expected, "version {version}");
        let first = store.task(id(1)).await.unwrap().unwrap();
        assert_eq!(first.task.final_label().unwrap().as_str(), "positive");
        assert_eq!(first.submissions[0].model.as_ref().unwrap().id(), "m");
        let second = store.task(id(2)).await.unwrap().unwrap();
        assert_eq!(second.task.params.is_some(), version >= 5);
        assert_eq!(second.task.salt, (version >= 5).then_some([0; 16]));
        let workers = store.workers(WorkerQuery::new(10)).await.unwrap();
        assert_eq!(workers[0].points, 1);
        type Loss = (String, Option<String>, i64);
        let losses = place.connect().rows::<LossesOf, Loss, _>((id(6),)).unwrap();
        assert_eq!(losses, [("bob".to_owned(), Some("owner".to_owned()), 1)]);
        let events = store.events(EventQuery::after(EventId::START, 9)).await;
        assert_eq!(events.unwrap().events.len(), usize::from(version >= 4));

        // Bob names no model, so he does not get the task that asks for distinct ones.
        let market = market(&store);
        let found = claim(&market, "bob", 9).await;
        assert_eq!(found, [7, 2, 3, 6].map(id), "version {version}");
        assert_books_balance(&place);
        let votes = vec![vote(id(4), "bob"), vote(id(6), "bob"), vote(id(3), "alice")];
        let submitted = market.submit(votes).await.unwrap();
        let [finalized, open] = [Progress::Finalized, Progress::Open].map(SubmitOutcome::Accepted);
        assert_eq!(submitted.outcomes, [finalized.clone(), finalized, open]);
        let new = new_task(0);
        let (id, salt) = (new.id, new.salt);
        market.insert(insert([new])).await.unwrap();
        let found = store.task(id).await.unwrap().unwrap();
        assert_eq!(found.task.salt, Some(salt), "version {version}");
        assert_books_balance(&place);
    }
}

#[tokio::test]
async fn whoever_opens_the_keys_of_the_first_schema_makes_their_table() {
    let place = left_by(1);
    let keys = Keys::new(SqliteKeys::open(place.path()).unwrap(), SystemClock);
    assert_eq!(user_version(&mut place.connect()).unwrap(), SCHEMA_VERSION);
    let issued = keys.create(KeySpec::new(Role::Admin)).await.unwrap();
    let store = place.open();
    assert_eq!(store.workers(WorkerQuery::new(9)).await.unwrap().len(), 2);
    keys.authenticate(&issued.key.reveal()).await.unwrap();
    assert_books_balance(&place);
}

/// It would not know the new schema.
#[tokio::test]
async fn keys_leave_the_schema_of_a_coordinator_that_runs_alone() {
    let options = SqliteOptions::new().with_busy_timeout(Duration::ZERO);
    for version in 1..SCHEMA_VERSION {
        let place = left_by(version);
        let mut lock = place.path().as_os_str().to_owned();
        lock.push(".lock");
        let lock = File::create(lock).unwrap();
        lock.try_lock().unwrap();
        let opened = SqliteKeys::open_with(&place.path(), &options);
        if version == 1 {
            assert!(matches!(opened, Err(OpenError::InUse { .. })), "{opened:?}");
        } else {
            let keys = Keys::new(opened.unwrap(), SystemClock);
            let issued = keys.create(KeySpec::new(Role::Admin)).await.unwrap();
            keys.authenticate(&issued.key.reveal()).await.unwrap();
        }
        assert_eq!(user_version(&mut place.connect()).unwrap(), version);
        drop(lock);
        drop(SqliteKeys::open(place.path()).unwrap());
        assert_eq!(user_version(&mut place.connect()).unwrap(), SCHEMA_VERSION);
    }
}

#[tokio::test]
async fn a_salt_has_its_size() {
    let place = Place::new();
    let store = place.open();
    let task = new_task(0).with_params("{\"a\": 1}".parse().unwrap());
    let insert = Insert::new(vec![task]);
    market(&store).insert(insert).await.unwrap();
    drop(store);
    let mut db = place.connect();
    for bad in ["x''", "x'00'", "zeroblob(15)", "zeroblob(17)"] {
        let update = format!("UPDATE inputs SET salt = {bad};");
        assert!(db.script(&update).is_err(), "{bad}");
    }
    for good in ["zeroblob(16)", "NULL"] {
        let update = format!("UPDATE inputs SET salt = {good};");
        db.script(&update).unwrap();
    }
}

#[test]
fn migrations_can_be_undone_and_done_again() {
    let place = Place::new();
    drop(place.open());
    let mut db = place.connect();
    db.diesel().revert_all_migrations(MIGRATIONS).unwrap();
    assert_eq!(user_version(&mut db).unwrap(), 0);
    drop(db);
    drop(place.open());
}
