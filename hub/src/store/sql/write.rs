//! What is written, the same for every database. Many rows go into one statement, so that a batch costs a handful of them.

use super::super::TimelineEvent;
use super::super::error::StoreError;
use super::super::ledger::Ledger;
use super::super::timeline::Keep;
use super::read::Kept;
use super::{Sql, Statement, Value, clusters, measurements, step};
use serde::Serialize;
use shipper_core::{AppKey, ClusterName};

/// Rows that are dropped at once: others have their turn in between.
pub(in crate::store) const PRUNED: u64 = 5_000;

/// Drops rows of a table from before `since`, all but the newest `entries`, and those up to number `beyond`; answers how many. Where it is
/// [`PRUNED`], there may be more.
pub(in crate::store) async fn prune(
    connection: &mut dyn Sql,
    table: Kept,
    keep: Keep,
    beyond: Option<i64>,
) -> Result<u64, StoreError> {
    // Where there are no more than that, the innermost query finds nothing, and nothing is older than it. Numbers begin at one.
    let name = table.name();
    let delete = format!(
        "DELETE FROM {name} WHERE id IN (SELECT id FROM {name} WHERE at < $1 \
         OR id <= (SELECT id FROM {name} ORDER BY id DESC LIMIT 1 OFFSET $2) OR id <= $3 LIMIT $4)"
    );
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let delete = Statement::new(delete)
        .bind(keep.since.as_millisecond())
        .bind(number(keep.entries))
        .bind(beyond.unwrap_or(0))
        .bind(number(PRUNED));
    connection.execute(delete).await.map_err(step("dropping what is old"))
}

/// Finds out whether the database takes writes, by one that changes nothing.
pub(in crate::store) async fn probe(connection: &mut dyn Sql) -> Result<(), StoreError> {
    let update = Statement::new("UPDATE identity SET identity = identity");
    connection.execute(update).await.map(drop).map_err(step("trying whether it takes writes"))
}

/// Writes what a batch changed.
pub(in crate::store) async fn flush(connection: &mut dyn Sql, ledger: &Ledger<'_>) -> Result<(), StoreError> {
    for cluster in &ledger.purged {
        let delete = Statement::new("DELETE FROM reports WHERE cluster = $1").bind(cluster.as_str());
        connection.execute(delete).await.map_err(step("deleting the reports of a replaced cluster"))?;
    }
    clusters::put(connection, ledger).await?;
    put_reports(connection, ledger).await?;
    put_events(connection, &ledger.events).await?;
    measurements::put(connection, &ledger.measurements).await
}

async fn put_reports(connection: &mut dyn Sql, ledger: &Ledger<'_>) -> Result<(), StoreError> {
    let mut rows: Vec<[Value<'_>; 8]> = Vec::with_capacity(ledger.reports.len());
    for ((cluster, application), row) in &ledger.reports {
        match row {
            Some(row) => rows.push([
                cluster.as_str().into(),
                application.namespace.as_str().into(),
                application.name.as_str().into(),
                row.report.session.as_str().into(),
                row.report.sequence.cast_signed().into(),
                row.at.as_millisecond().into(),
                row.version.into(),
                json("a report", row.state)?.into(),
            ]),
            None => {
                let (cluster, AppKey { namespace, name }) = (cluster.as_str(), application);
                delete_report(connection, cluster, namespace, name).await?;
            }
        }
    }
    while let Some(chunk) = chunk(connection, &mut rows) {
        let insert = "INSERT INTO reports (cluster, namespace, name, session, sequence, reported_at, version, body) VALUES ";
        let insert = Statement::new(insert).tuples(chunk).then(
            " ON CONFLICT (cluster, namespace, name) DO UPDATE SET session = excluded.session, sequence = excluded.sequence, \
             reported_at = excluded.reported_at, version = excluded.version, body = excluded.body",
        );
        connection.execute(insert).await.map_err(step("writing reports"))?;
    }
    Ok(())
}

async fn put_events(connection: &mut dyn Sql, events: &[TimelineEvent]) -> Result<(), StoreError> {
    let mut rest = events;
    while let Some((chunk, others)) = rest.split_at_checked(connection.portion(rest.len()).max(1)) {
        rest = others;
        let insert = "INSERT INTO events \
            (at, namespace, name, cluster, reason, message, commit_id, commit_author, commit_subject) VALUES ";
        let insert = Statement::new(insert).tuples(chunk.iter().map(|event| -> [Value<'_>; 9] {
            let commit = event.commit.as_ref();
            [
                event.at.as_millisecond().into(),
                event.application.as_ref().map(|application| application.namespace.as_str()).into(),
                event.application.as_ref().map(|application| application.name.as_str()).into(),
                event.cluster.as_ref().map(ClusterName::as_str).into(),
                event.reason.as_str().into(),
                event.message.as_str().into(),
                commit.map(|commit| commit.id.as_str()).into(),
                commit.and_then(|commit| commit.author.as_deref()).into(),
                commit.and_then(|commit| commit.subject.as_deref()).into(),
            ]
        }));
        connection.execute(insert).await.map_err(step("writing the timeline"))?;
    }
    Ok(())
}

/// No agent presents an empty session, so whatever the present one reports is answered as unknown.
pub(super) async fn end_session(connection: &mut dyn Sql, cluster: &str) -> Result<(), StoreError> {
    let update = "UPDATE clusters SET session = '', sequence = NULL WHERE cluster = $1";
    let update = Statement::new(update).bind(cluster);
    connection.execute(update).await.map_err(step("ending a session"))?;
    Ok(())
}

pub(super) async fn delete_report(
    connection: &mut dyn Sql,
    cluster: &str,
    namespace: &str,
    name: &str,
) -> Result<(), StoreError> {
    let delete = "DELETE FROM reports WHERE cluster = $1 AND namespace = $2 AND name = $3";
    let delete = Statement::new(delete).bind(cluster).bind(namespace).bind(name);
    connection.execute(delete).await.map_err(step("deleting a report"))?;
    Ok(())
}

/// The first of the rows, as many as go into a statement that takes the place of what is there, the last of them maybe several times; `None` =
/// there are none.
pub(super) fn chunk<T: Clone>(connection: &dyn Sql, rows: &mut Vec<T>) -> Option<Vec<T>> {
    let size = connection.filled(rows.len());
    let rest = rows.split_off(size.min(rows.len()));
    let mut chunk = std::mem::replace(rows, rest);
    let last = chunk.last()?.clone();
    chunk.resize(size, last);
    Some(chunk)
}

pub(super) fn json<T: Serialize>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Row { what: what.to_owned(), source })
}
