//! What is read, the same for every database.

use super::super::TimelineEvent;
use super::super::error::StoreError;
use super::super::ledger::ClusterRow;
use super::write::{delete_report, end_session};
use super::{CHUNK, CLUSTER_COLUMNS, Row, Sql, Statement, step, unexpected};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
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

/// Entries of the timeline, newest first.
pub(in crate::store) async fn events(
    connection: &mut dyn Sql,
    application: Option<&AppKey>,
    limit: u32,
) -> Result<Vec<TimelineEvent>, StoreError> {
    let step = step("reading the timeline");
    let query = "SELECT at, namespace, name, cluster, reason, message FROM events";
    let query = match application {
        Some(application) => {
            Statement::new(format!("{query} WHERE namespace = $1 AND name = $2 ORDER BY id DESC LIMIT $3"))
                .bind(application.namespace.as_str())
                .bind(application.name.as_str())
        }
        None => Statement::new(format!("{query} ORDER BY id DESC LIMIT $1")),
    };
    let rows = connection.fetch(query.bind(i64::from(limit))).await.map_err(&step)?;
    rows.into_iter().map(|row| event(row).map_err(&step)).collect()
}

fn event(mut row: Row) -> Result<TimelineEvent, sqlx::Error> {
    let at = time(number(&mut row)?);
    let application = row.text()?.zip(row.text()?);
    Ok(TimelineEvent {
        at,
        application: application.map(|(namespace, name)| AppKey { namespace, name }),
        cluster: row.text()?.map(ClusterName::from),
        reason: text(&mut row)?,
        message: text(&mut row)?,
    })
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

fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

fn parse<T: DeserializeOwned>(what: &str, cluster: &ClusterName, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|source| StoreError::Row { what: format!("{what} of {cluster}"), source })
}
