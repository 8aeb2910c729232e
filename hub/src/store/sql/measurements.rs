//! What was measured for gates that are over, the same for every database.

use super::super::error::StoreError;
use super::super::timeline::{Measured, MeasurementQuery};
use super::read::{Wanted, number, text};
use super::write::{chunk, json};
use super::{Sql, Statement, Value, step};
use shipper_core::api::Measurement;
use shipper_core::{ClusterName, ReleaseName};

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

/// Those that are asked for. One that cannot be read is left out, and counts all the same: what is older is still told.
pub(in crate::store) async fn of(
    connection: &mut dyn Sql,
    query: &MeasurementQuery,
) -> Result<Measured, StoreError> {
    let step = step("reading measurements");
    let MeasurementQuery { application, release, cluster, before, limit } = query;
    let mut wanted = Wanted::default();
    wanted.also("namespace =", application.namespace.as_str());
    wanted.also("name =", application.name.as_str());
    wanted.maybe("release =", release.as_ref().map(ReleaseName::as_str));
    wanted.maybe("cluster =", cluster.as_ref().map(ClusterName::as_str));
    wanted.maybe("id <", *before);
    let select = "SELECT id, body FROM measurements";
    // One more, to see whether there is any.
    let statement = wanted.statement(select, "ORDER BY id DESC LIMIT", i64::from(*limit) + 1);
    let mut rows = connection.fetch(statement).await.map_err(&step)?;
    let most = usize::try_from(*limit).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    let mut found = Measured::default();
    for mut row in rows {
        let (number, body) = number(&mut row).and_then(|id| Ok((id, text(&mut row)?))).map_err(&step)?;
        found.next = Some(number).filter(|_| more);
        match serde_json::from_str(&body) {
            Ok(measurement) => found.items.push(measurement),
            Err(error) => {
                tracing::warn!(%application, %error, "a stored measurement cannot be read, and is left out");
            }
        }
    }
    Ok(found)
}
