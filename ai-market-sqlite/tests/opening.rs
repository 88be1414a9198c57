//! What is not a database of this crate is refused, and left as it is.

// Tests speak by panicking, also in their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ai_market_core::consensus::Policies;
use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::market::Market;
use ai_market_core::store::{StatsQuery, StoreError, TaskStore, WorkerProfile};
use ai_market_sqlite::{OpenError, SqliteKeys, SqliteStore};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.db");
    (folder, path)
}

fn script(path: &Path, sql: &str) {
    let mut db = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    db.batch_execute(sql).unwrap();
}

/// Everything in the folder of `path`: names and contents.
fn contents(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.map(|file| (fs::read(&file).unwrap(), file)).collect();
    files.sort_by(|a, b| a.1.cmp(&b.1));
    files
        .into_iter()
        .map(|(bytes, file)| (file, bytes))
        .collect()
}

/// Opens what must not open, and looks whether any file was changed or made.
fn refused(path: &Path) -> OpenError {
    let before = contents(path);
    let error = SqliteStore::open(path).unwrap_err();
    assert_eq!(contents(path), before, "{error}");
    let keys = SqliteKeys::open(path).unwrap_err();
    assert_eq!(contents(path), before, "{keys}");
    assert_eq!(keys.to_string(), error.to_string());
    error
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (_folder, path) = folder();
    for bytes in [&b"Dear diary,"[..], &[0; 4_096], b"SQLite format 3\0 or so"] {
        fs::write(&path, bytes).unwrap();
        let error = refused(&path);
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
    }
}

#[test]
fn a_database_of_another_program_is_refused() {
    let (_folder, path) = folder();
    script(&path, "PRAGMA application_id = 7; CREATE TABLE theirs (a);");
    let error = refused(&path);
    assert!(
        matches!(
            error,
            OpenError::Foreign {
                application_id: 7,
                ..
            }
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.ends_with("(application id 0x00000007)"), "{text}");
}

#[test]
fn a_database_that_names_no_program_is_refused() {
    let (_folder, path) = folder();
    script(&path, "CREATE TABLE theirs (a);");
    let error = refused(&path);
    assert!(
        matches!(
            error,
            OpenError::Foreign {
                application_id: 0,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_database_whose_tables_are_in_its_log_is_refused() {
    let (_folder, path) = folder();
    let mut db = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let theirs = "PRAGMA journal_mode = WAL; CREATE TABLE theirs (a);";
    db.batch_execute(theirs).unwrap();
    let copy = path.with_file_name("copy");
    fs::create_dir(&copy).unwrap();
    let copied = copy.join("market.db");
    fs::copy(&path, &copied).unwrap();
    fs::copy(
        path.with_file_name("market.db-wal"),
        copy.join("market.db-wal"),
    )
    .unwrap();
    let error = refused(&copied);
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
}

#[test]
fn an_empty_file_or_database_is_taken() {
    let (_folder, path) = folder();
    fs::write(&path, b"").unwrap();
    drop(SqliteStore::open(&path).unwrap());
    let (_folder, path) = folder();
    script(&path, "VACUUM;");
    drop(SqliteStore::open(&path).unwrap());
    let (_folder, path) = folder();
    script(&path, "PRAGMA journal_mode = WAL;");
    drop(SqliteKeys::open(&path).unwrap());
    drop(SqliteStore::open(&path).unwrap());
}

/// A rollback journal of a transaction that began when the file had `pages`, and wrote no page yet.
fn journal(pages: u32) -> Vec<u8> {
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let numbers = [0_u32, 1, pages, 512, 4_096].map(u32::to_be_bytes);
    let mut journal = [&magic[..], numbers.as_flattened()].concat();
    journal.resize(512, 0);
    journal
}

/// A crash leaves one where it comes before the log is switched on, or while it is.
#[tokio::test]
async fn a_journal_that_a_crash_left_is_played_back() {
    let (folder, path) = folder();
    let beside = folder.path().join("market.db-journal");
    // The first page was being written.
    for half in [[7; 4_096], [0; 4_096]] {
        fs::write(&path, half).unwrap();
        fs::write(&beside, journal(0)).unwrap();
        drop(SqliteStore::open(&path).unwrap());
        fs::write(&path, half).unwrap();
        fs::write(&beside, journal(0)).unwrap();
        drop(SqliteKeys::open(&path).unwrap());
    }
    // It was written.
    let market = Market::new(SqliteStore::open(&path).unwrap(), Policies::default());
    let worker = WorkerProfile::new(WorkerId::new("alice").unwrap(), [TaskType::sentiment()]);
    market.register(worker).await.unwrap();
    drop(market);
    let pages = fs::metadata(&path).unwrap().len() / 4_096;
    fs::write(&beside, journal(pages.try_into().unwrap())).unwrap();
    drop(SqliteKeys::open(&path).unwrap());
    fs::write(&beside, journal(pages.try_into().unwrap())).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let stats = store.stats(StatsQuery::new(store.now())).await.unwrap();
    assert_eq!(stats.workers, 1);
}

/// A power cut while the log is written into the file can leave the first page half written.
#[tokio::test]
async fn a_first_page_that_is_damaged_is_taken_from_the_log() {
    let (folder, path) = folder();
    let copy = folder.path().join("copy.db");
    let market = Market::new(SqliteStore::open(&path).unwrap(), Policies::default());
    let worker = WorkerProfile::new(WorkerId::new("alice").unwrap(), [TaskType::sentiment()]);
    market.register(worker).await.unwrap();
    for keys in [false, true] {
        let mut bytes = fs::read(&path).unwrap();
        bytes[..512].fill(7);
        fs::write(&copy, bytes).unwrap();
        fs::copy(
            path.with_file_name("market.db-wal"),
            copy.with_file_name("copy.db-wal"),
        )
        .unwrap();
        if keys {
            drop(SqliteKeys::open(&copy).unwrap());
        }
        let store = SqliteStore::open(&copy).unwrap();
        let stats = store.stats(StatsQuery::new(store.now())).await.unwrap();
        assert_eq!(stats.workers, 1);
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_whatever_lies_beside_it() {
    for suffix in ["wal", "journal"] {
        let (folder, path) = folder();
        fs::write(&path, [7; 4_096]).unwrap();
        fs::write(folder.path().join(format!("market.db-{suffix}")), [7; 99]).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
        assert_eq!(fs::read(&path).unwrap(), [7; 4_096]);
    }
}

#[test]
fn a_journal_of_another_program_is_left_to_it() {
    let (folder, path) = folder();
    script(&path, "PRAGMA application_id = 7; CREATE TABLE theirs (a);");
    fs::write(folder.path().join("market.db-journal"), journal(2)).unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
}

#[test]
fn what_is_not_a_file_is_refused() {
    let (folder, path) = folder();
    let error = SqliteStore::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::NotAFile { .. }), "{error:?}");
    let error = SqliteKeys::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::NotAFile { .. }), "{error:?}");
    let error = SqliteStore::open(path.join("market.db")).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
    assert!(error.source().is_some());
    assert!(!path.exists());
}

#[test]
fn a_lock_that_cannot_be_made_is_told_from_one_that_is_taken() {
    let (_folder, path) = folder();
    let mut lock = path.clone().into_os_string();
    lock.push(".lock");
    fs::create_dir(&lock).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    let OpenError::Io { path, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(path.ends_with("market.db.lock"), "{error:?}");
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_but_not_into_nothing() {
    let (folder, path) = folder();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let error = SqliteStore::open(&link).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
    let store = SqliteStore::open(&path).unwrap();
    let error = SqliteStore::open(&link).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    drop(store);
    let store = SqliteStore::open(&link).unwrap();
    assert_eq!(store.path(), fs::canonicalize(&path).unwrap());
}

/// The superuser may read and write everything, so there is nothing to see for it.
#[cfg(unix)]
#[test]
fn a_file_or_folder_without_the_right_to_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, path) = folder();
    drop(SqliteStore::open(&path).unwrap());
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for mode in [0o444, 0o000] {
        set(&path, mode);
        if fs::OpenOptions::new().write(true).open(&path).is_err() {
            let error = SqliteStore::open(&path).unwrap_err();
            assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
        }
        set(&path, 0o644);
    }
    set(folder.path(), 0o555);
    let other = folder.path().join("other.db");
    if fs::write(folder.path().join("probe"), b"").is_err() {
        let error = SqliteStore::open(&other).unwrap_err();
        assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
        assert!(!other.exists());
    }
    set(folder.path(), 0o755);
}

#[test]
fn a_newer_schema_is_refused() {
    let (_folder, path) = folder();
    drop(SqliteStore::open(&path).unwrap());
    script(&path, "PRAGMA user_version = 99;");
    let error = refused(&path);
    assert!(
        matches!(
            error,
            OpenError::TooNew {
                found: 99,
                known: 10,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(matches!(StoreError::from(error), StoreError::Failed(_)));
}

#[test]
fn a_newer_schema_that_only_the_log_tells_of_is_refused() {
    let (folder, path) = folder();
    drop(SqliteStore::open(&path).unwrap());
    let mut db = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    db.batch_execute("PRAGMA user_version = 99;").unwrap();
    let copy = tempfile::tempdir().unwrap();
    for name in ["market.db", "market.db-wal", "market.db.lock"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let copied = copy.path().join("market.db");
    let before = fs::read(&copied).unwrap();
    let error = SqliteStore::open(&copied).unwrap_err();
    assert!(
        matches!(error, OpenError::TooNew { found: 99, .. }),
        "{error:?}"
    );
    let keys = SqliteKeys::open(&copied).unwrap_err();
    assert!(
        matches!(keys, OpenError::TooNew { found: 99, .. }),
        "{keys:?}"
    );
    assert_eq!(fs::read(&copied).unwrap(), before);
}

#[test]
fn a_second_store_on_the_same_file_is_refused() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .ends_with("is in use by another coordinator")
    );
    let clone = store.clone();
    drop(store);
    assert!(SqliteStore::open(&path).is_err());
    drop(clone);
    drop(SqliteStore::open(&path).unwrap());
}

#[tokio::test]
async fn another_program_may_write_tables_of_its_own_meanwhile() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).unwrap();
    script(
        &path,
        "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1);",
    );
    let worker = WorkerProfile::new(WorkerId::new("alice").unwrap(), [TaskType::sentiment()]);
    let market = Market::new(store.clone(), Policies::default());
    market.register(worker).await.unwrap();
    let stats = store.stats(StatsQuery::new(store.now())).await.unwrap();
    assert_eq!(stats.workers, 1);
    drop((market, store));
    drop(SqliteStore::open(&path).unwrap());
}

#[test]
fn a_path_is_a_path_whatever_it_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "a b?mode=memory",
        "file:c",
        ":memory:",
        "50%25.db",
        "sqlite:é#1",
    ] {
        let path = folder.path().join(name);
        drop(SqliteStore::open(&path).unwrap());
        assert!(path.exists(), "{name}");
    }
    let path = folder.path().join("closed.db");
    drop(SqliteStore::open(&path).unwrap());
    let log = folder.path().join("closed.db-wal");
    assert!(!log.exists(), "the log is written into the file");
}
