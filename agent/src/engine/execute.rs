//! Carrying out one action: the exact requests, and what their answers mean for the index.

use super::failure::{classify, message};
use super::state::{State, pod_key};
use crate::api::{Api, ApiError, Kind, Kinds};
use crate::lease::Leadership;
use crate::metrics::ShiftLabels;
use crate::random::{Random, doubled};
use serde_json::{Value, json};
use shipper_core::catalogue::Trouble;
use shipper_core::converge::{Action, Apply, Delete, Label, applyset_id};
use shipper_core::labels::{APPLYSET_PART_OF, DELETION_COST, FIELD_MANAGER, TRAFFIC};
use shipper_core::{AppKey, manifest::ObjectKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// First and longest pause after a write that waiting could heal.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// First and longest pause after one that only a person can heal.
const RETRY_REJECTED: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// How often, and at which pauses, an address that a Service had before is asked for again: the API server frees it some moments
/// after it has said that the Service is gone.
const ADDRESS: (u32, Duration) = (8, Duration::from_millis(50));

/// A `resourceVersion` that no object has, for etcd begins to count above it: a server-side apply that carries it makes an object, or is
/// refused with 409 where one exists.
const NO_VERSION: &str = "1";

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The cluster is as the action wanted it, or the index knows better now.
    Done,
    /// It failed, and the failure is noted.
    Failed,
    /// It was not begun: the target changed, or another agent acts.
    Skipped,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a look at one object came to.
enum Seen {
    /// It is there, in this version.
    There(String),
    /// It is not there.
    Gone,
    /// No answer.
    Nothing,
}

/// Carries out actions.
#[derive(Clone)]
pub struct Executor {
    api: Api,
    kinds: Kinds,
    state: Arc<State>,
    leadership: Leadership,
    random: Random,
}

impl Executor {
    /// Nothing under way.
    pub fn new(api: Api, kinds: Kinds, state: Arc<State>, leadership: Leadership, random: Random) -> Self {
        Self { api, kinds, state, leadership, random }
    }

    /// Carries out one action that was decided for this version of the application's target.
    pub async fn run(&self, app: &AppKey, version: u64, action: &Action) -> Outcome {
        let Some(_permit) = self.api.permit().await else { return Outcome::Skipped };
        // Last, so that nothing is written that was waiting while the world changed [C9].
        if !self.state.is_current(app, version) || !self.leadership.is_held() {
            return Outcome::Skipped;
        }
        let (began, since) = (Instant::now(), self.state.clock().now());
        let (what, outcome) = match action {
            Action::Apply(apply) => ("apply", self.apply(app, apply).await),
            Action::Label(label) => ("label", self.label(app, label).await),
            Action::Delete(delete) => ("delete", self.delete(app, delete).await),
        };
        self.state.metrics.wrote(what, outcome.word(), began.elapsed().as_secs_f64());
        self.state.tell(
            what,
            app,
            since,
            [("object", object(action)), ("outcome", outcome.word().to_owned())],
        );
        outcome
    }

    async fn apply(&self, app: &AppKey, apply: &Apply) -> Outcome {
        let path = match self.place(apply).await {
            Ok(kind) => kind.object(apply.key.namespace.as_deref(), &apply.key.name),
            Err(error) => return self.apply_failed(app, apply, &error),
        };
        let mut object = apply.body();
        if let (None, Some(metadata)) =
            (&apply.uid, object.get_mut("metadata").and_then(Value::as_object_mut))
        {
            // Precondition: there is none. What exists already is ours and only unseen, or somebody else's [C8].
            metadata.insert("resourceVersion".to_owned(), json!(NO_VERSION));
        }
        let Some(until) = self.leadership.held_until() else { return Outcome::Skipped };
        let by = apply.repair.then(|| self.state.managers(app, &apply.key));
        match self.send(apply, &path, &object, until).await {
            Ok(answer) => {
                tracing::debug!(application = %app, object = %apply.key, why = apply.why, repair = apply.repair, "applied");
                self.state.metrics.repairs.inc_by(u64::from(apply.repair));
                self.state.written(app, &apply.key, by.as_deref());
                self.state.answered(&answer);
                Outcome::Done
            }
            Err(error) if error.code() == Some(409) && apply.uid.is_some() => {
                // Another object than the one that was decided on, or the same one changed: the next look decides.
                match self.look(app, &apply.key, &path).await {
                    Seen::There(version)
                        if apply.resource_version.as_ref().is_some_and(|v| *v != version) =>
                    {
                        Outcome::Done
                    }
                    _ => self.apply_failed(app, apply, &error),
                }
            }
            Err(error) if error.code() == Some(409) && self.is_there(app, apply, &path).await => {
                tracing::debug!(application = %app, object = %apply.key, %error, "is there already");
                Outcome::Done
            }
            Err(error) => self.apply_failed(app, apply, &error),
        }
    }

    async fn send(
        &self,
        apply: &Apply,
        path: &str,
        object: &Value,
        until: Instant,
    ) -> Result<Value, ApiError> {
        for _ in 0..ADDRESS.0 {
            match self.api.apply(path, FIELD_MANAGER, object, until).await {
                Err(error) if apply.uid.is_none() && classify(&error).0 == Trouble::AddressTaken => {
                    sleep(ADDRESS.1).await;
                }
                answer => return answer,
            }
        }
        self.api.apply(path, FIELD_MANAGER, object, until).await
    }

    async fn place(&self, apply: &Apply) -> Result<Kind, ApiError> {
        let api_version = apply.object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let found = self.kinds.resolve(api_version, &apply.key.kind).await?;
        found.ok_or_else(|| ApiError::Refused {
            verb: "discover",
            path: api_version.to_owned(),
            code: 404,
            reason: "NotFound".to_owned(),
            message: format!(
                "the API server has no kind {} in {api_version}; install its CustomResourceDefinition",
                apply.key.kind
            ),
            causes: Vec::new(),
            about: String::new(),
            retry_after: None,
        })
    }

    /// Looks at what is in the way of an object that was to be made.
    async fn is_there(&self, app: &AppKey, apply: &Apply, path: &str) -> bool {
        match self.api.get("get", path, "application/json").await {
            Ok(object) if is_bare_namespace(apply) => {
                self.state.answered(&object);
                true
            }
            Ok(object) if is_marked(&object, &applyset_id(app)) => {
                self.state.answered(&object);
                true
            }
            Ok(object) => {
                self.state.foreign(app, &object);
                true
            }
            Err(_) => false,
        }
    }

    /// Looks whether an object of somebody else is still in the way.
    pub async fn look_again(&self, app: &AppKey, key: &ObjectKey) {
        if let Ok(Some(kind)) = self.kind_of(key).await {
            let path = kind.object(key.namespace.as_deref(), &key.name);
            if matches!(self.look(app, key, &path).await, Seen::Gone) {
                self.state.absent(app, key);
            }
        }
    }

    /// Brings the index up to date with one object.
    async fn look(&self, app: &AppKey, key: &ObjectKey, path: &str) -> Seen {
        match self.api.get("get", path, "application/json").await {
            Ok(object) => {
                self.state.forget(app, key);
                if is_marked(&object, &applyset_id(app)) {
                    self.state.answered(&object);
                } else {
                    self.state.foreign(app, &object);
                }
                let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
                Seen::There(version.unwrap_or_default().to_owned())
            }
            Err(error) if error.code() == Some(404) => {
                self.state.forget(app, key);
                Seen::Gone
            }
            Err(_) => Seen::Nothing,
        }
    }

    fn apply_failed(&self, app: &AppKey, apply: &Apply, error: &ApiError) -> Outcome {
        let (reason, heals) = classify(error);
        tracing::warn!(application = %app, object = %apply.key, %reason, %error, "apply failed");
        let (first, most) = match reason {
            // The next try asks for no address.
            Trouble::AddressTaken => (ADDRESS.1, RETRY.1),
            _ if heals => RETRY,
            _ => RETRY_REJECTED,
        };
        let at_least = error.retry_after().unwrap_or_default();
        self.state.failed(app, &apply.key, &apply.digest, (reason, message(error), heals), |tries| {
            self.random.spread(doubled(first, tries, most)).max(at_least)
        });
        Outcome::Failed
    }

    async fn label(&self, app: &AppKey, label: &Label) -> Outcome {
        // A pod that has just come has a cost of 0: of those that are left it goes before one that serves.
        let (traffic, cost) =
            if label.serve { (json!("true"), json!("1")) } else { (Value::Null, json!("-1")) };
        let patch = json!({"metadata": {
            "uid": label.uid,
            "resourceVersion": label.resource_version,
            "labels": {TRAFFIC: traffic},
            "annotations": {DELETION_COST: cost},
        }});
        let path = format!("/api/v1/namespaces/{}/pods/{}", label.namespace, label.pod);
        let key = pod_key(&label.namespace, &label.pod);
        let Some(until) = self.leadership.held_until() else { return Outcome::Skipped };
        match self.api.merge(&path, FIELD_MANAGER, &patch, until).await {
            Ok(pod) => {
                tracing::debug!(application = %app, pod = label.pod, serve = label.serve, why = label.why, "labelled");
                let to = if label.serve { "on" } else { "off" };
                self.state.metrics.shifts.get_or_create(&ShiftLabels { to }).inc();
                self.state.labelled(app, &label.pod, label.serve);
                self.state.written(app, &key, None);
                self.state.answered(&pod);
                Outcome::Done
            }
            // Another pod than the one that was decided on: it is looked at before anything else.
            Err(error) if error.code() == Some(409) => {
                match self.api.get("get", &path, "application/json").await {
                    Ok(pod) => {
                        self.state.answered(&pod);
                        Outcome::Done
                    }
                    Err(error) => self.held(app, &key, &error, error.code() == Some(404)),
                }
            }
            Err(error) => self.held(app, &key, &error, matches!(error.code(), Some(404 | 422))),
        }
    }

    async fn delete(&self, app: &AppKey, delete: &Delete) -> Outcome {
        let kind = match self.kind_of(&delete.key).await {
            Ok(Some(kind)) => kind,
            Ok(None) => {
                self.state.forget(app, &delete.key);
                return Outcome::Done;
            }
            Err(error) => return self.held(app, &delete.key, &error, false),
        };
        let path = kind.object(delete.key.namespace.as_deref(), &delete.key.name);
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": delete.uid, "resourceVersion": delete.resource_version},
            "propagationPolicy": "Background",
        });
        let Some(until) = self.leadership.held_until() else { return Outcome::Skipped };
        match self.api.delete(&path, &options, until).await {
            Ok(answer) => {
                tracing::info!(application = %app, object = %delete.key, why = delete.why, "deleted");
                // The object is answered while finalizers hold it, a Status when it is gone.
                if answer.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string) {
                    self.state.answered(&answer);
                }
                self.state.deleting(app, &delete.key, &delete.uid);
                self.state.written(app, &delete.key, None);
                Outcome::Done
            }
            Err(error) if error.code() == Some(404) => {
                self.state.deleting(app, &delete.key, &delete.uid);
                Outcome::Done
            }
            // Changed since it was seen, or another object by now: the next look decides.
            Err(error) if error.code() == Some(409) => match self.look(app, &delete.key, &path).await {
                Seen::There(version) if version != delete.resource_version => Outcome::Done,
                Seen::Gone => Outcome::Done,
                _ => self.held(app, &delete.key, &error, false),
            },
            Err(error) => {
                // Said in the report: a removal that is refused goes on for ever.
                let (reason, heals) = classify(&error);
                let words = (reason, message(&error), heals);
                self.state.failed(app, &delete.key, "", words, |tries| doubled(RETRY.0, tries, RETRY.1));
                self.held(app, &delete.key, &error, false)
            }
        }
    }

    /// The kind of an object that was seen by a watch, in the version of that watch.
    async fn kind_of(&self, key: &ObjectKey) -> Result<Option<Kind>, ApiError> {
        let id = (key.group.clone(), key.kind.clone());
        let api_version = self.state.kinds_to_watch().remove(&id).flatten();
        self.kinds.find(&id, api_version.as_deref()).await
    }

    fn held(&self, app: &AppKey, key: &ObjectKey, error: &ApiError, expected: bool) -> Outcome {
        if expected {
            tracing::debug!(application = %app, object = %key, %error, "has changed meanwhile");
        } else {
            tracing::warn!(application = %app, object = %key, %error, "write failed");
        }
        let at_least = error.retry_after().unwrap_or_default();
        self.state.hold(app, key, |tries| self.random.spread(doubled(RETRY.0, tries, RETRY.1)).max(at_least));
        Outcome::Failed
    }
}

/// What an action is about.
fn object(action: &Action) -> String {
    match action {
        Action::Apply(apply) => apply.key.to_string(),
        Action::Label(label) => pod_key(&label.namespace, &label.pod).to_string(),
        Action::Delete(delete) => delete.key.to_string(),
    }
}

/// The application's own namespace, which is created and then left alone: it carries no mark.
fn is_bare_namespace(apply: &Apply) -> bool {
    apply.key.is("", "Namespace") && apply.object.pointer("/metadata/labels").is_none()
}

/// Whether an object carries the mark of the application's ApplySet, whatever its kind.
fn is_marked(object: &Value, set: &str) -> bool {
    object.get("metadata").and_then(|m| m.get("labels")?.get(APPLYSET_PART_OF)?.as_str()) == Some(set)
}
