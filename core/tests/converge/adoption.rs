//! Rule C8: what exists and is not ours is not taken, unless the chart says so; a Service that is taken over keeps its pods.

use crate::support::Cluster;
use serde_json::{Value, json};
use shipper_core::catalogue::Trouble;
use shipper_core::labels::{ADOPTED, FIELD_MANAGER, RELEASE};
use shipper_core::report::ObjectProblem;

/// The Service that Helm made, with the pods of an older time behind it.
fn old_service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"},
        "spec": {"selector": {"app": "old"}, "clusterIP": "10.0.0.7", "ports": [{"port": 80}]}})
}

/// A first release on its way, in a namespace where Helm has made the Service.
fn before(adopt: bool) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.release(50, 50, Some(2), None);
    cluster.target.arriving = true;
    if adopt {
        cluster.adopt(1, "Service");
    }
    cluster.foreign(old_service());
    cluster
}

/// The same, taken over, with one of two pods.
fn taken_over() -> Cluster {
    let mut cluster = before(true);
    let taken = cluster.apply(1, "Service").expect("it is taken over");
    cluster.carry_out(&taken);
    cluster.deployment(1, 1, FIELD_MANAGER);
    cluster.endpoints("app", "old", &["old-1", "old-2"]);
    cluster
}

fn problem(cluster: &Cluster, reason: Trouble) -> Option<ObjectProblem> {
    cluster.look().report.problems.into_iter().find(|problem| problem.reason == reason)
}

#[test]
fn c8_what_exists_and_is_not_ours_fails_the_step_with_its_name_and_owner() {
    let cluster = before(false);
    assert!(cluster.apply(1, "Service").is_none());
    let told = problem(&cluster, Trouble::OwnershipConflict).expect("it is told");
    assert!(!told.heals && told.object == "Service web/app", "{told:?}");
    assert!(told.message.contains("helm") && told.message.contains("shipper.dev/adopt"), "{told:?}");
    assert!(!cluster.report(1).installed);
}

#[test]
fn c8_a_deployment_is_never_taken() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(1), None);
    cluster.adopt(1, "Deployment");
    let name = cluster.apply(1, "Deployment").expect("it is not there").key.name;
    cluster.foreign(
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {}}),
    );
    assert!(cluster.apply(1, "Deployment").is_none());
    assert!(problem(&cluster, Trouble::OwnershipConflict).is_some());
}

#[test]
fn c8_what_belongs_to_another_application_is_never_taken() {
    let mut cluster = before(true);
    let mut theirs = old_service();
    theirs["metadata"]["labels"] = json!({"applyset.kubernetes.io/part-of": "applyset-another-v1"});
    cluster.foreign(theirs);
    assert!(cluster.apply(1, "Service").is_none());
    let told = problem(&cluster, Trouble::OwnershipConflict).expect("it is told");
    assert!(told.message.contains("applyset-another-v1"), "{told:?}");
}

#[test]
fn c8_the_applications_inventory_is_not_taken_either() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(1), None);
    cluster.foreign(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shipper-app"}, "spec": {}}),
    );
    assert!(cluster.apply_to("ConfigMap", "shipper-app").is_none());
    assert!(problem(&cluster, Trouble::OwnershipConflict).is_some());
}

#[test]
fn c8_an_adopted_service_keeps_its_selector_while_the_first_release_is_on_its_way() {
    let cluster = before(true);
    let taken = cluster.apply(1, "Service").expect("it is taken over");
    assert_eq!(taken.uid.as_deref(), Some("old"), "this one, and no other that takes its name");
    assert_eq!(taken.object["spec"].get("selector"), None, "whose selector it is stays whose it is");
    assert_eq!(taken.object["metadata"]["annotations"][ADOPTED], "true");

    let cluster = taken_over();
    assert!(cluster.apply(1, "Service").is_none(), "and then it is at rest");
    assert!(cluster.apply_to("Service", "app-shadow").is_none());
    let report = cluster.report(1);
    assert!(report.installed && report.capacity.achieved, "{report:?}");
    assert_eq!(report.traffic, None, "the step does not wait for traffic that is not its own yet");
    let told = problem(&cluster, Trouble::Adopting).expect("it is told");
    assert!(told.heals && told.message.contains("app=old"), "{told:?}");
    assert!(!cluster.look().report.unattended);
}

#[test]
fn c8_at_the_end_of_its_way_it_is_corked_in_one_patch_once_its_pods_are_seen() {
    let mut cluster = taken_over();
    cluster.wanted(1).capacity = 100;
    cluster.target.arriving = false;
    assert!(cluster.apply(1, "Service").is_none(), "one of two pods is not enough");
    assert!(cluster.report(1).traffic.is_some_and(|traffic| !traffic.achieved));
    cluster.deployment(1, 2, FIELD_MANAGER);
    assert!(cluster.apply(1, "Service").is_none(), "the endpoint controller has not seen them yet");
    cluster.shadow(&["app-1-0"]);
    assert!(cluster.apply(1, "Service").is_none());
    cluster.endpoints("app-shadow", "Service-new", &["app-1-0", "app-1-1"]);
    let cork = cluster.apply(1, "Service").expect("now");
    assert!(!cork.repair, "nobody has changed anything");
    assert_eq!(cork.object["spec"]["selector"][RELEASE], "app-00000001-0");
    assert_eq!(cork.object["metadata"]["annotations"].get(ADOPTED), None);
    cluster.carry_out(&cork);
    cluster.endpoints("app", "old", &["app-1-0", "app-1-1"]);
    assert!(cluster.apply(1, "Service").is_none());
    assert!(cluster.report(1).traffic.is_some_and(|traffic| traffic.achieved), "{:?}", cluster.report(1));
    assert!(problem(&cluster, Trouble::Adopting).is_none());
    assert!(cluster.apply_to("Service", "app-shadow").is_none());
    // From here on it is a Service as any other.
    cluster.select(1, &json!({"app": "old"}));
    assert!(cluster.apply(1, "Service").is_some_and(|back| back.repair));
}

#[test]
fn c8_an_old_deployment_is_named_until_somebody_removes_it() {
    let mut cluster = taken_over();
    let sought = cluster.look().look_for;
    let names: Vec<String> = sought.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["Deployment web/app"], "no watch shows what is not ours");
    assert!(problem(&cluster, Trouble::LeftBehind).is_none());
    cluster.foreign(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"},
        "spec": {"replicas": 3}}));
    let told = problem(&cluster, Trouble::LeftBehind).expect("it is told");
    assert!(
        told.heals && told.message.contains("3 replicas") && told.message.contains("kubectl -n web"),
        "{told:?}"
    );
    cluster.forget(&told_key());
    assert!(problem(&cluster, Trouble::LeftBehind).is_none());
    assert!(before(false).look().look_for.is_empty(), "where nothing is adopted nothing is looked for");
}

fn told_key() -> shipper_core::manifest::ObjectKey {
    shipper_core::manifest::ObjectKey {
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: Some("web".to_owned()),
        name: "app".to_owned(),
    }
}
