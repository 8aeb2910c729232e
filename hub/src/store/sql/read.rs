//! What is read, the same for every database.

use super::super::error::StoreError;
use super::super::ledger::ClusterRow;
use super::super::timeline::{Begin, Entry, EventQuery, OVERHEAD};
use super::write::{delete_report, end_session};
use super::{CHUNK, CLUSTER_COLUMNS, Row, Sql, Statement, Value, step, unexpected};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use shipper_core::api::{Commit, EventFilter, TimelineEvent};
use shipper_core::report::AppReport;
use shipper_core::{AppKey, ClusterName};
use std::collections::{BTreeMap, BTreeSet};

/// Which database this is.
pub(in crate::store) async fn identity(connection: &mut dyn Sql) -> Result<String, StoreError> {
    let step = step("reading which database this is");
    let rows = connection.fetch(Statement::new("SELECT identity FROM identity")).await.map_err(&step)?;
    rows.into_iter().next().ok_or(sqlx::Error::RowNotFound).and_then(|mut row| text(&mut row)).map_err(step)
}

/// The clusters named. `hold` ends the query: a database that several hubs write locks the rows with it.
pub(in crate::store) async fn clusters(
    connection: &mut dyn Sql,
    names: &BTreeSet<&ClusterName>,
    hold: &str,
) -> Result<BTreeMap<ClusterName, ClusterRow>, StoreError> {
    let mut found = BTreeMap::new();
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    for chunk in names.chunks(CHUNK) {
        let query = Statement::new(format!("SELECT {CLUSTER_COLUMNS} FROM clusters WHERE cluster IN "));
        let query = query.tuple(chunk.iter().map(|name| (*name).into())).then(hold);
        for row in connection.fetch(query).await.map_err(step("reading sessions"))? {
            let (name, row) = cluster(row)?;
            found.insert(name, row);
        }
    }
    Ok(found)
}

/// All clusters.
pub(in crate::store) async fn all_clusters(
    connection: &mut dyn Sql,
) -> Result<BTreeMap<ClusterName, ClusterRow>, StoreError> {
    let query = Statement::new(format!("SELECT {CLUSTER_COLUMNS} FROM clusters"));
    let rows = connection.fetch(query).await.map_err(step("reading sessions"))?;
    rows.into_iter().map(cluster).collect()
}

/// All latest reports. Those that cannot be read are removed, and the sessions of their clusters with them: an agent that has
/// to open another one says everything again.
pub(in crate::store) async fn all_reports(
    connection: &mut dyn Sql,
) -> Result<Vec<(ClusterName, AppReport)>, StoreError> {
    let step = step("reading the latest reports");
    let query = Statement::new("SELECT cluster, namespace, name, body FROM reports");
    let rows = connection.fetch(query).await.map_err(&step)?;
    let mut reports = Vec::with_capacity(rows.len());
    for mut row in rows {
        let mut next = || text(&mut row).map_err(&step);
        let (cluster, namespace, name, body) = (next()?, next()?, next()?, next()?);
        match serde_json::from_str(&body) {
            Ok(report) => reports.push((ClusterName::from(cluster), report)),
            // Written by another version.
            Err(error) => {
                tracing::warn!(cluster, %error, "a stored report cannot be read; the agent is asked for all it knows");
                // First the session: whoever is killed in between does it again.
                end_session(connection, &cluster).await?;
                delete_report(connection, &cluster, &namespace, &name).await?;
            }
        }
    }
    Ok(reports)
}

/// Entries of the timeline.
pub(in crate::store) async fn events(
    connection: &mut dyn Sql,
    query: &EventQuery,
) -> Result<Vec<Entry>, StoreError> {
    let step = step("reading the timeline");
    let EventFilter { application, namespace, within, cluster, reason, since } = &query.filter;
    let mut wanted = Wanted::default();
    if let Some(application) = application {
        wanted.also("namespace =", application.namespace.as_str());
        wanted.also("name =", application.name.as_str());
    }
    wanted.maybe("namespace =", namespace.as_deref());
    if let Some(within) = within {
        wanted.one_of("namespace", within.iter().map(String::as_str));
    }
    wanted.maybe("cluster =", cluster.as_ref().map(ClusterName::as_str));
    wanted.maybe("reason =", reason.as_deref());
    wanted.maybe("at >=", since.map(Timestamp::as_millisecond));
    let order = match query.begin {
        Begin::Newest => "DESC",
        Begin::Before(number) => {
            wanted.also("id <", number);
            "DESC"
        }
        Begin::After(number) => {
            wanted.also("id >", number);
            "ASC"
        }
    };
    let select = "SELECT id, at, namespace, name, cluster, reason, message, commit_id, commit_author, commit_subject FROM events";
    let query = wanted.statement(select, &format!("ORDER BY id {order} LIMIT"), i64::from(query.limit));
    let rows = connection.fetch(query).await.map_err(&step)?;
    rows.into_iter().map(|row| entry(row).map_err(&step)).collect()
}

/// Conditions that a row has to fulfil, all of them.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    conditions: Vec<String>,
    values: Vec<Value<'a>>,
}

impl<'a> Wanted<'a> {
    pub(super) fn also(&mut self, compared: &str, value: impl Into<Value<'a>>) {
        self.values.push(value.into());
        self.conditions.push(format!("{compared} ${}", self.values.len()));
    }

    /// One of none is never so.
    fn one_of(&mut self, column: &str, values: impl Iterator<Item = &'a str>) {
        let first = self.values.len() + 1;
        self.values.extend(values.map(Value::from));
        let places: Vec<String> = (first..=self.values.len()).map(|place| format!("${place}")).collect();
        self.conditions.push(match places.as_slice() {
            [] => "1 = 0".to_owned(),
            places => format!("{column} IN ({})", places.join(", ")),
        });
    }

    pub(super) fn maybe(&mut self, compared: &str, value: Option<impl Into<Value<'a>>>) {
        if let Some(value) = value {
            self.also(compared, value);
        }
    }

    pub(super) fn statement(mut self, select: &str, order: &str, limit: i64) -> Statement<'a> {
        self.values.push(limit.into());
        let conditions = self.conditions.join(" AND ");
        let wanted = if conditions.is_empty() { String::new() } else { format!("WHERE {conditions} ") };
        let statement = Statement::new(format!("{select} {wanted}{order} ${}", self.values.len()));
        self.values.into_iter().fold(statement, Statement::bind)
    }
}

/// What is kept for a time, in a table each.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Kept {
    /// The timeline.
    Events,
    /// What was measured for gates that are over.
    Measurements,
}

impl Kept {
    /// All of it.
    pub(in crate::store) const ALL: [Self; 2] = [Self::Events, Self::Measurements];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Measurements => "measurements",
        }
    }

    /// The columns whose text takes room.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Events => &[
                "namespace",
                "name",
                "cluster",
                "reason",
                "message",
                "commit_id",
                "commit_author",
                "commit_subject",
            ],
            Self::Measurements => &["namespace", "name", "release", "cluster", "body"],
        }
    }
}

/// The newest row of a table that is too old for so many bytes to be kept; nothing where all fit.
pub(in crate::store) async fn beyond_bytes(
    connection: &mut dyn Sql,
    table: Kept,
    bytes: u64,
) -> Result<Option<i64>, StoreError> {
    let step = step("measuring what is kept");
    let name = table.name();
    let columns = table.columns().iter().map(|column| format!("COALESCE(octet_length({column}), 0)"));
    let text = columns.collect::<Vec<_>>().join(" + ");
    let query = format!(
        "SELECT id FROM (SELECT id, SUM({OVERHEAD} + {text}) OVER (ORDER BY id DESC) AS total FROM {name}) AS sized \
         WHERE total > $1 ORDER BY id DESC LIMIT 1"
    );
    let query = Statement::new(query).bind(i64::try_from(bytes).unwrap_or(i64::MAX));
    let rows = connection.fetch(query).await.map_err(&step)?;
    rows.into_iter().next().map(|mut row| number(&mut row)).transpose().map_err(step)
}

fn entry(mut row: Row) -> Result<Entry, sqlx::Error> {
    let (number, at) = (number(&mut row)?, time(number(&mut row)?));
    let application = row.text()?.zip(row.text()?);
    let mut event = TimelineEvent {
        at,
        application: application.map(|(namespace, name)| AppKey { namespace, name }),
        cluster: row.text()?.map(ClusterName::from),
        reason: text(&mut row)?,
        message: text(&mut row)?,
        commit: None,
    };
    let (id, author, subject) = (row.text()?, row.text()?, row.text()?);
    event.commit = id.map(|id| Commit { id, author, subject });
    Ok(Entry { number, event })
}

fn cluster(mut row: Row) -> Result<(ClusterName, ClusterRow), StoreError> {
    let decoding = step("decoding a row");
    let name = ClusterName::from(text(&mut row).map_err(&decoding)?);
    let (mut found, [problems, api_calls, free]) = plain_columns(row).map_err(decoding)?;
    found.problems = parse("problems", &name, &problems)?;
    found.api_calls = parse("API calls", &name, &api_calls)?;
    found.free = parse("free capacity", &name, &free)?;
    Ok((name, found))
}

/// The columns behind the name; those that hold JSON aside.
fn plain_columns(mut row: Row) -> Result<(ClusterRow, [String; 3]), sqlx::Error> {
    let row = &mut row;
    let (cluster_uid, session, started) = (text(row)?, text(row)?, number(row)?);
    let (sequence, agent_version, commit) = (row.number()?, text(row)?, row.text()?);
    let standing = row.number()?.zip(row.number()?);
    let (problems, api_calls, reported, free) = (text(row)?, text(row)?, row.number()?, text(row)?);
    let found = ClusterRow {
        cluster_uid,
        session,
        started: time(started),
        sequence: sequence.map(i64::cast_unsigned),
        agent_version,
        commit,
        standing: standing.map(|(epoch, generation)| (epoch.cast_unsigned(), generation.cast_unsigned())),
        problems: Vec::new(),
        api_calls: BTreeMap::new(),
        reported: reported.map(time),
        free: None,
        version: number(row)?,
        removed: number(row)?,
    };
    Ok((found, [problems, api_calls, free]))
}

/// The next column, which holds text and is never empty.
pub(in crate::store) fn text(row: &mut Row) -> Result<String, sqlx::Error> {
    row.text()?.ok_or_else(|| unexpected("text"))
}

/// The next column, which holds a number and is never empty.
pub(in crate::store) fn number(row: &mut Row) -> Result<i64, sqlx::Error> {
    row.number()?.ok_or_else(|| unexpected("a number"))
}

/// A time as it is stored.
pub(super) fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

fn parse<T: DeserializeOwned>(what: &str, cluster: &ClusterName, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|source| StoreError::Row { what: format!("{what} of {cluster}"), source })
}
