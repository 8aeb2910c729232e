//! How the row of a cluster is written. Most reports say nothing new of the agent itself: of its row only what changes with every report is
//! written then, which is less than half of the work.

use super::super::error::StoreError;
use super::super::ledger::{ClusterRow, Extent, Ledger};
use super::write::{chunk, json};
use super::{CLUSTER_COLUMNS, Sql, Statement, Value, step};
use jiff::Timestamp;
use shipper_core::ClusterName;

/// Writes what a batch changed of clusters.
pub(super) async fn put(connection: &mut dyn Sql, ledger: &Ledger<'_>) -> Result<(), StoreError> {
    let (mut whole, mut heard) = (Vec::new(), Vec::new());
    for (name, extent) in &ledger.changed {
        match (ledger.clusters.get(*name), extent) {
            (Some(row), Extent::Whole) => whole.push(all(name, row)?),
            (Some(row), Extent::Heard) => heard.push(moving(name, row)?),
            (None, _) => {}
        }
    }
    while let Some(chunk) = chunk(connection, &mut whole) {
        let insert = Statement::new(format!("INSERT INTO clusters ({CLUSTER_COLUMNS}) VALUES "));
        let insert = insert.tuples(chunk).then(
            " ON CONFLICT (cluster) DO UPDATE SET cluster_uid = excluded.cluster_uid, session = excluded.session, \
             started_at = excluded.started_at, sequence = excluded.sequence, agent_version = excluded.agent_version, \
             target_commit = excluded.target_commit, target_epoch = excluded.target_epoch, \
             target_generation = excluded.target_generation, problems = excluded.problems, \
             api_calls = excluded.api_calls, reported_at = excluded.reported_at, free = excluded.free, \
             version = excluded.version, removed = excluded.removed",
        );
        connection.execute(insert).await.map_err(step("writing sessions"))?;
    }
    while let Some(chunk) = chunk(connection, &mut heard) {
        // Both databases call the columns of such a list so.
        let update = "UPDATE clusters SET sequence = heard.column2, reported_at = heard.column3, version = heard.column4, \
             api_calls = heard.column5 FROM (VALUES ";
        let update = Statement::new(update).tuples(chunk).then(") AS heard WHERE cluster = heard.column1");
        connection.execute(update).await.map_err(step("writing who was heard"))?;
    }
    Ok(())
}

fn all<'a>(name: &'a ClusterName, row: &'a ClusterRow) -> Result<[Value<'a>; 15], StoreError> {
    Ok([
        name.as_str().into(),
        row.cluster_uid.as_str().into(),
        row.session.as_str().into(),
        row.started.as_millisecond().into(),
        row.sequence.map(u64::cast_signed).into(),
        row.agent_version.as_str().into(),
        row.commit.as_deref().into(),
        row.standing.map(|(epoch, _)| epoch.cast_signed()).into(),
        row.standing.map(|(_, generation)| generation.cast_signed()).into(),
        json("problems", &row.problems)?.into(),
        json("API calls", &row.api_calls)?.into(),
        row.reported.map(Timestamp::as_millisecond).into(),
        json("free capacity", &row.free)?.into(),
        row.version.into(),
        row.removed.into(),
    ])
}

/// What changes with every report.
fn moving<'a>(name: &'a ClusterName, row: &'a ClusterRow) -> Result<[Value<'a>; 5], StoreError> {
    Ok([
        name.as_str().into(),
        row.sequence.map(u64::cast_signed).into(),
        row.reported.map(Timestamp::as_millisecond).into(),
        row.version.into(),
        json("API calls", &row.api_calls)?.into(),
    ])
}
