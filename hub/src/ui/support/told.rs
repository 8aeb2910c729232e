//! What the hub is told in the tests of the pages: applications, their records, who committed what, and words of somebody who means harm.

use crate::images::Images;
use crate::rendered::{Rendered, Renderings};
use jiff::Timestamp;
use serde_json::{Value, json};
use shipper_core::ReleaseName;
use shipper_core::api::Commit;
use shipper_core::manifest::ContainerKey;
use shipper_core::state::ReleaseRecord;
pub(in crate::ui) use shipper_test_hostile::HOSTILE;
use shipper_test_hostile::quoted;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Decisions, one of which follows from another, and every word of both.
pub(in crate::ui) fn why(app: &str, words: &str) -> Value {
    json!({
        "application": app, "at": "2026-11-01T10:06:00Z", "source": "0123456789abcdef0123",
        "waiting": {"state": "waitingForCapacity", "clusters": [], "message": words},
        "decisions": [
            {"rule": "M3", "decision": format!("{words} is at step half"), "because": [
                {"rule": "A1", "decision": words, "evidence": [
                    {"cluster": words, "targetGeneration": 4, "reportedGeneration": 3, "liveness": "offline", "says": [words]},
                    {"cluster": "eu-2", "targetGeneration": 4, "reportedGeneration": 4, "liveness": "online", "says": ["2 of 2 pods"]},
                ]},
            ]},
        ],
    })
}

/// An application in the middle of a rollout: its contender is at the second of three steps, and cannot pull its image in `eu-1`.
pub(in crate::ui) fn rollout(app: &str) -> Value {
    let release = |name: &str, generation: u64, version: &str| {
        json!({
            "name": name, "generation": generation, "created": "2026-11-01T10:00:00Z", "source": "0123456789abcdef0123", "version": version,
            "steps": ["staging", "half", "full on"], "step": 1, "achieved": {"step": 0, "name": "staging", "at": "2026-11-01T10:05:00Z"},
            "complete": null, "withdrawn": null, "failed": null,
        })
    };
    let mut old = release("shop-old-0", 1, "shop 1.0.0");
    old["complete"] = json!("2026-10-01T10:00:00Z");
    let capacity = |desired: u32, available: u32| {
        json!({"rendered": 4, "desired": desired, "replicas": desired, "pods": desired, "ready": available, "available": available,
            "achieved": desired == available})
    };
    let cluster = |name: &str, available: u32, waiting: &str, message: &str, pods: Value| {
        json!({
            "cluster": name, "liveness": "online", "targetGeneration": 3, "reportedGeneration": 3, "waiting": waiting, "message": message,
            "releases": [
                {"name": "shop-old-0", "capacity": capacity(4, 4), "traffic": {"wanted": 4, "ready": 4, "achieved": true}, "pods": []},
                {"name": "shop-new-0", "capacity": capacity(2, available), "traffic": {"wanted": 2, "ready": available, "achieved": available == 2}, "pods": pods},
            ],
            "problems": [], "unattended": false,
        })
    };
    let failing = json!([{"reason": "ImagePullBackOff", "count": 2, "example": "shop-new-0-abc", "message": "Back-off pulling image \"shop:broken\""}]);
    json!({
        "application": app, "contender": "shop-new-0", "incumbent": "shop-old-0",
        "releases": [release("shop-new-0", 2, "shop 2.0.0"), old],
        "waiting": {"state": "waitingForCapacity", "message": "eu-1: 0 of 2 pods of shop-new-0 are available", "clusters": ["eu-1"]},
        "clusters": [
            cluster("eu-1", 0, "waitingForCapacity", "0 of 2 pods are available", failing),
            cluster("us-1", 2, "none", "", json!([])),
        ],
        "conditions": [],
    })
}

/// An application whose rollout is over.
pub(in crate::ui) fn settled(app: &str, clusters: &[String]) -> Value {
    let clusters: Vec<Value> = clusters
        .iter()
        .map(|name| {
            json!({"cluster": name, "liveness": "online", "targetGeneration": 1, "reportedGeneration": 1, "waiting": "none", "message": "",
                "releases": [], "problems": [], "unattended": false})
        })
        .collect();
    json!({
        "application": app, "contender": "app-0a1b2c3d-0", "incumbent": null,
        "releases": [{"name": "app-0a1b2c3d-0", "generation": 1, "created": "2026-11-01T10:00:00Z", "source": "0123", "version": "app 1.0.0",
            "steps": ["full on"], "step": 0, "achieved": {"step": 0, "name": "full on", "at": "2026-11-01T10:05:00Z"},
            "complete": "2026-11-01T10:05:00Z", "withdrawn": null, "failed": null}],
        "waiting": {"state": "none", "message": "", "clusters": []}, "clusters": clusters, "conditions": [],
    })
}

/// The records of both releases of [`rollout`], with the same environment.
pub(in crate::ui) fn records(environment: &Value) -> BTreeMap<ReleaseName, ReleaseRecord> {
    let record = |name: &str| {
        let record = json!({
            "application": "web/shop", "name": name, "generation": 1, "source": "", "created": Timestamp::UNIX_EPOCH,
            "environment": environment, "strategy": {"steps": [{"name": "full on"}]},
            "position": {"step": 0, "name": "full on", "from": 0, "since": Timestamp::UNIX_EPOCH, "cause": "created"},
        });
        (name.into(), serde_json::from_value(record).unwrap())
    };
    ["shop-old-0", "shop-new-0"].map(record).into()
}

/// The images of both releases of [`rollout`]: this container has another, and one has the same.
pub(in crate::ui) fn images(container: &str, image: &str) -> BTreeMap<ReleaseName, Images> {
    let key = |container: &str| ContainerKey {
        kind: "Deployment".to_owned(),
        object: container.to_owned(),
        container: container.to_owned(),
    };
    let of = |(name, tag): (&str, u32)| {
        let all = [(key(container), format!("{image}:{tag}")), (key("same"), "same:1".to_owned())];
        (name.into(), Arc::new(BTreeMap::from(all)))
    };
    [("shop-old-0", 1), ("shop-new-0", 2)].map(of).into()
}

/// What was rendered of both releases of [`rollout`]: an object of which name, key and value are hostile, and of the value one side.
pub(in crate::ui) fn rendered() -> Renderings {
    let of = |(name, value): (&str, &str)| {
        let [hostile, value] = [HOSTILE, value].map(quoted);
        let object = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {hostile}}}\ndata: {{{hostile}: {value}}}\n"
        );
        (name.into(), Rendered::Manifests(object.into_bytes()))
    };
    [("shop-old-0", "plain"), ("shop-new-0", HOSTILE)].map(of).into()
}

/// So many names of clusters.
pub(in crate::ui) fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("cluster-{number:03}")).collect()
}

/// The clusters of [`rollout`].
pub(in crate::ui) fn two() -> Vec<String> {
    ["eu-1", "us-1"].map(str::to_owned).into()
}

/// The commit that asked for the contender of [`rollout`].
pub(in crate::ui) fn commit(author: &str, subject: &str) -> Commit {
    let [author, subject] = [author, subject].map(|text| Some(text.to_owned()));
    Commit { id: "0123456789abcdef0123".to_owned(), author, subject }
}
