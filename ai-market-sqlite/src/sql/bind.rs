use diesel::QueryResult;
use diesel::query_builder::AstPass;
use diesel::sql_types::{BigInt, Binary, Double, Nullable, Text};
use diesel::sqlite::Sqlite;

use ai_market_core::id::{IdempotencyKey, TaskId, TaskType, WorkerId};

use super::statement::Parts;

/// A value that can take the place of a `?`.
pub(crate) trait Bind {
    /// Writes the placeholder and hands over the value.
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()>;
}

impl Bind for i64 {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<BigInt, _>(self)
    }
}

impl Bind for Option<i64> {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Nullable<BigInt>, _>(self)
    }
}

impl Bind for f64 {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Double, _>(self)
    }
}

impl Bind for Option<f64> {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Nullable<Double>, _>(self)
    }
}

impl Bind for str {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Text, str>(self)
    }
}

impl Bind for Option<&str> {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Nullable<Text>, _>(self)
    }
}

impl Bind for [u8] {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Binary, [u8]>(self)
    }
}

impl Bind for Option<&[u8]> {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Nullable<Binary>, _>(self)
    }
}

impl Bind for TaskId {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.as_bytes().as_slice().push(out)
    }
}

impl Bind for WorkerId {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.as_str().push(out)
    }
}

impl Bind for TaskType {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.as_str().push(out)
    }
}

impl Bind for IdempotencyKey {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.as_str().push(out)
    }
}

impl<T: Bind + ?Sized> Bind for &T {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        (**self).push(out)
    }
}

/// The values of a statement, in the order of its `?`s.
pub(crate) trait Binds {
    /// How many values there are.
    const COUNT: usize;

    /// Writes the parts of a statement with a value between each two.
    fn walk<'b>(&'b self, parts: &Parts, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()>;
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*))*) => {$(
        impl<$($name: Bind),*> Binds for ($($name,)*) {
            const COUNT: usize = [$($index),*].len();

            fn walk<'b>(
                &'b self,
                parts: &Parts,
                mut out: AstPass<'_, 'b, Sqlite>,
            ) -> QueryResult<()> {
                let mut rest = parts.iter();
                $(
                    out.push_sql(rest.next().unwrap_or_default());
                    self.$index.push(&mut out)?;
                )*
                for text in rest {
                    out.push_sql(text);
                }
                Ok(())
            }
        }
    )*};
}

impl Binds for () {
    const COUNT: usize = 0;

    fn walk<'b>(&'b self, parts: &Parts, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        for text in parts.iter() {
            out.push_sql(text);
        }
        Ok(())
    }
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13)
}
