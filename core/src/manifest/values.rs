//! Values for one cluster: the application's with the overrides that select the cluster, merged as Helm merges values files.

use crate::ClusterName;
use crate::hash;
use crate::intent::Override;
use crate::state::{Environment, PlacedCluster};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Merges `over` into `values`: maps key by key, everything else replaced. A null replaces too and stays: it makes Helm drop the
/// chart's own default.
pub fn merge(values: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (values.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            _ => {
                values.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The values of an environment for the cluster with this name, these labels and this region.
pub fn merged_values(
    environment: &Environment,
    cluster: &str,
    labels: &BTreeMap<String, String>,
    region: &str,
) -> Map<String, Value> {
    let mut values = environment.values.clone();
    for over in selecting(environment, cluster, labels, region) {
        merge(&mut values, &over.values);
    }
    values
}

fn selecting<'e>(
    environment: &'e Environment,
    cluster: &str,
    labels: &BTreeMap<String, String>,
    region: &str,
) -> impl Iterator<Item = &'e Override> {
    environment.overrides.iter().filter(move |over| over.clusters.selects(cluster, labels, region))
}

/// Which rendering of an environment the cluster gets: `None` for the one without overrides, else eight hex digits that are the
/// same for all clusters with the same values.
pub fn variant(
    environment: &Environment,
    cluster: &str,
    labels: &BTreeMap<String, String>,
    region: &str,
) -> Option<String> {
    // Most clusters have no values of their own, and nothing is copied for them.
    selecting(environment, cluster, labels, region).next()?;
    let values = merged_values(environment, cluster, labels, region);
    (values != environment.values).then(|| hash::short(&values, 8))
}

/// The environment as a placed cluster has it: the values merged, and no overrides left.
pub fn in_cluster(environment: &Environment, cluster: &ClusterName, placed: &PlacedCluster) -> Environment {
    let values = merged_values(environment, cluster.as_str(), &placed.labels, &placed.region);
    Environment { values, ..without_overrides(environment) }
}

/// The environment as clusters have it that no override selects.
pub fn without_overrides(environment: &Environment) -> Environment {
    Environment { overrides: Vec::new(), ..environment.clone() }
}

/// The placed clusters that have other values in one environment than in the other, in the order in which they are given. Values are merged
/// once for each set of overrides that selects one of them, and not for each cluster.
pub fn differing<'c>(
    one: &Environment,
    other: &Environment,
    clusters: impl IntoIterator<Item = (&'c ClusterName, &'c PlacedCluster)>,
) -> Vec<&'c ClusterName> {
    let mut known: BTreeMap<[Vec<usize>; 2], bool> = BTreeMap::new();
    let mut differing = Vec::new();
    for (cluster, PlacedCluster { labels, region, .. }) in clusters {
        let name = cluster.as_str();
        let selecting = |environment: &Environment| {
            let overrides = environment.overrides.iter().enumerate();
            overrides
                .filter(|(_, over)| over.clusters.selects(name, labels, region))
                .map(|(at, _)| at)
                .collect()
        };
        let merged = |environment| merged_values(environment, name, labels, region);
        let differ =
            known.entry([selecting(one), selecting(other)]).or_insert_with(|| merged(one) != merged(other));
        if *differ {
            differing.push(cluster);
        }
    }
    differing
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment() -> Environment {
        let overrides = json!([
            {"clusters": {"matchLabels": {"tier": "edge"}}, "values": {"replicas": 2, "image": {"tag": "b"}}},
            {"clusters": {"names": ["c1"]}, "values": {"image": {"pull": null}, "args": ["x"]}},
            {"clusters": {"names": ["c2"]}, "values": {"replicas": 10}},
        ]);
        let values = json!({"replicas": 10, "image": {"tag": "a", "pull": "Always"}, "args": ["p", "q"]});
        serde_json::from_value(json!({"values": values, "overrides": overrides})).unwrap()
    }

    #[test]
    fn overrides_merge_in_order_as_helm_merges_files() {
        let edge = BTreeMap::from([("tier".to_owned(), "edge".to_owned())]);
        assert_eq!(
            Value::from(merged_values(&environment(), "c1", &edge, "eu")),
            json!({"replicas": 2, "image": {"tag": "b", "pull": null}, "args": ["x"]})
        );
    }

    #[test]
    fn a_variant_is_a_set_of_values_and_not_a_cluster() {
        let none = BTreeMap::new();
        let edge = BTreeMap::from([("tier".to_owned(), "edge".to_owned())]);
        let environment = environment();
        assert_eq!(variant(&environment, "other", &none, "eu"), None);
        assert_eq!(
            variant(&environment, "c2", &none, "eu"),
            None,
            "an override that changes nothing is no variant"
        );
        let variants = ["c3", "c4"].map(|cluster| variant(&environment, cluster, &edge, "eu"));
        assert!(variants[0].as_ref().is_some_and(|v| v.len() == 8));
        assert_eq!(variants[0], variants[1]);
        assert_ne!(variant(&environment, "c1", &edge, "eu"), variants[0]);
    }

    fn placed() -> BTreeMap<ClusterName, PlacedCluster> {
        let edge: PlacedCluster = serde_json::from_value(json!({"labels": {"tier": "edge"}})).unwrap();
        let other = PlacedCluster::default();
        let clusters = [("c1", &edge), ("c2", &other), ("c3", &edge), ("c4", &other)]
            .map(|(name, placed)| (name.into(), placed.clone()));
        clusters.into()
    }

    #[test]
    fn an_environment_in_a_cluster_has_its_values_and_is_otherwise_the_same() {
        let (clusters, mut environment) = (placed(), environment());
        environment.restart = Some("once".into());
        let c1 = ClusterName::from("c1");
        let there = in_cluster(&environment, &c1, &clusters[&c1]);
        assert_eq!(
            (Value::from(there.values), there.overrides, there.restart),
            (
                json!({"replicas": 2, "image": {"tag": "b", "pull": null}, "args": ["x"]}),
                Vec::new(),
                Some("once".into())
            )
        );
    }

    #[test]
    fn clusters_differ_by_the_values_that_they_get_and_not_by_how_they_are_written() {
        let (clusters, environment) = (placed(), environment());
        let names = |one: &Environment, other: &Environment| {
            let names = differing(one, other, &clusters).into_iter().map(ClusterName::as_str);
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names(&environment, &without_overrides(&environment)),
            "c1 c3",
            "that of c2 changes nothing"
        );
        let mut later = environment.clone();
        later.overrides.reverse();
        assert_eq!(names(&environment, &later), "", "those of c1 do not touch one another");
        later.overrides[1].values.insert("args".into(), json!([]));
        assert_eq!(names(&environment, &later), "c1");
        later.values.insert("replicas".into(), json!(3));
        assert_eq!(names(&environment, &later), "c1 c4", "c2 and edge have replicas of their own");
    }
}
