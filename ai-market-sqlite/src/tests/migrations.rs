//! Files of every schema that there ever was open.

use ai_market_core::access::{KeySpec, Keys, Role};
use ai_market_core::store::{TaskStore, WorkerQuery};
use ai_market_core::time::SystemClock;
use diesel_migrations::MigrationHarness;

use crate::SqliteKeys;
use crate::open::{APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION, user_version};

use super::fixture::Place;

#[test]
fn the_last_migration_sets_the_version_that_is_known() {
    let place = Place::new();
    drop(place.open());
    assert_eq!(user_version(&mut place.connect()).unwrap(), SCHEMA_VERSION);
}

/// One row per table that the first migration made, as the first version wrote them.
const FIRST: &str = "
    INSERT INTO inputs VALUES (1, 'a text');
    INSERT INTO outcomes VALUES (1, 'positive', 1.0, 'majority/1', NULL);
    INSERT INTO workers VALUES ('alice', NULL, NULL, '[\"sentiment\"]', '{\"id\":\"m\"}', 1, 2, 1, 1);
    INSERT INTO tasks VALUES (x'01890a5dac96774bbcceb302099a8057', 1, 'sentiment', 1, 1, 1, 1, 5, 0,
        NULL, 1, 0, 1, 0, 2, 1);
    INSERT INTO models VALUES (1, '{\"id\":\"m\"}');
    INSERT INTO votes VALUES (1, x'01890a5dac96774bbcceb302099a8057', 'alice', NULL, 'positive', 0.9,
        '{\"positive\":0.9}', 1, 0, 2, 0);
    INSERT INTO counters VALUES (0, 'sentiment', 2, 1), (2, 'sentiment', 0, 1), (3, '', 0, 1),
        (4, '', 0, 1);
    INSERT INTO track_records VALUES ('sentiment', 'alice', 1, 0,
        '{\"epoch\":0,\"agreements\":1,\"disagreements\":0,\"streak\":1,\"counts\":[]}');
";

/// A database as the first version left it.
fn first() -> Place {
    let place = Place::new();
    let mut db = place.connect();
    let sign = format!("PRAGMA application_id = {APPLICATION_ID};");
    db.script(&sign).unwrap();
    let first = db.diesel().pending_migrations(MIGRATIONS).unwrap();
    db.diesel().run_migration(&*first[0]).unwrap();
    db.script(FIRST).unwrap();
    db.script("PRAGMA journal_mode = WAL;").unwrap();
    assert_eq!(user_version(&mut db).unwrap(), 1);
    drop(db);
    place
}

#[tokio::test]
async fn a_database_of_the_first_schema_opens() {
    let place = first();
    let store = place.open();
    let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    let task = store.task(id).await.unwrap().unwrap();
    assert_eq!(task.task.final_label().unwrap().as_str(), "positive");
    assert_eq!(task.submissions[0].model.as_ref().unwrap().id(), "m");
    let workers = store.workers(WorkerQuery::new(10)).await.unwrap();
    assert_eq!(workers[0].points, 1);
    super::counters::assert_books_balance(&place);
    let keys = Keys::new(SqliteKeys::open(place.path()).unwrap(), SystemClock);
    keys.create(KeySpec::new(Role::Admin)).await.unwrap();
}

#[tokio::test]
async fn whoever_opens_the_keys_of_the_first_schema_makes_their_table() {
    let place = first();
    let keys = Keys::new(SqliteKeys::open(place.path()).unwrap(), SystemClock);
    assert_eq!(user_version(&mut place.connect()).unwrap(), SCHEMA_VERSION);
    let issued = keys.create(KeySpec::new(Role::Admin)).await.unwrap();
    let store = place.open();
    assert_eq!(store.workers(WorkerQuery::new(9)).await.unwrap().len(), 1);
    keys.authenticate(&issued.key.reveal()).await.unwrap();
    super::counters::assert_books_balance(&place);
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
