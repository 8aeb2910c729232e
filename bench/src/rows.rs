//! The least that taking in reports costs: the rows that the hub wrote for them, written again with nothing around.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use jiff::Timestamp;
use rand::seq::SliceRandom as _;
use shipper_hub::store::ledger::Extent;
use shipper_tests::scratch::Scratch;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Arguments as _, AssertSqlSafe, Column as _, Row as _, Sqlite, TypeInfo as _, ValueRef as _};

/// Rows in one statement at most, about as many as the hub has.
const CHUNK: usize = 500;
/// What counts on from one report to the next.
const COUNTS: [&str; 2] = ["sequence", "version"];
/// When a report came.
const TIME: &str = "reported_at";
/// What every report changes of its cluster, behind the name.
const HEARD: [&str; 4] = ["sequence", "reported_at", "version", "api_calls"];

/// Reports a second that can be written with so many in a transaction, for so long.
///
/// A report is the row of its cluster, as much of it as `extent` says, and the rows of the applications that it is `about`, with the very
/// values that the hub with `data` has of it in its database; only numbers and times go on, as they do from one report to the next. The rows
/// take the place of their like in a copy of that database, by the same driver, with the same settings (a write-ahead log, flushed with every
/// transaction). Those of a transaction are in the order of their keys, and no neighbours but by chance, as whoever reports next is not the
/// next by name. What is written is ready before it begins, and statements stay prepared. Nothing is read, parsed, judged or told to
/// anybody, and nothing else runs.
///
/// # Errors
/// The hub has fewer reports than go into a transaction, or a database fails.
pub async fn bare(
    data: &Path,
    (batch, about): (usize, usize),
    extent: Extent,
    length: Duration,
) -> Result<f64> {
    let scratch = Scratch::new("bare")?;
    let copy = scratch.join("bare.db");
    let hub = SqliteConnectOptions::new().filename(data.join("hub.db")).read_only(true);
    let hub = SqlitePoolOptions::new().max_connections(1).connect_with(hub).await?;
    sqlx::query("VACUUM INTO ?").bind(copy.display().to_string()).execute(&hub).await?;
    hub.close().await;
    let options = SqliteConnectOptions::new()
        .filename(copy)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    // The report that each cluster sent last.
    let last = "(SELECT r.cluster FROM reports AS r JOIN clusters AS c ON r.cluster = c.cluster AND r.sequence = c.sequence \
         GROUP BY r.cluster HAVING count(*) = ?)";
    let of_cluster = match extent {
        Extent::Whole => "*".to_owned(),
        Extent::Heard => format!("cluster, {}", HEARD.join(", ")),
    };
    let clusters = format!("SELECT {of_cluster} FROM clusters WHERE cluster IN {last} ORDER BY cluster");
    let reports = format!(
        "SELECT * FROM reports AS r WHERE cluster IN {last} \
         AND sequence = (SELECT sequence FROM clusters AS c WHERE c.cluster = r.cluster) ORDER BY cluster"
    );
    let clusters = (clusters, about);
    let mut clusters = match extent {
        Extent::Whole => {
            Rows::read(
                &pool,
                |columns, tuples| replace("clusters", &["cluster"], columns, tuples),
                clusters,
                (batch, 1),
            )
            .await?
        }
        Extent::Heard => Rows::read(&pool, |_, tuples| hear(tuples), clusters, (batch, 1)).await?,
    };
    let key = ["cluster", "namespace", "name"];
    let text = |columns: &[String], tuples: &str| replace("reports", &key, columns, tuples);
    let mut reports = Rows::read(&pool, text, (reports, about), (batch, about)).await?;
    ensure!(clusters.values.len() * about == reports.values.len(), "a report is not of {about} applications");
    let mut order: Vec<usize> = (0..clusters.values.len()).collect();
    order.shuffle(&mut rand::rng());

    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < length {
        let now = Timestamp::now().as_millisecond();
        // The first ones are the last the next time.
        order.rotate_left(batch);
        let mut chosen = order[..batch].to_vec();
        chosen.sort_unstable();
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        for rows in [&mut clusters, &mut reports] {
            for (statement, values) in rows.statements(&chosen, now)? {
                sqlx::query_with::<Sqlite, _>(AssertSqlSafe(statement), values)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        transaction.commit().await?;
        count += batch;
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    pool.close().await;
    Ok(rate)
}

/// Rows of a table, of which a batch at a time is written.
struct Rows {
    /// How many belong to a report.
    each: usize,
    columns: Vec<String>,
    values: Vec<Vec<Value>>,
    /// What writes a batch, with how many rows each.
    texts: Vec<(Arc<str>, usize)>,
}

enum Value {
    Number(Option<i64>),
    Text(Arc<str>),
}

impl Rows {
    async fn read(
        pool: &SqlitePool,
        text: impl Fn(&[String], &str) -> String,
        (query, about): (String, usize),
        (batch, each): (usize, usize),
    ) -> Result<Self> {
        let batch = batch * each;
        let query = sqlx::query(AssertSqlSafe(query)).bind(i64::try_from(about)?);
        let rows = query.fetch_all(pool).await?;
        let Some(one) = rows.first() else { bail!("no row is of a report") };
        let columns: Vec<String> = one.columns().iter().map(|column| column.name().to_owned()).collect();
        let values = rows.iter().map(values).collect::<Result<Vec<_>>>()?;
        ensure!(batch <= values.len(), "{batch} rows at once of {}", values.len());
        let tuple = format!("({})", vec!["?"; columns.len()].join(","));
        let statement = |rows: usize| text(&columns, &vec![&*tuple; rows].join(","));
        let sizes = (0..batch).step_by(CHUNK).map(|first| CHUNK.min(batch - first));
        let texts = sizes.map(|rows| (Arc::from(statement(rows)), rows)).collect();
        Ok(Self { each, columns, values, texts })
    }

    /// The statements that write the chosen reports, with their values.
    fn statements(&mut self, chosen: &[usize], now: i64) -> Result<Vec<(Arc<str>, SqliteArguments)>> {
        let each = self.each;
        let mut chosen = chosen.iter().flat_map(|report| report * each..(report + 1) * each);
        let mut made = Vec::with_capacity(self.texts.len());
        for (text, rows) in &self.texts {
            let mut arguments = SqliteArguments::default();
            arguments.reserve(rows * self.columns.len(), 0);
            for place in chosen.by_ref().take(*rows) {
                for (column, value) in self.columns.iter().zip(&mut self.values[place]) {
                    let added = match value {
                        Value::Number(Some(number)) if COUNTS.contains(&column.as_str()) => {
                            *number += 1;
                            arguments.add(*number)
                        }
                        Value::Number(_) if column == TIME => arguments.add(now),
                        Value::Number(number) => arguments.add(*number),
                        Value::Text(text) => arguments.add(text.clone()),
                    };
                    added.map_err(sqlx::Error::Encode)?;
                }
            }
            made.push((text.clone(), arguments));
        }
        Ok(made)
    }
}

/// Writes rows whole in the place of their like.
fn replace(table: &str, key: &[&str], columns: &[String], tuples: &str) -> String {
    let others = columns.iter().filter(|column| !key.contains(&column.as_str()));
    let set: Vec<String> = others.map(|column| format!("{column} = excluded.{column}")).collect();
    let (columns, key, set) = (columns.join(", "), key.join(", "), set.join(", "));
    format!("INSERT INTO {table} ({columns}) VALUES {tuples} ON CONFLICT ({key}) DO UPDATE SET {set}")
}

/// Writes of clusters what every report changes.
fn hear(tuples: &str) -> String {
    let set: Vec<String> =
        HEARD.iter().zip(2..).map(|(column, place)| format!("{column} = heard.column{place}")).collect();
    format!(
        "UPDATE clusters SET {} FROM (VALUES {tuples}) AS heard WHERE cluster = heard.column1",
        set.join(", ")
    )
}

fn values(row: &SqliteRow) -> Result<Vec<Value>> {
    let value = |column: usize| {
        let is_text = row.try_get_raw(column)?.type_info().name() == "TEXT";
        Ok(if is_text {
            Value::Text(row.try_get::<String, _>(column)?.into())
        } else {
            Value::Number(row.try_get(column)?)
        })
    };
    (0..row.len()).map(value).collect()
}
