//! What holds of convergence whatever is seen: it depends on what is there, not on the order in which it was heard of, and grows with
//! `surge` [C2, C9].

use crate::support::Cluster;
use proptest::prelude::*;
use shipper_core::intent::Surge;
use shipper_core::labels::FIELD_MANAGER;
use std::collections::BTreeMap;

/// A release: capacity, weight, replicas of its Deployment, and of each pod whether it is ready and has traffic.
#[derive(Clone, Debug)]
struct Release {
    capacity: u8,
    traffic: u32,
    replicas: u32,
    pods: Vec<(bool, bool)>,
}

fn release() -> impl Strategy<Value = Release> {
    let pods = proptest::collection::vec(any::<(bool, bool)>(), 0..5);
    (
        prop_oneof![Just(0_u8), Just(25), Just(50), Just(100)],
        prop_oneof![Just(0_u32), 1..100_u32],
        0..5_u32,
        pods,
    )
        .prop_map(|(capacity, traffic, replicas, pods)| {
            let traffic = if capacity == 0 { 0 } else { traffic };
            Release { capacity, traffic, replicas, pods }
        })
}

/// Puts a cluster together, its pods in this order.
fn cluster(releases: &[Release], surge: u32, order: &[usize]) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.target.surge = Surge::Pods(surge);
    for release in releases {
        let generation = cluster.release(release.capacity, release.traffic, Some(4), None);
        cluster.deployment(generation, release.replicas, FIELD_MANAGER);
        cluster.gone(generation, release.replicas);
    }
    let pods = (1..).zip(releases).flat_map(|(generation, release)| {
        (0..).zip(&release.pods).map(move |(number, (ready, serving))| (generation, number, *ready, *serving))
    });
    let pods: Vec<_> = pods.collect();
    for place in order.iter().filter(|place| **place < pods.len()) {
        let (generation, number, ready, serving) = pods[*place];
        cluster.pod(generation, number, ready, serving);
    }
    let ready: Vec<(u64, u32)> =
        pods.iter().filter(|(.., ready, serving)| *ready && *serving).map(|(g, n, ..)| (*g, *n)).collect();
    cluster.service(1, &ready);
    cluster.pass(20);
    cluster
}

/// What is decided: labels, and replicas by release.
fn decided(cluster: &Cluster, releases: usize) -> (BTreeMap<String, bool>, Vec<Option<u64>>, Vec<String>) {
    let replicas = (1..=releases as u64).map(|generation| cluster.replicas(generation)).collect();
    (cluster.labels(), replicas, cluster.deletions())
}

const MOST: usize = 8;

fn orders() -> impl Strategy<Value = Vec<usize>> {
    Just((0..MOST).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// [C9] Watches tell of pods in any order.
    #[test]
    fn c9_the_order_of_events_decides_nothing(releases in proptest::collection::vec(release(), 2), order in orders()) {
        let one = cluster(&releases, 1, &(0..MOST).collect::<Vec<_>>());
        let other = cluster(&releases, 1, &order);
        prop_assert_eq!(decided(&one, 2), decided(&other, 2));
        prop_assert_eq!(one.look().report, other.look().report);
    }

    /// [C2] More surge never asks for fewer pods of a release that is raised, and lowers none that less of it would not.
    #[test]
    fn c2_more_surge_is_never_less_capacity(releases in proptest::collection::vec(release(), 2), surge in 1..4_u32) {
        let order: Vec<usize> = (0..MOST).collect();
        let sum = |surge: u32| -> u64 {
            let cluster = cluster(&releases, surge, &order);
            let asked = (1..).zip(&releases).map(|(g, release)| cluster.replicas(g).unwrap_or(release.replicas.into()));
            asked.sum()
        };
        prop_assert!(sum(surge) <= sum(surge + 1));
    }

    /// [C2] No decision raises anything above what is wanted, or rendered, plus surge: pods that are to go already make no room. Only those with
    /// traffic keep their place, whatever others have.
    #[test]
    fn c2_no_decision_is_above_the_ceiling(releases in proptest::collection::vec(release(), 2), surge in 1..4_u32) {
        let cluster = cluster(&releases, surge, &(0..MOST).collect::<Vec<_>>());
        let raised = (1..).zip(&releases).any(|(g, release)| cluster.replicas(g) > Some(release.replicas.into()));
        let asked: u64 =
            (1..).zip(&releases).map(|(g, release)| cluster.replicas(g).unwrap_or(release.replicas.into())).sum();
        let wanted: u64 = releases.iter().map(|release| u64::from(release.capacity) * 4 / 100).sum();
        let serving = |release: &Release| release.pods.iter().filter(|(ready, serving)| *ready && *serving).count() as u64;
        let kept: u64 = releases.iter().map(|release| u64::from(release.replicas).max(serving(release))).sum();
        let ceiling = (wanted.max(4) + u64::from(surge)).max(kept);
        prop_assert!(!raised || asked <= ceiling, "{asked} are asked for, {ceiling} may be");
    }
}
