//! Rows and statements. Many rows go into one statement, so that a batch costs a handful of them.

use super::super::TimelineEvent;
use super::super::ledger::{ClusterRow, Ledger};
use super::StoreError;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shipper_core::report::AppReport;
use shipper_core::{AppKey, ClusterName};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};
use std::collections::{BTreeMap, BTreeSet};

/// Rows in one statement: SQLite takes 32,766 values, a row has at most eleven.
const CHUNK: usize = 500;

const CLUSTER_COLUMNS: &str = "cluster, cluster_uid, session, started_at, sequence, agent_version, target_commit, problems, api_calls, reported_at, free";

fn step(step: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Step { step, source }
}

/// Which database this is.
pub(super) async fn identity(pool: &SqlitePool) -> Result<String, StoreError> {
    let query = sqlx::query_scalar("SELECT identity FROM identity");
    query.fetch_one(pool).await.map_err(step("reading which database this is"))
}

/// The clusters named.
pub(super) async fn clusters(
    connection: &mut SqliteConnection,
    names: &BTreeSet<&ClusterName>,
) -> Result<BTreeMap<ClusterName, ClusterRow>, StoreError> {
    let mut found = BTreeMap::new();
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    for chunk in names.chunks(CHUNK) {
        let mut query =
            QueryBuilder::<Sqlite>::new(format!("SELECT {CLUSTER_COLUMNS} FROM clusters WHERE cluster IN ("));
        let mut separated = query.separated(", ");
        for name in chunk {
            separated.push_bind(*name);
        }
        separated.push_unseparated(")");
        let rows = query.build().persistent(false).fetch_all(&mut *connection).await;
        for row in rows.map_err(step("reading sessions"))? {
            let (name, row) = cluster(&row)?;
            found.insert(name, row);
        }
    }
    Ok(found)
}

/// All clusters.
pub(super) async fn all_clusters(
    connection: &mut SqliteConnection,
) -> Result<BTreeMap<ClusterName, ClusterRow>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {CLUSTER_COLUMNS} FROM clusters"));
    let rows = query.build().fetch_all(connection).await.map_err(step("reading sessions"))?;
    rows.iter().map(cluster).collect()
}

/// All latest reports. Those that cannot be read are removed, and the sessions of their clusters with them: an agent that has
/// to open another one says everything again.
pub(super) async fn all_reports(
    connection: &mut SqliteConnection,
) -> Result<Vec<(ClusterName, AppReport)>, StoreError> {
    let rows = sqlx::query("SELECT cluster, namespace, name, body FROM reports").fetch_all(&mut *connection);
    let rows = rows.await.map_err(step("reading the latest reports"))?;
    let mut reports = Vec::with_capacity(rows.len());
    for row in rows {
        let cluster: String = get(&row, "cluster")?;
        let body: String = get(&row, "body")?;
        match serde_json::from_str(&body) {
            Ok(report) => reports.push((ClusterName::from(cluster), report)),
            // Written by another version.
            Err(error) => {
                tracing::warn!(cluster, %error, "a stored report cannot be read; the agent is asked for all it knows");
                // First the session: whoever is killed in between does it again.
                end_session(connection, &cluster).await?;
                let (namespace, name): (String, String) = (get(&row, "namespace")?, get(&row, "name")?);
                delete_report(connection, &cluster, &namespace, &name).await?;
            }
        }
    }
    Ok(reports)
}

/// No agent presents an empty session, so whatever the present one reports is answered as unknown.
async fn end_session(connection: &mut SqliteConnection, cluster: &str) -> Result<(), StoreError> {
    let update =
        sqlx::query("UPDATE clusters SET session = '', sequence = NULL WHERE cluster = ?").bind(cluster);
    update.execute(connection).await.map_err(step("ending a session"))?;
    Ok(())
}

async fn delete_report(
    connection: &mut SqliteConnection,
    cluster: &str,
    namespace: &str,
    name: &str,
) -> Result<(), StoreError> {
    let delete = sqlx::query("DELETE FROM reports WHERE cluster = ? AND namespace = ? AND name = ?");
    let delete = delete.bind(cluster).bind(namespace).bind(name);
    delete.execute(connection).await.map_err(step("deleting a report"))?;
    Ok(())
}

/// Entries of the timeline, newest first.
pub(super) async fn events(
    pool: &SqlitePool,
    application: Option<&AppKey>,
    limit: u32,
) -> Result<Vec<TimelineEvent>, StoreError> {
    let mut query =
        QueryBuilder::<Sqlite>::new("SELECT at, namespace, name, cluster, reason, message FROM events");
    if let Some(application) = application {
        query.push(" WHERE namespace = ").push_bind(&application.namespace);
        query.push(" AND name = ").push_bind(&application.name);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit));
    let rows = query.build().fetch_all(pool).await.map_err(step("reading the timeline"))?;
    rows.iter()
        .map(|row| {
            let (namespace, name): (Option<String>, Option<String>) =
                (get(row, "namespace")?, get(row, "name")?);
            Ok(TimelineEvent {
                at: time(get(row, "at")?),
                application: namespace.zip(name).map(|(namespace, name)| AppKey { namespace, name }),
                cluster: get::<Option<String>>(row, "cluster")?.map(ClusterName::from),
                reason: get(row, "reason")?,
                message: get(row, "message")?,
            })
        })
        .collect()
}

/// Writes what a batch changed.
pub(super) async fn flush(connection: &mut SqliteConnection, ledger: &Ledger<'_>) -> Result<(), StoreError> {
    for cluster in &ledger.purged {
        let delete = sqlx::query("DELETE FROM reports WHERE cluster = ?").bind(cluster.as_str());
        delete.execute(&mut *connection).await.map_err(step("deleting the reports of a replaced cluster"))?;
    }
    put_clusters(connection, ledger).await?;
    put_reports(connection, ledger).await?;
    put_events(connection, &ledger.events).await
}

async fn put_clusters(connection: &mut SqliteConnection, ledger: &Ledger<'_>) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(ledger.changed.len());
    for name in &ledger.changed {
        if let Some(row) = ledger.clusters.get(*name) {
            rows.push((
                name.as_str(),
                row,
                json("problems", &row.problems)?,
                json("API calls", &row.api_calls)?,
                json("free capacity", &row.free)?,
            ));
        }
    }
    for chunk in rows.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(format!("INSERT INTO clusters ({CLUSTER_COLUMNS}) "));
        query.push_values(chunk, |mut values, (name, row, problems, api_calls, free)| {
            values.push_bind(*name);
            values.push_bind(&row.cluster_uid);
            values.push_bind(&row.session);
            values.push_bind(row.started.as_millisecond());
            values.push_bind(row.sequence.map(number));
            values.push_bind(&row.agent_version);
            values.push_bind(&row.commit);
            values.push_bind(problems);
            values.push_bind(api_calls);
            values.push_bind(row.reported.map(Timestamp::as_millisecond));
            values.push_bind(free);
        });
        query.push(
            " ON CONFLICT (cluster) DO UPDATE SET cluster_uid = excluded.cluster_uid, session = excluded.session, \
             started_at = excluded.started_at, sequence = excluded.sequence, agent_version = excluded.agent_version, \
             target_commit = excluded.target_commit, problems = excluded.problems, api_calls = excluded.api_calls, \
             reported_at = excluded.reported_at, free = excluded.free",
        );
        let done = query.build().persistent(false).execute(&mut *connection).await;
        done.map_err(step("writing sessions"))?;
    }
    Ok(())
}

async fn put_reports(connection: &mut SqliteConnection, ledger: &Ledger<'_>) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(ledger.reports.len());
    for ((cluster, application), row) in &ledger.reports {
        match row {
            Some(row) => rows.push((*cluster, *application, row, json("a report", row.state)?)),
            None => {
                delete_report(connection, cluster.as_str(), &application.namespace, &application.name)
                    .await?;
            }
        }
    }
    for chunk in rows.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO reports (cluster, namespace, name, session, sequence, reported_at, body) ",
        );
        query.push_values(chunk, |mut values, (cluster, application, row, body)| {
            values.push_bind(cluster.as_str());
            values.push_bind(&application.namespace);
            values.push_bind(&application.name);
            values.push_bind(&row.report.session);
            values.push_bind(number(row.report.sequence));
            values.push_bind(row.at.as_millisecond());
            values.push_bind(body);
        });
        query.push(
            " ON CONFLICT (cluster, namespace, name) DO UPDATE SET session = excluded.session, \
             sequence = excluded.sequence, reported_at = excluded.reported_at, body = excluded.body",
        );
        let done = query.build().persistent(false).execute(&mut *connection).await;
        done.map_err(step("writing reports"))?;
    }
    Ok(())
}

async fn put_events(connection: &mut SqliteConnection, events: &[TimelineEvent]) -> Result<(), StoreError> {
    for chunk in events.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO events (at, namespace, name, cluster, reason, message) ",
        );
        query.push_values(chunk, |mut values, event| {
            values.push_bind(event.at.as_millisecond());
            values.push_bind(event.application.as_ref().map(|a| a.namespace.clone()));
            values.push_bind(event.application.as_ref().map(|a| a.name.clone()));
            values.push_bind(event.cluster.as_ref().map(|c| c.as_str().to_owned()));
            values.push_bind(&event.reason);
            values.push_bind(&event.message);
        });
        let done = query.build().persistent(false).execute(&mut *connection).await;
        done.map_err(step("writing the timeline"))?;
    }
    Ok(())
}

fn cluster(row: &SqliteRow) -> Result<(ClusterName, ClusterRow), StoreError> {
    let name = ClusterName::from(get::<String>(row, "cluster")?);
    let sequence: Option<i64> = get(row, "sequence")?;
    let found = ClusterRow {
        cluster_uid: get(row, "cluster_uid")?,
        session: get(row, "session")?,
        started: time(get(row, "started_at")?),
        sequence: sequence.map(i64::cast_unsigned),
        agent_version: get(row, "agent_version")?,
        commit: get(row, "target_commit")?,
        problems: parse("problems", &name, &get::<String>(row, "problems")?)?,
        api_calls: parse("API calls", &name, &get::<String>(row, "api_calls")?)?,
        reported: get::<Option<i64>>(row, "reported_at")?.map(time),
        free: parse("free capacity", &name, &get::<String>(row, "free")?)?,
    };
    Ok((name, found))
}

fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(column).map_err(step("decoding a row"))
}

/// Numbers keep all their bits; they are compared in memory, never by the database.
fn number(value: u64) -> i64 {
    value.cast_signed()
}

fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

fn json<T: Serialize>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Row { what: what.to_owned(), source })
}

fn parse<T: DeserializeOwned>(what: &str, cluster: &ClusterName, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|source| StoreError::Row { what: format!("{what} of {cluster}"), source })
}
