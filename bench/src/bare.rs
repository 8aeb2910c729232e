//! The floor of every write: objects applied bare, by server-side apply, as `kubectl apply --server-side` does, without
//! the start of a program and without discovery.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::Value;

use crate::sight::{ACCOUNT, DEPLOYMENT, INGRESS, SERVICE, api};

/// Who applies.
const MANAGER: &str = "shipper-bench";

/// Applies one object.
///
/// # Errors
/// The API server refuses.
pub async fn apply(client: &Client, object: &Value) -> Result<DynamicObject> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let kinds = [DEPLOYMENT, SERVICE, ACCOUNT, INGRESS];
    let kind = kinds.into_iter().find(|kind| kind[1] == text("/kind")).context("an unknown kind")?;
    let name = text("/metadata/name");
    let parameters = PatchParams::apply(MANAGER).force();
    api(client, kind)?
        .patch(name, &parameters, &Patch::Apply(object))
        .await
        .with_context(|| format!("cannot apply {} {name}", kind[1]))
}

/// Applies all objects, so many at once, and returns the time until the last answer.
///
/// # Errors
/// The API server refuses one.
pub async fn apply_all(client: &Client, objects: &[Value], at_once: usize) -> Result<Duration> {
    let began = Instant::now();
    stream::iter(objects)
        .map(|object| apply(client, object))
        .buffer_unordered(at_once)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(began.elapsed())
}
