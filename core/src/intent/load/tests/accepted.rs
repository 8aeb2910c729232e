use super::*;
use crate::intent::{Approval, OnFailure, StepRef, Surge, TrafficMode};
use serde_json::json;
use std::time::Duration;

fn object(path: &str, yaml: &str) -> Object {
    let loaded = load(path, yaml.as_bytes());
    assert_eq!(loaded.problems, vec![]);
    loaded.object.unwrap()
}

#[test]
fn an_application_has_what_its_file_says_and_defaults_for_the_rest() {
    let Object::Application(app) =
        object("applications/web/super-server.yaml", include_str!("fixtures/application.yaml"))
    else {
        panic!("not an application")
    };
    assert_eq!(app.key().to_string(), "web/super-server");
    assert_eq!(app.metadata.annotations["shipper.dev/rollout-block.override"], "web/freeze");
    assert_eq!((app.spec.revision_history_limit, app.spec.traffic), (20, TrafficMode::PodLabels));
    assert_eq!(app.spec.rollout.unwrap().target_step, Some(StepRef::Name("50/50".to_owned())));
    assert_eq!(json!(app.spec.template.values), json!({"replicaCount": 10, "fraction": 2.5, "mode": 493}));
    assert_eq!(app.spec.template.overrides[0].clusters.match_labels["tier"], "edge");
    assert_eq!(app.spec.template.cluster_requirements.unwrap().regions[0].replicas, 2);

    let strategy = app.spec.template.strategy.unwrap();
    assert_eq!((strategy.surge, strategy.on_failure), (Surge::Percent(25), OnFailure::Hold));
    assert_eq!(
        (strategy.settle, strategy.progress_deadline),
        (Duration::from_secs(10), Duration::from_secs(5400))
    );
    let staging = &strategy.steps[0];
    assert_eq!((staging.gate.approval, staging.gate.soak), (Approval::Auto, Some(Duration::from_secs(600))));
    assert_eq!((staging.capacity.unwrap().contender, staging.capacity.unwrap().incumbent), (Some(1), None));
    assert_eq!(staging.traffic, None);
}

/// The original's manifests, as `kubectl get -o yaml` prints them, load unchanged.
#[test]
fn an_application_of_the_original_loads() {
    let yaml = include_str!("fixtures/original/application.yaml");
    let Object::Application(app) = object("applications/default/super-server.yaml", yaml) else {
        panic!("not an application")
    };
    assert_eq!(app.spec.revision_history_limit, 3);
    assert_eq!(app.spec.template.chart.unwrap().version.unwrap(), "0.0.1");
    let steps = app.spec.template.strategy.unwrap().steps;
    assert_eq!(
        steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(),
        ["staging", "50/50", "full on"]
    );
    assert_eq!(steps[1].capacity.unwrap().contender, Some(50));
    let requirements = app.spec.template.cluster_requirements.unwrap();
    assert_eq!(requirements.regions.iter().map(|region| region.replicas).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(requirements.capabilities, ["gpu", "high-memory-nodes"]);
    assert_eq!(app.metadata.labels["team"], "web");
    assert!(app.metadata.annotations.contains_key("shipper.booking.com/rollout-block.override"));
}

#[test]
fn a_cluster_of_the_original_loads() {
    let Object::Cluster(cluster) =
        object("clusters/eu-west1-a.yml", include_str!("fixtures/original/cluster.yaml"))
    else {
        panic!("not a cluster")
    };
    assert_eq!((cluster.spec.region.as_str(), cluster.spec.scheduler.weight), ("eu-west1", Some(100)));
    assert_eq!(cluster.spec.scheduler.identity.as_deref(), Some("eu-west1-old"));
    assert_eq!(cluster.spec.api_master.as_deref(), Some("https://10.0.0.1:6443"));
}

/// The original's namespace for global blocks means: no namespace [B1].
#[test]
fn a_global_block_of_the_original_blocks_everything() {
    let yaml = include_str!("fixtures/original/block.yaml");
    let loaded = load("blocks/2022/holidays.yaml", yaml.as_bytes());
    assert_eq!((loaded.namespace, loaded.problems), (None, vec![]));
    let Some(Object::RolloutBlock(block)) = loaded.object else { panic!("not a block") };
    assert_eq!((block.metadata.namespace, block.spec.author.name.as_str()), (None, "jdoe"));
}

/// What the original accepted is warned about and read as the original did.
#[test]
fn what_the_original_accepted_is_only_warned_about() {
    let yaml = "\
apiVersion: shipper.booking.com/v1alpha1
kind: Application
metadata: {name: app}
spec:
  revisionHistoryLimit: 0
  template:
    chart: {name: nginx, version: '', repoUrl: http://charts.example.com}
    values: null
    clusterRequirements: {regions: [{name: eu}, {name: us}, {name: eu, replicas: 3}]}
    strategy:
      steps:
      - {name: '1', capacity: {contender: 0, incumbent: 100}, traffic: {contender: 1, incumbent: 99}}
      - {name: on full, capacity: {contender: 50, incumbent: 50}, traffic: {contender: 1, incumbent: 1}}
      - {name: on full, capacity: {contender: 100, incumbent: 0}, traffic: {contender: 100, incumbent: 0}}
";
    insta::assert_snapshot!(application(yaml), @r#"
    warning: applications/web/app.yaml:5:25: spec.revisionHistoryLimit: expected a whole number from 1 to 1000, found 0; 1 is used, as the original did
    warning: applications/web/app.yaml:9:68: spec.template.clusterRequirements.regions[2].name: "eu" is listed twice, first on line 9
    warning: applications/web/app.yaml:12:16: spec.template.strategy.steps[0].name: "1" is purely numeric, and could be taken for the index of a step
    warning: applications/web/app.yaml:12:84: spec.template.strategy.steps[0].traffic.contender: the contender has traffic weight 1 here, but no capacity
    warning: applications/web/app.yaml:14:16: spec.template.strategy.steps[2].name: "on full" is listed twice, first on line 13
    "#);
    let Some(Object::Application(app)) = load("applications/web/app.yaml", yaml.as_bytes()).object else {
        panic!("not an application")
    };
    assert_eq!(app.spec.revision_history_limit, 1);
    let regions = app.spec.template.cluster_requirements.unwrap().regions;
    assert_eq!(
        regions.iter().map(|region| (region.name.as_str(), region.replicas)).collect::<Vec<_>>(),
        [("eu", 3), ("us", 1)]
    );
}

#[test]
fn paths_are_written_in_one_way_and_numeric_steps_are_indices() {
    let yaml = "\
apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {name: app, namespace: null}
spec: {template: {chart: {path: ./charts/app/}}, rollout: {release: app-1-0, targetStep: '1'}}
";
    let Object::Application(app) = object("applications/web/app.yaml", yaml) else {
        panic!("not an application")
    };
    assert_eq!(app.spec.template.chart.unwrap().path.unwrap(), "charts/app");
    assert_eq!(app.spec.rollout.unwrap().target_step, Some(StepRef::Index(1)));
    assert_eq!(app.metadata.namespace.as_deref(), Some("web"));
}

/// [I1] What is no intent is never read.
#[test]
fn the_path_says_what_a_file_is() {
    for (path, kind) in [
        ("applications/web/app.yaml", Some(Kind::Application)),
        ("applications/web/app.yml", Some(Kind::Application)),
        ("strategies/vanguard.yaml", Some(Kind::Strategy)),
        ("clusters/eu-1.yaml", Some(Kind::Cluster)),
        ("blocks/freeze.yaml", Some(Kind::RolloutBlock)),
        ("blocks/2026/winter/freeze.yaml", Some(Kind::RolloutBlock)),
        ("applications/app.yaml", None),
        ("applications/web/app/values.yaml", None),
        ("applications/web/app.json", None),
        ("applications/web/.yaml", None),
        ("applications//app.yaml", None),
        ("/applications/web/app.yaml", None),
        ("clusters/eu/eu-1.yaml", None),
        ("strategies/README.md", None),
        ("charts/app/values.yaml", None),
        ("README.md", None),
        ("app.yaml", None),
        ("", None),
    ] {
        assert_eq!(kind_of_path(path), kind, "{path}");
    }
}
