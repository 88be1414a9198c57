use std::path::Path;

use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};

#[derive(QueryableByName)]
struct Difference {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Everything that is wrong in the database at `path`: damage, and sums that do not add up.
pub(crate) fn differences(path: &Path) -> Result<Vec<(String, i64)>, diesel::result::Error> {
    let mut db = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let wrong: Vec<Difference> = diesel::sql_query(include_str!("../books.sql")).load(&mut db)?;
    Ok(wrong.into_iter().map(|row| (row.what, row.n)).collect())
}
