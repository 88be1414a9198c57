use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::Binds;

/// A statement of constant text, which is a type so that diesel prepares it once per connection and
/// finds it again by that type.
///
/// `diesel::sql_query` prepares its text at every call, and the query builder spends on a hot
/// statement about as much as SQLite does; this keeps diesel's connection, binding and loading, and
/// makes the text visible to the tests of query plans.
pub(crate) trait Statement: 'static {
    /// The text, with a `?` for every value.
    const SQL: &'static str;

    /// The SQL types of a row that it returns.
    type Row: 'static;

    /// The text, split at its `?`s: diesel walks through a statement whenever it runs it.
    const PARTS: Parts = Parts::of(Self::SQL);
}

/// The most parts that a statement has.
const MAX_PARTS: usize = 16;

/// The parts of a text before, between and after its `?`s.
#[derive(Debug)]
pub(crate) struct Parts {
    parts: [&'static str; MAX_PARTS],
    len: usize,
}

impl Parts {
    const fn of(mut text: &'static str) -> Self {
        let mut parts = [""; MAX_PARTS];
        let (mut len, mut end) = (0, 0);
        while end < text.len() {
            if text.as_bytes()[end] == b'?' {
                let (part, rest) = text.split_at(end);
                parts[len] = part;
                (len, end) = (len + 1, 0);
                text = rest.split_at(1).1;
            } else {
                end += 1;
            }
        }
        parts[len] = text;
        Self {
            parts,
            len: len + 1,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.parts[..self.len].iter().copied()
    }
}

/// A statement with its values.
pub(crate) struct Bound<S, B> {
    binds: B,
    statement: PhantomData<S>,
}

impl<S: Statement, B: Binds> Bound<S, B> {
    pub(crate) fn new(binds: B) -> Self {
        debug_assert_eq!(
            S::SQL.matches('?').count(),
            B::COUNT,
            "a value for each ? of {}",
            S::SQL
        );
        Self {
            binds,
            statement: PhantomData,
        }
    }
}

impl<S: Statement, B> QueryId for Bound<S, B> {
    type QueryId = S;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<S: Statement, B> Query for Bound<S, B> {
    type SqlType = S::Row;
}

impl<S, B> RunQueryDsl<SqliteConnection> for Bound<S, B> {}

impl<S: Statement, B: Binds> QueryFragment<Sqlite> for Bound<S, B> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.binds.walk(&S::PARTS, out)
    }
}
