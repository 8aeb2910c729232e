//! The exact requests that actions become, against a scripted API server.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::{Value, json};
use shipper_agent::accept::Memory;
use shipper_agent::api::{Api, Kinds};
use shipper_agent::clock::Clock;
use shipper_agent::engine::execute::{Executor, Outcome};
use shipper_agent::engine::state::State;
use shipper_agent::lease::Leadership;
use shipper_agent::random::Random;
use shipper_agent::targets::Targets;
use shipper_core::ClusterName;
use shipper_core::catalogue::Trouble;
use shipper_core::converge::{Action, Apply, Delete, Label, applyset_id};
use shipper_core::manifest::ObjectKey;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Repo, app_key, manifests};
use tokio::time::Instant;

/// In place of a status: no answer ever comes.
const HANGS: u16 = 0;

/// A request as it arrived: method, path with query, content type, body.
type Seen = (String, String, String, Value);

struct Bed {
    repo: Repo,
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    state: Arc<State>,
    leadership: Leadership,
    executor: Executor,
    version: u64,
}

impl Bed {
    /// An agent with a target, and an API server that gives these answers in order.
    fn new(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let service = tower::service_fn({
            let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
            move |request: Request<Body>| {
                let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let kind =
                        parts.headers.get("content-type").map_or("", |v| v.to_str().unwrap()).to_owned();
                    let body =
                        if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
                    let method = parts.method.to_string();
                    seen.lock().unwrap().push((method, parts.uri.to_string(), kind, body));
                    let (status, answer) = answers.lock().unwrap().pop_front().expect("one request too many");
                    if status == HANGS {
                        return std::future::pending().await;
                    }
                    let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
                    *response.status_mut() = status.try_into().unwrap();
                    if status == 429 {
                        response.headers_mut().insert("retry-after", "3".parse().unwrap());
                    }
                    Ok::<_, tower::BoxError>(response)
                }
            }
        });
        let repo = Repo::new();
        repo.target(1, 100, &manifests(1, "hello"));
        let api = Api::new(kube::Client::new(service, "default"), 4);
        let state = Arc::new(State::new(Clock::starting_at(Timestamp::UNIX_EPOCH)));
        let leadership = Leadership::new();
        leadership.hold(Instant::now() + Duration::from_secs(3600));
        let kinds = Kinds::new(api.clone());
        let random = Random::seeded(1);
        let executor = Executor::new(api, kinds, Arc::clone(&state), leadership.clone(), random);
        let mut bed = Self { repo, seen, answers, state, leadership, executor, version: 0 };
        bed.sync();
        bed.version = bed.state.round(&app_key()).unwrap().version;
        bed
    }

    /// Brings the branch as it is into force.
    fn sync(&self) {
        let mut targets = Targets::new(ClusterName::from("c1"), Memory::in_dir(self.repo.dir.path()));
        let changes = targets.sync(&mut self.repo.source("a")).unwrap();
        self.state.set_targets(changes.unwrap());
    }

    async fn run(&self, action: Action) -> Outcome {
        self.executor.run(&app_key(), self.version, &action).await
    }

    fn seen(&self) -> Vec<Seen> {
        assert!(self.answers.lock().unwrap().is_empty(), "an answer was not asked for");
        self.seen.lock().unwrap().clone()
    }

    fn problem(&self) -> Option<(Trouble, bool)> {
        let news = self.state.news(&Default::default());
        let problem = news.reports.first()?.0.problems.first()?.clone();
        Some((problem.reason, problem.heals))
    }
}

fn config(uid: Option<&str>) -> Value {
    let mut object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "settings", "namespace": "shop",
            "labels": {"applyset.kubernetes.io/part-of": applyset_id(&app_key())},
            "annotations": {"shipper.dev/applied": "d1"},
        },
        "data": {"a": "b"},
    });
    if let Some(uid) = uid {
        object["metadata"]["uid"] = json!(uid);
    }
    object
}

fn live(uid: &str, version: &str) -> Value {
    let mut object = config(Some(uid));
    object["metadata"]["resourceVersion"] = json!(version);
    object
}

fn apply(uid: Option<&str>) -> Action {
    Action::Apply(Apply {
        key: ObjectKey::of(&config(None)).unwrap(),
        object: config(None),
        digest: "d1".to_owned(),
        uid: uid.map(str::to_owned),
        resource_version: None,
        repair: false,
        rank: 10,
        why: "test",
    })
}

/// An apply that holds only for the object as it was seen.
fn exact(version: &str) -> Action {
    let Action::Apply(mut apply) = apply(Some("u1")) else { unreachable!() };
    apply.resource_version = Some(version.to_owned());
    Action::Apply(apply)
}

fn status(code: u16, reason: &str, message: &str) -> (u16, Value) {
    (code, json!({"kind": "Status", "code": code, "reason": reason, "message": message}))
}

const PATH: &str = "/api/v1/namespaces/shop/configmaps/settings";
const APPLY: &str = "?fieldManager=shipper-agent&force=true&timeout=30s";

#[tokio::test(start_paused = true)]
async fn an_object_that_was_not_seen_is_made_by_one_request_that_takes_over_nothing() {
    let bed = Bed::new([(201, live("u1", "5"))]);
    assert_eq!(bed.run(apply(None)).await, Outcome::Done);
    let mut wanted = config(None);
    // No object has this version, so that only an object that is not there meets the precondition.
    wanted["metadata"]["resourceVersion"] = json!("1");
    let patch = ("PATCH".into(), format!("{PATH}{APPLY}"), "application/apply-patch+yaml".into(), wanted);
    assert_eq!(bed.seen(), [patch]);
}

#[tokio::test(start_paused = true)]
async fn c8_an_object_of_somebody_else_is_not_written() {
    let mut theirs = live("u9", "5");
    theirs["metadata"]["labels"] = json!({});
    let bed = Bed::new([status(409, "Conflict", "the object has been modified"), (200, theirs)]);
    assert_eq!(bed.run(apply(None)).await, Outcome::Done);
    let methods: Vec<_> = bed.seen().into_iter().map(|seen| seen.0).collect();
    assert_eq!(methods, ["PATCH", "GET"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_seen_is_applied_at_once_with_its_uid_as_precondition() {
    let bed = Bed::new([(200, live("u1", "6"))]);
    assert_eq!(bed.run(apply(Some("u1"))).await, Outcome::Done);
    let seen = bed.seen();
    assert_eq!(seen[0].1, format!("{PATH}{APPLY}"));
    assert_eq!(seen[0].3, config(Some("u1")));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_replaced_meanwhile_is_looked_at_again() {
    let bed = Bed::new([status(409, "Conflict", "uid mismatch"), (200, live("u2", "9"))]);
    assert_eq!(bed.run(apply(Some("u1"))).await, Outcome::Failed);
    assert_eq!(bed.seen()[1].0, "GET");
}

#[tokio::test(start_paused = true)]
async fn c5_label_and_deletion_cost_change_in_one_patch() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop", "uid": "u"}});
    let answers =
        [(200, pod.clone()), (200, pod.clone()), status(409, "Conflict", "the pod has changed"), (200, pod)];
    let bed = Bed::new(answers);
    let label = |serve| {
        Action::Label(Label {
            namespace: "shop".to_owned(),
            pod: "p".to_owned(),
            uid: "u".to_owned(),
            resource_version: "7".to_owned(),
            serve,
            why: "test",
        })
    };
    assert_eq!(bed.run(label(true)).await, Outcome::Done);
    assert_eq!(bed.run(label(false)).await, Outcome::Done);
    assert_eq!(bed.run(label(false)).await, Outcome::Done);
    let seen = bed.seen();
    assert_eq!(seen[3].0, "GET", "a pod that has changed is looked at before it is decided on again");
    let (traffic, cost) = ("shipper.dev/traffic", "controller.kubernetes.io/pod-deletion-cost");
    for (seen, label, annotation) in
        [(&seen[0], json!("true"), json!("1")), (&seen[1], Value::Null, json!("-1"))]
    {
        assert_eq!((seen.0.as_str(), seen.2.as_str()), ("PATCH", "application/merge-patch+json"));
        assert_eq!(seen.1, "/api/v1/namespaces/shop/pods/p?fieldManager=shipper-agent&timeout=30s");
        let metadata = json!({"uid": "u", "resourceVersion": "7", "labels": {traffic: label}, "annotations": {cost: annotation}});
        assert_eq!(seen.3, json!({"metadata": metadata}));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_names_what_was_seen_and_works_in_the_background() {
    let bed =
        Bed::new([(200, json!({"kind": "Status", "status": "Success"})), status(404, "NotFound", "gone")]);
    let key = ObjectKey::of(&config(None)).unwrap();
    let delete = Action::Delete(Delete {
        key,
        uid: "u1".to_owned(),
        resource_version: "5".to_owned(),
        rank: 10,
        why: "test",
    });
    assert_eq!(bed.run(delete.clone()).await, Outcome::Done);
    assert_eq!(bed.run(delete).await, Outcome::Done, "what is gone is deleted");
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "u1", "resourceVersion": "5"},
        "propagationPolicy": "Background",
    });
    let path = format!("{PATH}?timeout=30s");
    assert_eq!(bed.seen()[0], ("DELETE".into(), path, "application/json".into(), options));
}

#[tokio::test(start_paused = true)]
async fn c9_nothing_is_written_for_a_target_that_was_replaced_or_without_the_lease() {
    let bed = Bed::new([]);
    bed.repo.target(2, 50, &manifests(1, "hello"));
    bed.sync();
    assert_eq!(bed.run(apply(Some("u1"))).await, Outcome::Skipped);
    let bed = Bed::new([]);
    bed.leadership.hold(Instant::now());
    assert_eq!(bed.run(apply(Some("u1"))).await, Outcome::Skipped);
}

/// [C9] Who may take over afterwards finds no write of this agent under way.
#[tokio::test(start_paused = true)]
async fn c9_a_write_that_hangs_ends_with_the_lease() {
    let bed = Bed::new([(HANGS, Value::Null)]);
    let held = Duration::from_millis(7500);
    bed.leadership.hold(Instant::now() + held);
    let start = Instant::now();
    assert_eq!(bed.run(exact("5")).await, Outcome::Failed);
    assert_eq!(start.elapsed(), held);
    assert!(bed.seen()[0].1.ends_with("&timeout=7s"), "{:?}: the server gives up before", bed.seen()[0].1);
}

/// [C9] What arrives later all the same finds the object changed, and does nothing.
#[tokio::test(start_paused = true)]
async fn c9_what_was_decided_on_an_older_version_is_decided_anew() {
    let bed = Bed::new([status(409, "Conflict", "the object has been modified"), (200, live("u1", "6"))]);
    assert_eq!(bed.run(exact("5")).await, Outcome::Done);
    let seen = bed.seen();
    assert_eq!(seen[0].3["metadata"]["resourceVersion"], "5");
    assert_eq!(seen[1].0, "GET", "how it is now decides");
    let bed = Bed::new([status(409, "Conflict", "a webhook says so"), (200, live("u1", "5"))]);
    assert_eq!(bed.run(exact("5")).await, Outcome::Failed, "nothing has changed: not again at once");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_a_pause_gets_it() {
    let bed = Bed::new([status(429, "TooManyRequests", "slow down"), (200, live("u1", "6"))]);
    assert_eq!(bed.run(apply(Some("u1"))).await, Outcome::Failed);
    let start = Instant::now();
    assert_eq!(bed.run(apply(Some("u1"))).await, Outcome::Done);
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn c7_an_address_that_is_about_to_be_free_is_asked_for_again() {
    let taken = || status(422, "Invalid", "failed to allocate IP 10.0.0.7: provided IP is already allocated");
    let bed = Bed::new([taken(), taken(), (201, live("u1", "6"))]);
    let start = Instant::now();
    assert_eq!(bed.run(apply(None)).await, Outcome::Done);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert_eq!(bed.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a2_failures_say_whether_waiting_could_heal_them() {
    for (answer, reason, heals) in [
        (status(422, "Invalid", "spec.x: Invalid value"), Trouble::Rejected, false),
        (status(403, "Forbidden", "cannot patch configmaps"), Trouble::Forbidden, false),
        (status(403, "Forbidden", "exceeded quota: pods"), Trouble::Quota, true),
        (status(404, "NotFound", "namespaces \"shop\" not found"), Trouble::NamespaceMissing, true),
        (status(500, "InternalError", "failed calling webhook"), Trouble::ServerError, true),
    ] {
        let bed = Bed::new([answer]);
        let namespace = json!([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}]);
        bed.state.listed(&(String::new(), "Namespace".to_owned()), namespace.as_array().unwrap());
        // The real object of the target, so that its failure is in the report.
        let round = bed.state.round(&app_key()).unwrap();
        let is_settings =
            |action: &Action| matches!(action, Action::Apply(a) if a.key.name.starts_with("settings"));
        let action = round.actions.into_iter().find(is_settings).unwrap();
        assert_eq!(bed.run(action.clone()).await, Outcome::Failed);
        let again = bed.state.round(&app_key()).unwrap();
        assert_eq!(bed.problem(), Some((reason, heals)));
        assert!(!again.actions.contains(&action), "{reason}: not tried again at once");
        assert!(again.wake_at.is_some(), "{reason}: but later");
    }
}
