//! How kwok plays nodes and pods: its `Stage` objects.
//!
//! A pod says how it behaves by the label [`BEHAVIOUR`]. Every stage compares what the pod is with what it should be,
//! so changing the label of a running pod changes what it does.

use serde_json::{Value, json};

/// The label that chooses the behaviour of a pod, one of:
///
/// | value | what the pod does |
/// |---|---|
/// | `ready` (default) | is ready after 0.2 to 0.5 s |
/// | `slow` | is ready after 3 s |
/// | `never-ready` | runs, and is never ready |
/// | `crash` | is in `CrashLoopBackOff`; the default where an image's name contains `crash` |
/// | `image-pull` | is in `ImagePullBackOff`; the default where an image's name contains `broken` |
/// | `fails` | ends with a fault at once; it has to be of a Job |
pub const BEHAVIOUR: &str = "shipper-tests/behaviour";

const NODE_STATUS: &str = include_str!("stages/node-status.tmpl");
const READY: &str = include_str!("stages/pod-ready.tmpl");
const UNREADY: &str = include_str!("stages/pod-unready.tmpl");
const NEVER_READY: &str = include_str!("stages/pod-never-ready.tmpl");
const CRASH: &str = include_str!("stages/pod-crash.tmpl");
const IMAGE_PULL: &str = include_str!("stages/pod-image-pull.tmpl");
const ADDRESSES: &str = include_str!("stages/pod-addresses.tmpl");
const JOB_COMPLETE: &str = include_str!("stages/job-complete.tmpl");
const JOB_FAILED: &str = include_str!("stages/job-failed.tmpl");

/// kwok's configuration: YAML documents, each written as JSON.
pub(crate) fn config() -> String {
    let ready = [READY, ADDRESSES].concat();
    let stages = [
        stage("node-ready", "Node", &[not_in(READY_CONDITION, &["True"])], 0, &status(NODE_STATUS)),
        pod("ready", &["ready"], not_in(READY_CONDITION, &["True"]), 200, &status(&ready)),
        pod("slowly-ready", &["slow"], not_in(READY_CONDITION, &["True"]), 3_000, &status(&ready)),
        pod(
            "never-ready",
            &["never-ready"],
            not_in(READY_CONDITION, &["False"]),
            200,
            &status(&[UNREADY, NEVER_READY, ADDRESSES].concat()),
        ),
        pod(
            "crash",
            &["crash"],
            not_in(WAITING_REASON, &["CrashLoopBackOff"]),
            200,
            &status(&[UNREADY, CRASH, ADDRESSES].concat()),
        ),
        pod(
            "image-pull",
            &["image-pull"],
            not_in(WAITING_REASON, &["ImagePullBackOff"]),
            200,
            &status(&[UNREADY, IMAGE_PULL].concat()),
        ),
        pod("of-job-completes", &["ready", "slow"], is_in(RUNNING_FOR, &["Job"]), 200, &status(JOB_COMPLETE)),
        pod("of-job-fails", &["fails"], is_in(OWNER, &["Job"]), 200, &status(JOB_FAILED)),
        stage(
            "pod-deleted",
            "Pod",
            &[json!({"key": DELETED, "operator": "Exists"})],
            50,
            &json!({"delete": true}),
        ),
    ];
    stages.iter().map(|stage| format!("{stage}\n---\n")).collect()
}

const DELETED: &str = ".metadata.deletionTimestamp";
const READY_CONDITION: &str = r#".status.conditions.[] | select( .type == "Ready" ) | .status"#;
const WAITING_REASON: &str = ".status.containerStatuses.[].state.waiting.reason";
const OWNER: &str = ".metadata.ownerReferences.[].kind";
/// What owns the pod, once its containers have run.
const RUNNING_FOR: &str = r#"select( .status.phase == "Running" ) | .metadata.ownerReferences.[].kind"#;

fn pod(name: &str, behaviours: &[&str], when: Value, milliseconds: u32, next: &Value) -> Value {
    let behaviour = format!(
        r#".metadata.labels["{BEHAVIOUR}"] // (if {} then "image-pull" elif {} then "crash" else "ready" end)"#,
        any_image("broken"),
        any_image("crash"),
    );
    let conditions = [
        json!({"key": DELETED, "operator": "DoesNotExist"}),
        is_in(".status.phase", &["Pending", "Running"]),
        is_in(&behaviour, behaviours),
        when,
    ];
    stage(&format!("pod-{name}"), "Pod", &conditions, milliseconds, next)
}

fn any_image(word: &str) -> String {
    format!(r#"any(.spec.containers[]; .image | contains("{word}"))"#)
}

fn stage(name: &str, kind: &str, conditions: &[Value], milliseconds: u32, next: &Value) -> Value {
    // Spread over 0.3 s, so that pods come one after another as they do on real nodes.
    let latest = if kind == "Pod" { milliseconds + 300 } else { milliseconds };
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": conditions},
            "delay": {"durationMilliseconds": milliseconds, "jitterDurationMilliseconds": latest},
            "next": next,
        },
    })
}

fn is_in(key: &str, values: &[&str]) -> Value {
    json!({"key": key, "operator": "In", "values": values})
}

fn not_in(key: &str, values: &[&str]) -> Value {
    json!({"key": key, "operator": "NotIn", "values": values})
}

fn status(template: &str) -> Value {
    json!({"statusTemplate": template})
}
