//! Rule C10: the application's namespace.

use crate::support::Cluster;
use shipper_core::catalogue::Trouble;
use shipper_core::converge::Action;
use shipper_core::manifest::ObjectKey;

/// What is to be applied now.
fn applied(cluster: &Cluster) -> Vec<ObjectKey> {
    let actions = cluster.look().actions.into_iter();
    actions
        .filter_map(|action| if let Action::Apply(apply) = action { Some(apply.key) } else { None })
        .collect()
}

/// [C10] The namespace is made with `createNamespace: true` alone, and before anything in it; otherwise its absence is told and waited for.
#[test]
fn c10_the_namespace_is_made_only_where_that_is_asked_for() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(1), None);
    cluster.lose_namespace();
    assert!(applied(&cluster).is_empty());
    let report = cluster.look().report;
    let told: Vec<_> = report.problems.iter().filter(|p| p.reason == Trouble::NamespaceMissing).collect();
    assert!(told.len() == 1 && told[0].heals && told[0].object == "Namespace web", "{report:?}");
    assert!(told[0].message.contains("spec.createNamespace: true"), "{told:?}");
    assert!(!report.releases[0].installed);

    cluster.target.create_namespace = true;
    assert_eq!(applied(&cluster).iter().map(ToString::to_string).collect::<Vec<_>>(), ["Namespace web"]);
    assert!(cluster.look().report.problems.is_empty());
    let made = cluster.apply_to("Namespace", "web").unwrap();
    cluster.carry_out(&made);
    let next = applied(&cluster);
    assert!(!next.is_empty() && next.iter().all(|key| key.kind != "Namespace"), "{next:?}");
    cluster.install();
    assert!(cluster.apply(1, "Deployment").is_none(), "it is there");
}
