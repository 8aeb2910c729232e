//! The schema and the types know the same fields: an object with everything set comes back whole.
//! No struct here is filled with `..`, so a new field of a type must be added here, and then to the schema.

use super::*;
use crate::intent::{
    Allowance, Analysis, ApplicationSpec, Approval, Auth, Author, Chart, ClusterRequirements,
    ClusterSelector, ClusterSpec, Gate, HttpCheck, JobRun, ManifestSource, MaxFailedClusters, Measure,
    OnFailure, Override, Percents, PrometheusQuery, Region, Rollback, Rollout, RolloutBlockSpec, Schedule,
    Scheduler, SecretRef, Step, StepRef, StrategySpec, Surge, Template, TrafficMode, Weights,
};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn metadata(name: &str, namespace: Option<&str>) -> Metadata {
    Metadata {
        name: name.to_owned(),
        namespace: namespace.map(str::to_owned),
        labels: [("a".to_owned(), "yes".to_owned())].into(),
        annotations: [("example.com/b".to_owned(), "2".to_owned())].into(),
    }
}

fn selector() -> ClusterSelector {
    ClusterSelector {
        names: ["eu-1".to_owned()].into(),
        match_labels: [("tier".to_owned(), "edge".to_owned())].into(),
        regions: ["eu".to_owned()].into(),
    }
}

fn analyses() -> Vec<Analysis> {
    let auth = || Some(Auth { secret_ref: SecretRef { name: "reader".to_owned() } });
    let address = || "https://metrics.example".to_owned();
    let spec = json!({"template": {"spec": {"containers": [{"name": "smoke", "image": "smoke:1"}]}}});
    let measures = [
        Measure::Prometheus(PrometheusQuery { address: address(), query: "up".to_owned(), auth: auth() }),
        Measure::Http(HttpCheck { url: address(), status: vec![200, 204], auth: auth() }),
    ];
    let run = Measure::Job(JobRun { spec: spec.as_object().cloned().unwrap() });
    let job = Analysis {
        name: "smoke".to_owned(),
        measure: run,
        fail_if: None,
        pass_if: None,
        interval: Duration::from_secs(60),
        count: 1,
        timeout: Some(Duration::from_secs(5)),
    };
    let asked = measures.into_iter().enumerate().map(|(index, measure)| Analysis {
        name: format!("asked-{index}"),
        measure,
        fail_if: text(if index == 0 { "> 0.01" } else { "status > 299" }),
        pass_if: text("true"),
        interval: Duration::from_secs(90),
        count: 4,
        timeout: Some(Duration::from_secs(3)),
    });
    asked.chain([job]).collect()
}

fn strategy() -> StrategySpec {
    StrategySpec {
        surge: Surge::Pods(3),
        withdrawal_surge: Some(Surge::Percent(50)),
        settle: Duration::from_secs(7),
        progress_deadline: Duration::from_secs(90),
        on_failure: OnFailure::Rollback,
        max_failed_clusters: MaxFailedClusters::Percent(20),
        steps: vec![
            Step {
                name: "some".to_owned(),
                clusters: Some(selector()),
                capacity: Some(Percents { contender: Some(10), incumbent: Some(90) }),
                traffic: Some(Weights { contender: Some(1), incumbent: Some(9) }),
                gate: Gate {
                    approval: Approval::Auto,
                    soak: Some(Duration::from_millis(1500)),
                    analysis: analyses(),
                },
            },
            Step {
                name: "all".to_owned(),
                clusters: None,
                capacity: Some(Percents { contender: Some(100), incumbent: Some(0) }),
                traffic: Some(Weights { contender: Some(5), incumbent: Some(0) }),
                gate: Gate { approval: Approval::Manual, soak: None, analysis: vec![] },
            },
        ],
    }
}

fn application(template: Template) -> ApplicationSpec {
    ApplicationSpec {
        revision_history_limit: 5,
        template,
        rollout: Some(Rollout {
            release: text("app-1-0"),
            target_step: Some(StepRef::Index(1)),
            request: text("again"),
            paused: true,
            skip_gates: true,
            adopt_strategy: text("s-0a1b2c3d"),
        }),
        rollback: Rollback::Steps,
        restart: text("1"),
        create_namespace: true,
        allow_cluster_scope: true,
        allow_secrets: true,
        traffic: TrafficMode::None,
    }
}

fn values(number: u64) -> serde_json::Map<String, Value> {
    json!({"number": number, "null": null, "on": [true, "no"]}).as_object().cloned().unwrap()
}

fn requirements() -> ClusterRequirements {
    ClusterRequirements {
        regions: vec![Region { name: "eu".to_owned(), replicas: 2 }],
        capabilities: vec!["gpu".to_owned()],
        allow_fewer: true,
    }
}

fn comes_back(path: &str, object: Object, spec: &impl Serialize) {
    let written =
        yaml::write_object(&object.kind().to_string(), &json!({"metadata": object.metadata(), "spec": spec}))
            .unwrap();
    let loaded = load(path, &written);
    assert_eq!(loaded.problems, vec![], "{}", String::from_utf8_lossy(&written));
    assert_eq!(loaded.object, Some(object));
}

#[test]
fn an_application_with_everything_set_comes_back() {
    let charted = Template {
        chart: Some(Chart {
            name: text("nginx"),
            version: text("1.10"),
            repo_url: text("oci://registry.example.com/charts"),
            path: None,
            resolve: text("2"),
        }),
        manifests: None,
        values: values(1),
        overrides: vec![Override { clusters: selector(), values: values(2) }],
        cluster_requirements: Some(requirements()),
        strategy: Some(strategy()),
        strategy_ref: None,
    };
    let plain = Template {
        chart: None,
        manifests: Some(ManifestSource { path: "apps/app".to_owned() }),
        values: values(1).into_iter().take(0).collect(),
        overrides: vec![],
        cluster_requirements: None,
        strategy: None,
        strategy_ref: text("vanguard"),
    };
    let local = Template {
        chart: Some(Chart {
            name: None,
            version: None,
            repo_url: None,
            path: text("charts/app"),
            resolve: None,
        }),
        ..plain.clone()
    };
    let local = Template { manifests: None, ..local };
    for template in [charted, plain, local] {
        let spec = application(template);
        let object =
            Object::Application(Application { metadata: metadata("app", Some("web")), spec: spec.clone() });
        comes_back("applications/web/app.yaml", object, &spec);
    }
}

#[test]
fn a_strategy_with_everything_set_comes_back() {
    let object = Object::Strategy(Strategy { metadata: metadata("vanguard", None), spec: strategy() });
    comes_back("strategies/vanguard.yaml", object, &strategy());
}

#[test]
fn a_cluster_with_everything_set_comes_back() {
    let spec = ClusterSpec {
        region: "eu".to_owned(),
        capabilities: vec!["gpu".to_owned()],
        api_master: text("https://10.0.0.1"),
        scheduler: Scheduler { unschedulable: true, drain: true, weight: Some(7), identity: text("old") },
    };
    let object = Object::Cluster(Cluster { metadata: metadata("eu-1", None), spec: spec.clone() });
    comes_back("clusters/eu-1.yaml", object, &spec);
}

#[test]
fn a_block_with_everything_set_comes_back() {
    let spec = RolloutBlockSpec {
        message: "winter".to_owned(),
        author: Author { kind: "user".to_owned(), name: "jdoe".to_owned() },
        allow: Some([Allowance::Abort, Allowance::Drain].into()),
        schedule: Some(Schedule::new("0 18 * * FRI", "62h", Some("Europe/Amsterdam")).unwrap()),
    };
    let object =
        Object::RolloutBlock(RolloutBlock { metadata: metadata("freeze", Some("web")), spec: spec.clone() });
    comes_back("blocks/web/freeze.yaml", object, &spec);
}
