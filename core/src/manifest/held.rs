//! Which of the files that were rendered of a release a cluster has: the one place where that is decided for whoever compares what clusters
//! get, in a terminal or on a page.

use super::values::variant;
use crate::state::{Environment, PlacedCluster, paths};
use crate::{AppKey, ClusterName, ReleaseName};

/// Where what a cluster gets of a release stands on the state branch: in the first of these files that is there. Beside its target, where
/// it has the release; else, where its turn has yet to come or is over, by the values that overrides give it. `gets`: the release's
/// environment and what the cluster was when it was chosen; `None` = one of them is not known, and only what it has counts.
pub fn files_of(
    app: &AppKey,
    release: &ReleaseName,
    cluster: &ClusterName,
    gets: Option<(&Environment, &PlacedCluster)>,
) -> Vec<String> {
    let of_values = gets.map(|(environment, placed)| {
        let values = variant(environment, cluster.as_str(), &placed.labels, &placed.region);
        paths::release_manifests(app, release, values.as_deref())
    });
    [paths::target_manifests(cluster, app, release)].into_iter().chain(of_values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_cluster_has_comes_before_what_it_would_get_and_that_is_by_its_values() {
        let (app, release) = (AppKey::new("web", "hello"), ReleaseName::from("hello-1-0"));
        let overrides = json!([{"clusters": {"names": ["eu-1"]}, "values": {"replicas": 2}}]);
        let environment: Environment =
            serde_json::from_value(json!({"values": {"replicas": 1}, "overrides": overrides})).unwrap();
        let placed = PlacedCluster::default();
        let files = |cluster: &str, known: bool| {
            files_of(&app, &release, &cluster.into(), known.then_some((&environment, &placed)))
        };
        let of_values = variant(&environment, "eu-1", &placed.labels, "").unwrap();
        assert_eq!(
            files("eu-1", true),
            [
                "clusters/eu-1/web/hello/hello-1-0.yaml".to_owned(),
                format!("releases/web/hello/hello-1-0/manifests-{of_values}.yaml")
            ]
        );
        assert_eq!(
            files("us-1", true),
            ["clusters/us-1/web/hello/hello-1-0.yaml", "releases/web/hello/hello-1-0/manifests.yaml"]
        );
        assert_eq!(files("eu-1", false), ["clusters/eu-1/web/hello/hello-1-0.yaml"]);
    }
}
