//! What was measured for gates that are over, the same for every database.

use super::super::error::StoreError;
use super::read::text;
use super::write::{chunk, json};
use super::{Sql, Statement, Value, step};
use shipper_core::AppKey;
use shipper_core::api::Measurement;

/// Puts them down; what was known of the same run in the same cluster is replaced.
pub(super) async fn put(connection: &mut dyn Sql, measurements: &[&Measurement]) -> Result<(), StoreError> {
    let mut rows: Vec<[Value<'_>; 7]> = Vec::with_capacity(measurements.len());
    for one in measurements {
        rows.push([
            one.at.as_millisecond().into(),
            one.application.namespace.as_str().into(),
            one.application.name.as_str().into(),
            one.release.as_str().into(),
            one.run.as_millisecond().into(),
            one.cluster.as_str().into(),
            json("a measurement", one)?.into(),
        ]);
    }
    while let Some(chunk) = chunk(connection, &mut rows) {
        let insert = "INSERT INTO measurements (at, namespace, name, release, run, cluster, body) VALUES ";
        let insert = Statement::new(insert).tuples(chunk).then(
            " ON CONFLICT (namespace, name, release, run, cluster) DO UPDATE SET at = excluded.at, body = excluded.body",
        );
        connection.execute(insert).await.map_err(step("writing measurements"))?;
    }
    Ok(())
}

/// Those of an application, the newest first.
pub(in crate::store) async fn of(
    connection: &mut dyn Sql,
    application: &AppKey,
    limit: u32,
) -> Result<Vec<Measurement>, StoreError> {
    let step = step("reading measurements");
    let query = "SELECT body FROM measurements WHERE namespace = $1 AND name = $2 ORDER BY id DESC LIMIT $3";
    let query = Statement::new(query)
        .bind(application.namespace.as_str())
        .bind(application.name.as_str())
        .bind(i64::from(limit));
    let mut found = Vec::new();
    for mut row in connection.fetch(query).await.map_err(&step)? {
        let body = text(&mut row).map_err(&step)?;
        match serde_json::from_str(&body) {
            Ok(measurement) => found.push(measurement),
            Err(error) => {
                tracing::warn!(%application, %error, "a stored measurement cannot be read, and is left out");
            }
        }
    }
    Ok(found)
}
