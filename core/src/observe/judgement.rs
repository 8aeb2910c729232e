//! Workloads that are judged by their own status: StatefulSets, DaemonSets and Jobs [C11].

use super::at;
use super::live::condition;
use serde_json::Value;

/// How far a workload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// All of it is there, as its spec has it.
    Done,
    /// Not yet; what is lacking, in words.
    Waiting(Box<str>),
    /// It has failed, and waiting does not change that; in Kubernetes' words.
    Failed(Box<str>),
}

/// The judgement of an object; `None` for kinds that are judged otherwise, or by their being there.
pub(super) fn judge(object: &Value) -> Option<Judgement> {
    let text = |field: &str| object.get(field).and_then(Value::as_str);
    let judged = match (text("apiVersion")?, text("kind")?) {
        ("apps/v1", "StatefulSet") => stateful_set(object),
        ("apps/v1", "DaemonSet") => daemon_set(object),
        ("batch/v1", "Job") => job(object),
        _ => return None,
    };
    Some(judged)
}

fn number(object: &Value, path: &str) -> u64 {
    at(object, path).and_then(Value::as_u64).unwrap_or(0)
}

/// Its controller has seen the spec as it is.
fn seen(object: &Value) -> bool {
    number(object, "/status/observedGeneration") >= number(object, "/metadata/generation")
}

/// Pods change only when somebody deletes them.
fn by_hand(object: &Value) -> bool {
    at(object, "/spec/updateStrategy/type").and_then(Value::as_str) == Some("OnDelete")
}

/// Waits for the first of these counts that is short of what is wanted.
fn counts(object: &Value, counts: &[(&str, u64, &str)]) -> Judgement {
    if !seen(object) {
        return Judgement::Waiting("its controller has not seen the change yet".into());
    }
    let short = counts.iter().map(|(path, wanted, what)| (number(object, path), *wanted, what));
    match short.into_iter().find(|(has, wanted, _)| has < wanted) {
        Some((has, wanted, what)) => Judgement::Waiting(format!("{has} of {wanted} pods are {what}").into()),
        None => Judgement::Done,
    }
}

fn stateful_set(object: &Value) -> Judgement {
    let replicas = at(object, "/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
    let updated = if by_hand(object) { 0 } else { replicas.saturating_sub(partition) };
    let more = number(object, "/status/replicas");
    let judged = counts(
        object,
        &[
            ("/status/updatedReplicas", updated, "updated"),
            ("/status/readyReplicas", replicas, "ready"),
            ("/status/availableReplicas", replicas, "available"),
        ],
    );
    match judged {
        Judgement::Done if more > replicas => {
            Judgement::Waiting(format!("{more} pods are there, {replicas} are wanted").into())
        }
        judged => judged,
    }
}

fn daemon_set(object: &Value) -> Judgement {
    let nodes = number(object, "/status/desiredNumberScheduled");
    let updated = if by_hand(object) { 0 } else { nodes };
    counts(
        object,
        &[
            ("/status/updatedNumberScheduled", updated, "updated"),
            ("/status/numberAvailable", nodes, "available"),
        ],
    )
}

fn job(object: &Value) -> Judgement {
    let is_true = |kind: &str| condition(object, kind).filter(|(status, _)| *status == "True");
    if is_true("Complete").is_some() {
        return Judgement::Done;
    }
    if let Some((_, failed)) = is_true("Failed") {
        let text = |field: &str| failed.get(field).and_then(Value::as_str).unwrap_or_default();
        return Judgement::Failed(format!("{}: {}", text("reason"), text("message")).into());
    }
    if at(object, "/spec/suspend") == Some(&Value::Bool(true)) {
        // Whoever rendered it so starts it in his own time.
        return Judgement::Done;
    }
    let wanted = at(object, "/spec/completions").and_then(Value::as_u64).unwrap_or(1);
    let (active, done) = (number(object, "/status/active"), number(object, "/status/succeeded"));
    Judgement::Waiting(format!("{done} of {wanted} completions, {active} pods at work").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
    fn of(api_version: &str, kind: &str, spec: Value, status: Value) -> Judgement {
        judge(&json!({"apiVersion": api_version, "kind": kind, "metadata": {"generation": 2}, "spec": spec, "status": status}))
            .unwrap()
    }

    fn waiting(judgement: &Judgement, says: &str) -> bool {
        matches!(judgement, Judgement::Waiting(text) if text.contains(says))
    }

    #[test]
    fn c11_a_stateful_set_is_done_when_all_its_pods_are_updated_and_ready() {
        let set = |spec: Value, observed: u64, updated: u64, ready: u64, all: u64| {
            let status = json!({"observedGeneration": observed, "replicas": all, "updatedReplicas": updated,
                "readyReplicas": ready, "availableReplicas": ready});
            of("apps/v1", "StatefulSet", spec, status)
        };
        let three = || json!({"replicas": 3});
        assert!(waiting(&set(three(), 1, 3, 3, 3), "not seen"), "an old status says nothing");
        assert!(waiting(&set(three(), 2, 1, 3, 3), "1 of 3 pods are updated"));
        assert!(waiting(&set(three(), 2, 3, 2, 3), "2 of 3 pods are ready"));
        assert!(waiting(&set(three(), 2, 3, 3, 4), "4 pods are there"));
        assert_eq!(set(three(), 2, 3, 3, 3), Judgement::Done);
        assert_eq!(set(json!({"replicas": 0}), 2, 0, 0, 0), Judgement::Done);
        assert!(waiting(&set(json!({}), 2, 0, 0, 0), "0 of 1"), "Kubernetes' default");
        let partition = json!({"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}});
        assert_eq!(
            set(partition, 2, 1, 3, 3),
            Judgement::Done,
            "the partition stays as it was, as asked for"
        );
        let by_hand = json!({"replicas": 3, "updateStrategy": {"type": "OnDelete"}});
        assert_eq!(set(by_hand, 2, 0, 3, 3), Judgement::Done);
    }

    #[test]
    fn c11_a_daemon_set_is_done_when_every_node_has_its_pod() {
        let set = |observed: u64, updated: u64, available: u64| {
            let status = json!({"observedGeneration": observed, "desiredNumberScheduled": 4,
                "updatedNumberScheduled": updated, "numberAvailable": available});
            of("apps/v1", "DaemonSet", json!({}), status)
        };
        assert!(waiting(&set(1, 4, 4), "not seen"));
        assert!(waiting(&set(2, 3, 4), "3 of 4 pods are updated"));
        assert!(waiting(&set(2, 4, 3), "3 of 4 pods are available"));
        assert_eq!(set(2, 4, 4), Judgement::Done);
    }

    #[test]
    fn c11_a_job_is_done_when_it_is_complete_and_fails_for_good() {
        let with = |kind: &str| json!({"conditions": [{"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "message": "6 times"}]});
        let job = |spec: Value, status: Value| of("batch/v1", "Job", spec, status);
        assert!(waiting(&job(json!({}), json!({"active": 1})), "0 of 1 completions, 1 pods"));
        assert_eq!(job(json!({}), with("Complete")), Judgement::Done);
        assert_eq!(job(json!({}), with("Failed")), Judgement::Failed("BackoffLimitExceeded: 6 times".into()));
        assert_eq!(job(json!({"suspend": true}), json!({})), Judgement::Done);
    }
}
