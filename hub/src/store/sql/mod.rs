//! The seam between the statements, which are the same for every database ([`read`], [`mod@write`], [`clusters`],
//! [`measurements`], [`access`]), and the connections that run them: a statement is text
//! with numbered placeholders, and every value is a number or text.

pub(super) mod access;
mod clusters;
pub(super) mod measurements;
pub(super) mod read;
pub(super) mod write;

use super::StoreError;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    Arguments, AssertSqlSafe, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, TypeInfo, ValueRef,
};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

/// Rows that are asked for in one statement at most, and that PostgreSQL is given: a row has at most fifteen values, and SQLite takes 32,766.
pub(super) const CHUNK: usize = 500;

const CLUSTER_COLUMNS: &str = "cluster, cluster_uid, session, started_at, sequence, agent_version, target_commit, target_epoch, \
     target_generation, problems, api_calls, reported_at, free, version, removed";

/// What failed, for the message.
pub(super) fn step(step: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Step { step, source }
}

/// A connection that runs statements.
pub(super) trait Sql: Send {
    /// How many of so many rows go into the next statement.
    fn portion(&self, rows: usize) -> usize;

    /// How many rows the next statement for so many has, where one may stand in it again and again: there may be more than are left.
    fn filled(&self, rows: usize) -> usize;

    /// Runs a statement; answers how many rows it changed.
    fn execute<'a>(&'a mut self, statement: Statement<'a>) -> BoxFuture<'a, Result<u64, sqlx::Error>>;

    /// Runs a query; answers the rows it found.
    fn fetch<'a>(&'a mut self, statement: Statement<'a>) -> BoxFuture<'a, Result<Vec<Row>, sqlx::Error>>;
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A whole number.
    Number(Option<i64>),
    /// Text.
    Text(Option<Cow<'a, str>>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

/// A statement and the values for its placeholders `$1`, `$2`, … It is put together of constants and placeholders alone.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    text: Cow<'static, str>,
    /// Tuples of placeholders behind the text, and how the text goes on behind them. All values are theirs.
    tuples: Option<(Tuples, String)>,
    values: Vec<Value<'a>>,
}

/// So many tuples of so many placeholders.
#[derive(Clone, Copy, Debug)]
struct Tuples {
    rows: usize,
    width: usize,
    /// Whether they are rows, which have the same width each time.
    of_rows: bool,
}

impl<'a> Statement<'a> {
    pub(super) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), tuples: None, values: Vec::new() }
    }

    /// The value of the next placeholder that stands in the text.
    pub(super) fn bind(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Goes on with text.
    pub(super) fn then(mut self, text: &str) -> Self {
        match &mut self.tuples {
            Some((_, behind)) => behind.push_str(text),
            None => self.text.to_mut().push_str(text),
        }
        self
    }

    /// Goes on with `($1, $2, …)`.
    pub(super) fn tuple(mut self, values: impl IntoIterator<Item = Value<'a>>) -> Self {
        self.values.extend(values);
        let tuples = Tuples { rows: 1, width: self.values.len(), of_rows: false };
        Self { tuples: Some((tuples, String::new())), ..self }
    }

    /// Goes on with `($1, $2), ($3, $4), …`.
    pub(super) fn tuples<const N: usize>(mut self, rows: impl IntoIterator<Item = [Value<'a>; N]>) -> Self {
        self.values.extend(rows.into_iter().flatten());
        let tuples = Tuples { rows: self.values.len() / N, width: N, of_rows: true };
        Self { tuples: Some((tuples, String::new())), ..self }
    }
}

/// A row that was found; its columns are read in their order.
#[derive(Debug)]
pub(super) struct Row(std::vec::IntoIter<Value<'static>>);

impl Row {
    /// The next column, which holds a number.
    pub(super) fn number(&mut self) -> Result<Option<i64>, sqlx::Error> {
        match self.0.next() {
            Some(Value::Number(number)) => Ok(number),
            Some(Value::Text(None)) => Ok(None),
            Some(Value::Text(Some(_))) | None => Err(unexpected("a number")),
        }
    }

    /// The next column, which holds text.
    pub(super) fn text(&mut self) -> Result<Option<String>, sqlx::Error> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(text.map(Cow::into_owned)),
            Some(Value::Number(None)) => Ok(None),
            Some(Value::Number(Some(_))) | None => Err(unexpected("text")),
        }
    }
}

/// What is missing where a column may not be empty.
pub(super) fn unexpected(wanted: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a column holds something else than {wanted}").into())
}

/// Both speak through the same calls of `sqlx`, on types of their own.
macro_rules! speaks {
    ($connection:ty, $database:ty, $arguments:ty, $row:ty) => {
        impl Sql for $connection {
            fn portion(&self, rows: usize) -> usize {
                portion(rows)
            }

            fn filled(&self, rows: usize) -> usize {
                filled(rows)
            }

            fn execute<'a>(
                &'a mut self,
                statement: Statement<'a>,
            ) -> BoxFuture<'a, Result<u64, sqlx::Error>> {
                async move {
                    let (text, kept) = text(&statement);
                    let arguments = arguments(statement.values)?;
                    let query = sqlx::query_with::<$database, _>(AssertSqlSafe(text), arguments);
                    let done = query.persistent(kept).execute(self).await?;
                    Ok(done.rows_affected())
                }
                .boxed()
            }

            fn fetch<'a>(
                &'a mut self,
                statement: Statement<'a>,
            ) -> BoxFuture<'a, Result<Vec<Row>, sqlx::Error>> {
                async move {
                    let (text, kept) = text(&statement);
                    let arguments = arguments(statement.values)?;
                    let query = sqlx::query_with::<$database, _>(AssertSqlSafe(text), arguments);
                    let rows = query.persistent(kept).fetch_all(self).await?;
                    rows.iter().map(row).collect()
                }
                .boxed()
            }
        }

        fn arguments(values: Vec<Value<'_>>) -> Result<$arguments, sqlx::Error> {
            let mut arguments = <$arguments>::default();
            arguments.reserve(values.len(), 0);
            for value in values {
                match value {
                    Value::Number(number) => arguments.add(number),
                    Value::Text(None) => arguments.add(None::<String>),
                    Value::Text(Some(Cow::Owned(text))) => arguments.add(text),
                    // Arguments own their values, and of a shared slice they make no second copy.
                    Value::Text(Some(Cow::Borrowed(text))) => arguments.add(Arc::<str>::from(text)),
                }
                .map_err(sqlx::Error::Encode)?;
            }
            Ok(arguments)
        }

        fn row(row: &$row) -> Result<Row, sqlx::Error> {
            let mut values = Vec::with_capacity(row.len());
            for column in 0..row.len() {
                let is_text = row.try_get_raw(column)?.type_info().name() == "TEXT";
                values.push(if is_text {
                    Value::Text(row.try_get::<Option<String>, _>(column)?.map(Cow::Owned))
                } else {
                    Value::Number(row.try_get(column)?)
                });
            }
            Ok(Row(values.into_iter()))
        }
    };
}

mod sqlite {
    use super::*;
    speaks!(SqliteConnection, Sqlite, SqliteArguments, SqliteRow);

    /// Rows of the largest statement that is kept, and by how many the large ones differ.
    const KEPT: usize = 512;
    const STEP: usize = 32;

    /// Each statement is a way to the thread of SQLite and back, on which both wait for a core: to write some rows twice takes less.
    fn filled(rows: usize) -> usize {
        if rows > STEP { KEPT.min(rows.next_multiple_of(STEP)) } else { rows.next_power_of_two() }
    }

    /// To prepare a statement with thousands of values takes longer than to run it. So there are few, which are kept: of the steps up to the
    /// largest, and of powers of two below the first.
    fn portion(rows: usize) -> usize {
        if rows >= STEP {
            KEPT.min(rows / STEP * STEP)
        } else {
            rows.checked_ilog2().map_or(0, |power| 1 << power)
        }
    }

    /// The text, and whether the connection keeps it prepared. To SQLite `$1` is a name, and it looks through all names for each: with
    /// thousands of values that took most of a batch. Where placeholders stand in the order of their values, they need no name.
    fn text(statement: &Statement<'_>) -> (String, bool) {
        let Some((Tuples { rows, width, of_rows }, behind)) = &statement.tuples else {
            return (statement.text.clone().into_owned(), true);
        };
        let tuple = format!("({})", vec!["?"; *width].join(","));
        let text = [&*statement.text, &vec![&*tuple; *rows].join(","), behind].concat();
        (text, *of_rows && portion(*rows) == *rows)
    }
}

mod postgres {
    use super::*;
    speaks!(PgConnection, Postgres, PgArguments, PgRow);

    /// Every statement is a way to the server and back.
    fn portion(rows: usize) -> usize {
        rows.min(CHUNK)
    }

    /// PostgreSQL refuses a row that stands in a statement twice, and prepares any number of them as fast.
    fn filled(rows: usize) -> usize {
        portion(rows)
    }

    /// The text, and whether the connection keeps it prepared: not where it has as many rows as there happen to be.
    fn text(statement: &Statement<'_>) -> (String, bool) {
        let mut text = statement.text.clone().into_owned();
        let Some((Tuples { rows, width, .. }, behind)) = &statement.tuples else { return (text, true) };
        for row in 0..*rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..*width {
                let comma = if column == 0 { "" } else { "," };
                let _ = write!(text, "{comma}${}", row * width + column + 1);
            }
            text.push(')');
        }
        text.push_str(behind);
        (text, false)
    }
}
