//! A Job whose result is the sample. Its name follows from release, analysis and run, so that an agent that was restarted finds
//! the one it made; it belongs to the application's inventory, and goes when its run is over.

use super::measuring::Measuring;
use super::{AskError, Tools};
use crate::api::{ApiError, Kind};
use jiff::Timestamp;
use serde_json::{Value, json};
use shipper_core::analysis::Reading;
use shipper_core::intent::{JobRun, Measure};
use shipper_core::labels::{ANALYSIS, APPLICATION, FIELD_MANAGER, MANAGED_BY, MANAGER};
use shipper_core::state::TargetAnalysis;
use shipper_core::{AppKey, ReleaseName, hash};
use std::time::Duration;
use tokio::time::sleep;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Where the agent is gone before the run is over, Kubernetes removes a finished Job after this many seconds.
const KEPT: u64 = 86_400;
/// Longest name: the Job's pods carry it as a label.
const LONGEST: usize = 63;

/// Runs the Job, or waits for the one that runs already.
///
/// # Errors
/// It cannot be made, does not end, or is somebody else's.
pub(super) async fn ask(measuring: &Measuring, run: &JobRun) -> Result<Reading, AskError> {
    let Measuring { tools, app, release, .. } = measuring;
    let name = name(release, &measuring.analysis.name, measuring.run);
    let failed = |source| AskError::Job { job: name.clone(), source: Box::new(source) };
    let kind = Kind::known("batch/v1", "Job").ok_or_else(|| no_result(&name, "is of no known kind"))?;
    let (path, collection) =
        (kind.object(Some(&app.namespace), &name), kind.collection(Some(&app.namespace)));
    loop {
        match tools.api.get("get", &path, "application/json").await {
            Ok(job) if !is_ours(&job, &measuring.analysis.name) => {
                return Err(no_result(&name, "exists already and is not Shipper's"));
            }
            Ok(job) => {
                if let Some(result) = result(&name, &job) {
                    return result;
                }
                sleep(LOOK).await;
            }
            Err(error) if error.code() == Some(404) => {
                let object = object(measuring, run, &name).await.map_err(failed)?;
                let Some(_permit) = tools.api.permit().await else {
                    return Err(no_result(&name, "was not made"));
                };
                // Last, so that nothing is made that was waiting while the world changed [C9].
                let wanted = tools.state.to_measure().get(app).is_some_and(|now| now.run == measuring.run);
                let Some(until) = tools.leadership.held_until().filter(|_| wanted) else {
                    return Err(no_result(&name, "is not wanted any more"));
                };
                match tools.api.create(&collection, FIELD_MANAGER, &object, until).await {
                    Err(error) if error.code() == Some(409) => sleep(LOOK).await,
                    made => drop(made.map_err(failed)?),
                }
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Removes the Jobs of a run that is over. What is missed, Kubernetes removes a day later.
pub(super) async fn clean_up(tools: Tools, app: AppKey, analysis: TargetAnalysis) {
    let jobs = analysis.measures.iter().filter(|measure| matches!(measure.measure, Measure::Job(_)));
    for measure in jobs {
        let name = name(&analysis.release, &measure.name, analysis.run);
        if let Err(error) = remove(&tools, &app, &name, &measure.name).await {
            tracing::warn!(application = %app, job = name, %error, "the Job of an analysis is left behind");
        }
    }
}

async fn remove(tools: &Tools, app: &AppKey, name: &str, analysis: &str) -> Result<(), ApiError> {
    let Some(kind) = Kind::known("batch/v1", "Job") else { return Ok(()) };
    let path = kind.object(Some(&app.namespace), name);
    let job = match tools.api.get("get", &path, "application/json").await {
        Err(error) if error.code() == Some(404) => return Ok(()),
        job => job?,
    };
    if !is_ours(&job, analysis) {
        return Ok(());
    }
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": job.pointer("/metadata/uid")},
        "propagationPolicy": "Background",
    });
    let Some(_permit) = tools.api.permit().await else { return Ok(()) };
    let Some(until) = tools.leadership.held_until() else { return Ok(()) };
    match tools.api.delete(&path, &options, until).await {
        Err(error) if error.code() == Some(404) => Ok(()),
        deleted => deleted.map(drop),
    }
}

fn no_result(job: &str, reason: &str) -> AskError {
    AskError::NoResult { job: job.to_owned(), reason: reason.to_owned() }
}

/// Another run has another name, so that the result of an earlier one never counts.
fn name(release: &ReleaseName, analysis: &str, run: Timestamp) -> String {
    let digest = hash::short(&[release.as_str(), analysis, &run.to_string()], 8);
    let mut name = format!("{release}-{analysis}");
    name.truncate(LONGEST - digest.len() - 1);
    format!("{}-{digest}", name.trim_end_matches('-'))
}

fn is_ours(job: &Value, analysis: &str) -> bool {
    let label = |key: &str| job.get("metadata").and_then(|m| m.get("labels")?.get(key)?.as_str());
    label(MANAGED_BY) == Some(MANAGER) && label(ANALYSIS) == Some(analysis)
}

fn result(name: &str, job: &Value) -> Option<Result<Reading, AskError>> {
    let conditions = job.pointer("/status/conditions").and_then(Value::as_array)?;
    let text = |condition: &Value, field: &str| {
        condition.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let holds =
        |kind: &str| conditions.iter().find(|one| text(one, "type") == kind && text(one, "status") == "True");
    if holds("Complete").is_some() {
        return Some(Ok(Reading::Job { succeeded: true, message: format!("Job {name} succeeded") }));
    }
    let failed = holds("Failed")?;
    let (reason, message) = (text(failed, "reason"), text(failed, "message"));
    // It never came to a result: its image cannot be pulled, no node has room, or it hangs.
    if reason == "DeadlineExceeded" {
        return Some(Err(no_result(name, "did not end in time")));
    }
    Some(Ok(Reading::Job { succeeded: false, message: format!("Job {name} failed: {reason}: {message}") }))
}

async fn object(measuring: &Measuring, run: &JobRun, name: &str) -> Result<Value, ApiError> {
    let Measuring { tools, app, analysis, .. } = measuring;
    let marks = json!({APPLICATION: app.name, MANAGED_BY: MANAGER, ANALYSIS: analysis.name});
    let mut spec = Value::Object(run.spec.clone());
    let mut default = |path: &str, field: &str, value: Value| {
        if let Some(place) = spec.pointer_mut(path).and_then(Value::as_object_mut) {
            place.entry(field).or_insert(value);
        }
    };
    default("", "backoffLimit", json!(0));
    default("", "activeDeadlineSeconds", json!(analysis.timeout().as_secs().max(1)));
    default("", "ttlSecondsAfterFinished", json!(KEPT));
    default("/template/spec", "restartPolicy", json!("Never"));
    default("/template", "metadata", json!({}));
    default("/template/metadata", "labels", json!({}));
    // Without the release's label: these are no pods of its capacity.
    if let (Some(labels), Some(marks)) =
        (spec.pointer_mut("/template/metadata/labels").and_then(Value::as_object_mut), marks.as_object())
    {
        labels.extend(marks.clone());
    }
    let mut metadata = json!({"name": name, "namespace": app.namespace, "labels": marks});
    if let Some(owner) = owner(tools, app).await? {
        metadata["ownerReferences"] = json!([owner]);
    }
    Ok(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}))
}

/// The application's inventory: the Job goes with it.
async fn owner(tools: &Tools, app: &AppKey) -> Result<Option<Value>, ApiError> {
    let inventory = format!("shipper-{}", app.name);
    let Some(kind) = Kind::known("v1", "ConfigMap") else { return Ok(None) };
    match tools.api.get("get", &kind.object(Some(&app.namespace), &inventory), "application/json").await {
        Ok(object) => Ok(object
            .pointer("/metadata/uid")
            .map(|uid| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": inventory, "uid": uid}))),
        Err(error) if error.code() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}
