//! Keys and a store have one database open at the same time, in one process and in several.
//!
//! The child is this test binary, told by the environment to be one.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier};

use ai_market_core::access::{AccessError, KeySpec, Keys, Refusal, Role};
use ai_market_core::consensus::Policies;
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::market::Market;
use ai_market_core::store::{StatsQuery, TaskStore, WorkerProfile};
use ai_market_core::time::{Clock, SystemClock, Timestamp};
use ai_market_sqlite::{SqliteKeys, SqliteStore};
use tempfile::TempDir;

const PLACE: &str = "AI_MARKET_KEYS_TEST_DATABASE";
const DEED: &str = "AI_MARKET_KEYS_TEST_DEED";

/// How a child ends that found the database locked, or not.
#[cfg(unix)]
const LOCKED: i32 = 40;
#[cfg(unix)]
const FREE: i32 = 41;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.db");
    (folder, path)
}

fn keys(path: &Path) -> Keys {
    Keys::new(SqliteKeys::open(path).unwrap(), SystemClock)
}

fn market(store: &SqliteStore) -> Market {
    Market::new(store.clone(), Policies::default())
}

async fn register(store: &SqliteStore, name: &str) {
    let worker = WorkerProfile::new(WorkerId::new(name).unwrap(), [TaskType::sentiment()]);
    market(store).register(worker).await.unwrap();
}

async fn workers(store: &SqliteStore) -> u64 {
    let stats = store.stats(StatsQuery::new(store.now())).await.unwrap();
    stats.workers
}

fn log(path: &Path) -> PathBuf {
    path.with_file_name("market.db-wal")
}

async fn count(keys: &Keys) -> usize {
    keys.list(None, 1_000).await.unwrap().len()
}

/// Not a test: the other process.
#[tokio::test]
async fn child() {
    let (Some(path), Ok(deed)) = (std::env::var_os(PLACE), std::env::var(DEED)) else {
        return;
    };
    let path = PathBuf::from(path);
    match deed.split_once(' ') {
        Some(("revoke", id)) => {
            keys(&path).revoke(id.parse().unwrap()).await.unwrap();
        }
        Some(("create", n)) => {
            let keys = keys(&path);
            for _ in 0..n.parse().unwrap() {
                keys.create(KeySpec::new(Role::Client)).await.unwrap();
            }
        }
        Some(("serve", n)) => {
            let store = SqliteStore::open(&path).unwrap();
            for n in 0..n.parse().unwrap() {
                register(&store, &format!("worker-{n}")).await;
            }
        }
        #[cfg(unix)]
        None if deed == "look" => {
            std::process::exit(if lock_of_another(&path) { LOCKED } else { FREE })
        }
        other => panic!("{deed}: {other:?}"),
    }
}

/// Whether another process holds SQLite's shared lock on the database.
#[cfg(unix)]
fn lock_of_another(path: &Path) -> bool {
    use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

    let file = std::fs::OpenOptions::new().write(true).open(path);
    let asked = Flock {
        start: 0x4000_0002,
        length: 510,
        pid: None,
        typ: FlockType::WriteLock,
        offset_type: FlockOffsetType::Set,
    };
    fcntl_getlk(file.unwrap(), &asked).unwrap().is_some()
}

fn start(path: &Path, deed: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(PLACE, path)
        .env(DEED, deed)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn end(mut child: Child) {
    assert!(child.wait().unwrap().success());
}

/// The clock of the system, which can be put forward.
#[derive(Debug, Default)]
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        let micros = SystemClock.now().as_micros();
        Timestamp::from_micros(micros + self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_key_that_another_process_revokes_is_refused() {
    let (_folder, path) = folder();
    let ahead = Arc::new(Ahead::default());
    let keys = Keys::new(SqliteKeys::open(&path).unwrap(), Arc::clone(&ahead));
    let _store = SqliteStore::open(&path).unwrap();
    let issued = keys.create(KeySpec::new(Role::Client)).await.unwrap();
    let text = issued.key.reveal();
    keys.authenticate(&text).await.unwrap();
    end(start(&path, &format!("revoke {}", issued.key.id())));
    ahead.0.store(1_000_000, Ordering::SeqCst);
    let refused = keys.authenticate(&text).await;
    assert!(
        matches!(refused, Err(AccessError::Refused(Refusal::Revoked))),
        "{refused:?}"
    );
}

/// SQLite's lock on the file belongs to the process, and is lost when the file is opened and closed
/// beside SQLite. Whoever closes the database from another process may then delete the log that
/// this one writes; some versions of SQLite do.
#[cfg(unix)]
#[test]
fn opening_a_database_again_keeps_the_lock_of_the_process() {
    let (_folder, path) = folder();
    // Only another process can tell, since nobody is in the way of its own locks.
    let is_locked = || match start(&path, "look").wait().unwrap().code() {
        Some(LOCKED) => true,
        Some(FREE) => false,
        other => panic!("{other:?}"),
    };
    let store = SqliteStore::open(&path).unwrap();
    assert!(is_locked());
    let keys = SqliteKeys::open(&path).unwrap();
    assert!(is_locked());
    drop(store);
    assert!(is_locked());
    let store = SqliteStore::open(&path).unwrap();
    assert!(is_locked());
    assert!(SqliteStore::open(&path).is_err());
    assert!(is_locked());
    drop(keys);
    assert!(is_locked());
    drop(store);
    assert!(!is_locked());
}

/// Neither they nor the store delete a log that the other still writes.
#[tokio::test]
async fn what_is_written_after_others_came_and_went_is_there() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).unwrap();
    register(&store, "alice").await;
    for _ in 0..2 {
        drop(SqliteKeys::open(&path).unwrap());
        end(start(&path, "create 1"));
        assert!(log(&path).exists());
    }
    register(&store, "bob").await;
    let keys = keys(&path);
    keys.create(KeySpec::new(Role::Admin)).await.unwrap();
    drop(store);
    // Nor does a store that opens take them from the keys.
    drop(SqliteStore::open(&path).unwrap());
    end(start(&path, "create 1"));
    assert!(log(&path).exists());
    keys.create(KeySpec::new(Role::Admin)).await.unwrap();
    drop(keys);
    assert!(!log(&path).exists(), "the last one writes the log");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(workers(&store).await, 2);
    assert_eq!(count(&self::keys(&path)).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_and_those_that_change_keys_do_not_fail_each_other() {
    let (_folder, path) = folder();
    // None of them is there first.
    let children = [
        start(&path, "serve 100"),
        start(&path, "create 40"),
        start(&path, "create 40"),
    ];
    let keys = keys(&path);
    for _ in 0..40 {
        keys.create(KeySpec::new(Role::Client)).await.unwrap();
    }
    children.into_iter().for_each(end);
    assert_eq!(count(&keys).await, 120);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(workers(&store).await, 100);
}

/// Whoever comes first makes the database, and nobody finds half of one.
#[test]
fn many_processes_make_one_database() {
    for _ in 0..3 {
        let (_folder, path) = folder();
        let children = [(); 6].map(|()| start(&path, "create 1"));
        children.into_iter().for_each(end);
        assert!(SqliteStore::open(&path).is_ok());
    }
}

#[test]
fn many_threads_make_one_database() {
    for _ in 0..10 {
        let (_folder, path) = folder();
        let barrier = Arc::new(Barrier::new(8));
        let threads = [(); 8].map(|()| {
            let (path, barrier) = (path.clone(), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                SqliteKeys::open(&path).unwrap()
            })
        });
        let store = SqliteStore::open(&path).unwrap();
        let open = threads.map(|thread| thread.join().unwrap());
        assert!(open.iter().all(|keys| keys.path() == store.path()));
    }
}

#[tokio::test]
async fn clearing_the_market_forgets_no_key() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).unwrap();
    let keys = keys(&path);
    let issued = keys.create(KeySpec::new(Role::Admin)).await.unwrap();
    register(&store, "alice").await;
    market(&store).clear().await.unwrap();
    assert_eq!(workers(&store).await, 0);
    let another = self::keys(&path);
    another.authenticate(&issued.key.reveal()).await.unwrap();
}
