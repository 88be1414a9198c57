//! What durability rests on is switched on.

use diesel::sql_types::{BigInt, Text};

use crate::SqliteKeys;
use crate::sql::Statement;

use super::fixture::Place;

struct JournalMode;

impl Statement for JournalMode {
    const SQL: &'static str = "PRAGMA journal_mode";
    type Row = (Text,);
}

struct Synchronous;

impl Statement for Synchronous {
    const SQL: &'static str = "PRAGMA synchronous";
    type Row = (BigInt,);
}

struct ForeignKeys;

impl Statement for ForeignKeys {
    const SQL: &'static str = "PRAGMA foreign_keys";
    type Row = (BigInt,);
}

#[tokio::test]
async fn the_writer_waits_for_the_disk_and_checks_references() {
    let place = Place::new();
    let store = place.open();
    let settings = store.with_session(|session| {
        let db = &mut session.db;
        Ok((
            db.row::<JournalMode, (String,), _>(())?,
            db.row::<Synchronous, (i64,), _>(())?,
            db.row::<ForeignKeys, (i64,), _>(())?,
        ))
    });
    let full = Some((2,));
    let on = Some((1,));
    assert_eq!(
        settings.await.unwrap(),
        (Some(("wal".to_owned(),)), full, on)
    );
}

#[tokio::test]
async fn the_writer_of_keys_waits_for_the_disk() {
    let place = Place::new();
    let keys = SqliteKeys::open(place.path()).unwrap();
    let settings = keys.writer().write(|db| {
        Ok((
            db.row::<JournalMode, (String,), _>(())?,
            db.row::<Synchronous, (i64,), _>(())?,
        ))
    });
    assert_eq!(
        settings.await.unwrap(),
        (Some(("wal".to_owned(),)), Some((2,)))
    );
}

#[tokio::test]
async fn readers_cannot_write() {
    let place = Place::new();
    let store = place.open();
    let refused = store.read(|db| Ok(db.script("DELETE FROM tasks;")?)).await;
    assert!(refused.is_err());
}
