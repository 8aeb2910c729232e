//! What is decided in a scene: by its kind, carried out until nothing is left to do, and what it means for those who have traffic.

use crate::support::Cluster;
use shipper_core::converge::Action;
use shipper_core::labels;
use shipper_core::manifest::ObjectKey;
use shipper_core::observe::{Live, Observed, Pod};
use std::collections::{BTreeMap, BTreeSet};

/// Decisions that may follow one another while every controller stands still: objects of a rank at a time, then labels, then the selector.
const ROUNDS: usize = 8;

/// All that is seen of the application.
pub fn seen(cluster: &Cluster) -> &Observed {
    cluster.index.observed(&cluster.app).unwrap()
}

/// `spec.replicas` of a Deployment.
pub fn replicas(cluster: &Cluster, key: &ObjectKey) -> u32 {
    seen(cluster).objects.get(key).and_then(Live::deployment).map_or(0, |deployment| deployment.replicas)
}

/// The selector of the traffic Service.
pub fn selector(cluster: &Cluster) -> Option<BTreeMap<String, String>> {
    let services = seen(cluster).objects.iter().filter(|(key, _)| key.is("", "Service") && key.name == "app");
    services.filter_map(|(_, live)| Some(live.service()?.selector.clone())).next()
}

/// Pods that the selector sends traffic to, once the endpoint controller has seen everything.
pub fn served(cluster: &Cluster, selector: Option<&BTreeMap<String, String>>) -> BTreeSet<String> {
    let Some(selector) = selector else { return BTreeSet::new() };
    let selects = |pod: &&Pod| selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value));
    let ready = seen(cluster).pods.values().filter(|pod| pod.ready && !pod.terminating);
    ready.filter(selects).map(|pod| pod.name.clone()).collect()
}

/// What a scene shows, by what is decided in it.
pub fn kinds(cluster: &Cluster, actions: &[Action]) -> BTreeSet<&'static str> {
    let kind = |action: &Action| match action {
        Action::Apply(apply) if apply.key.is("apps", "Deployment") => {
            match apply.object["spec"]["replicas"]
                .as_u64()
                .unwrap_or(0)
                .cmp(&replicas(cluster, &apply.key).into())
            {
                std::cmp::Ordering::Less => "lowers",
                std::cmp::Ordering::Equal => "applies",
                std::cmp::Ordering::Greater => "raises",
            }
        }
        Action::Apply(apply) if apply.key.name == "app-shadow" => "shadows",
        Action::Apply(apply) if apply.key.kind == "Service" => {
            let corks = apply.object["spec"]["selector"].get(labels::RELEASE).is_some();
            let moves = selector(cluster).is_some_and(|now| now.contains_key(labels::RELEASE) != corks);
            match (moves, corks) {
                (true, true) => "corks",
                (true, false) => "uncorks",
                (false, _) => "applies",
            }
        }
        Action::Apply(_) => "applies",
        Action::Label(label) if label.serve => "gives",
        Action::Label(label) if seen(cluster).pods[&label.pod].serving => "takes",
        Action::Label(_) => "marks",
        Action::Delete(_) => "deletes",
    };
    actions.iter().map(kind).collect()
}

/// What is decided in some of so many scenes.
pub const INTERESTING: &str = "applies corks deletes gives lowers marks raises shadows takes uncorks corked";

/// Everything that is decided is carried out, and looked at again, until nothing is left to do; `None` = something always is.
pub fn rest(cluster: &mut Cluster, mut told: impl FnMut(&Cluster, &[Action])) -> Option<()> {
    for _ in 0..ROUNDS {
        let actions = cluster.look().actions;
        if actions.is_empty() {
            return Some(());
        }
        told(cluster, &actions);
        cluster.carry_out_all(&actions);
    }
    None
}
