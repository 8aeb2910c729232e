//! Values for one cluster: the application's with the overrides that select the cluster, merged as Helm merges values files.

use crate::hash;
use crate::intent::Override;
use crate::state::Environment;
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
}
