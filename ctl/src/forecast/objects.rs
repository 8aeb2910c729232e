//! The objects of the contender now against those of the contender then, cluster by cluster: what overrides make of a release differs
//! from cluster to cluster, and is compared within one.

use std::collections::BTreeMap;

use shipper_core::manifest::compare::{ObjectChange, Side, differences};
use shipper_core::manifest::values::variant;
use shipper_core::plan::Variant;
use shipper_core::state::PlacedCluster;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipper_hub::pilot::Decision;

use super::ObjectForecast;
use super::compare::Manifests;
use crate::Error;

/// What a cluster has rendered for it before and after.
type Pair = (Option<Variant>, Option<Variant>);

/// The clusters that an application is placed in, whether its contender has got there or not.
pub(super) fn placed(decision: &Decision) -> BTreeMap<&ClusterName, &PlacedCluster> {
    let placement = decision.plan.record.as_ref().and_then(|record| record.placement.as_deref());
    placement.into_iter().flat_map(|placement| placement.clusters.iter()).collect()
}

/// What differs, and where. Clusters that the contender has yet to reach count as well: their turn comes.
pub(super) fn objects(
    app: &AppKey,
    (now, then): (&Decision, &Decision),
    manifests: &Manifests<'_>,
) -> Result<Vec<ObjectForecast>, Error> {
    let (old, new) = (now.plan.status.contender.as_ref(), then.plan.status.contender.as_ref());
    let removed = then.plan.targets.values().any(|planned| planned.target.absent);
    let new = new.filter(|_| !removed);
    if old == new {
        return Ok(Vec::new());
    }
    let mut found: Vec<ObjectForecast> = Vec::new();
    for ((before, after), clusters) in pairs((now, old), (then, new)) {
        for change in pair(app, (now, before), (then, after), manifests)? {
            match found.iter_mut().find(|known| known.change == change) {
                Some(known) => known.clusters.extend(clusters.iter().cloned()),
                None => found.push(ObjectForecast { change, clusters: clusters.clone() }),
            }
        }
    }
    for object in &mut found {
        object.clusters.sort();
    }
    found.sort_by(|one, other| {
        (&one.change.object, &one.clusters).cmp(&(&other.change.object, &other.clusters))
    });
    Ok(found)
}

/// Every pair of variants that some cluster has, with the clusters that have it. Of an application that is placed nowhere the objects
/// without overrides are compared.
fn pairs(
    (now, old): (&Decision, Option<&ReleaseName>),
    (then, new): (&Decision, Option<&ReleaseName>),
) -> BTreeMap<Pair, Vec<ClusterName>> {
    let mut pairs: BTreeMap<Pair, Vec<ClusterName>> = BTreeMap::new();
    for name in placed(if new.is_some() { then } else { now }).into_keys() {
        let pair = (in_cluster(now, old, name), in_cluster(then, new, name));
        if pair != (None, None) {
            pairs.entry(pair).or_default().push(name.clone());
        }
    }
    if pairs.is_empty() {
        let plain = |release: Option<&ReleaseName>| Some((release?.clone(), None));
        pairs.insert((plain(old), plain(new)), Vec::new());
    }
    pairs
}

/// Which rendering of a release a cluster has, or gets when its turn comes.
fn in_cluster(decision: &Decision, release: Option<&ReleaseName>, cluster: &ClusterName) -> Option<Variant> {
    let (plan, release) = (&decision.plan, release?);
    if let Some(values) = plan.targets.get(cluster).and_then(|planned| planned.manifests.get(release)) {
        return Some((release.clone(), values.clone()));
    }
    let environment = &plan.releases.get(release)?.environment;
    let PlacedCluster { labels, region, .. } = placed(decision).remove(cluster)?;
    Some((release.clone(), variant(environment, cluster.as_str(), labels, region)))
}

fn pair(
    app: &AppKey,
    (now, old): (&Decision, Option<Variant>),
    (then, new): (&Decision, Option<Variant>),
    manifests: &Manifests<'_>,
) -> Result<Vec<ObjectChange>, Error> {
    let read = |decision: &Decision, variant: &Option<Variant>| match variant {
        Some(variant) => manifests.of(decision, variant),
        None => Ok(None),
    };
    let (before, after) = (read(now, &old)?, read(then, &new)?);
    if new.is_some() && after.is_none() {
        // What could not be rendered is told by a condition; it is not a removal of everything.
        return Ok(Vec::new());
    }
    fn side<'a>(variant: &'a Option<Variant>, manifests: &'a Option<Vec<u8>>) -> Option<Side<'a>> {
        let ((release, _), manifests) = variant.as_ref().zip(manifests.as_deref())?;
        Some(Side { release, manifests })
    }
    differences(app, side(&old, &before), side(&new, &after))
        .map_err(|error| Error::Read { path: format!("manifests of {app}"), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use shipper_core::few::Few;
    use shipper_core::manifest::compare::Changed;
    use shipper_core::plan::AppPlan;

    const CLUSTERS: [(&str, &str); 3] = [("eu-1", "standard"), ("eu-canary", "canary"), ("us-1", "standard")];

    /// A decision with a contender of these values and overrides, rendered for all its clusters and in the target of the canary alone.
    fn decision(contender: &str, values: &Value, overrides: &Value) -> Decision {
        let app = "web/greeter";
        let placed = |(name, tier): (&str, &str)| (name.to_owned(), json!({"labels": {"tier": tier}}));
        let clusters: serde_json::Map<String, Value> = CLUSTERS.map(placed).into_iter().collect();
        let record = json!({"application": app, "generation": 1, "targetGeneration": 1, "placement": {"clusters": clusters}});
        let release = json!({
            "application": app, "name": contender, "generation": 1, "environment": {"values": values, "overrides": overrides},
            "strategy": {"steps": [{"name": "all"}]}, "source": "a", "created": "2026-01-01T00:00:00Z",
            "position": {"step": 0, "name": "all", "from": 0, "cause": "created", "since": "2026-01-01T00:00:00Z"},
        });
        let status = json!({
            "application": "web/greeter", "contender": contender, "incumbent": null, "releases": [], "clusters": [], "conditions": [],
            "waiting": {"state": "none", "message": "", "clusters": []},
        });
        let plan = AppPlan {
            record: Some(serde_json::from_value(record).unwrap()),
            releases: [(contender.into(), serde_json::from_value(release).unwrap())].into(),
            targets: Few::default(),
            renders: Vec::new(),
            status: serde_json::from_value(status).unwrap(),
            events: Vec::new(),
            wake_at: None,
        };
        let mut decision = Decision { plan, rendered: BTreeMap::new() };
        for (name, _) in CLUSTERS {
            let name = ClusterName::from(name);
            let variant = in_cluster(&decision, Some(&contender.into()), &name).unwrap();
            let environment = &decision.plan.releases[&variant.0].environment;
            let labels = &placed_in(&decision, &name).labels;
            let values =
                shipper_core::manifest::values::merged_values(environment, name.as_str(), labels, "");
            let manifest = json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeter"}, "data": values,
            });
            decision.rendered.insert(variant, manifest.to_string().into_bytes().into());
        }
        decision
    }

    fn placed_in<'a>(decision: &'a Decision, name: &ClusterName) -> &'a PlacedCluster {
        placed(decision).remove(name).unwrap()
    }

    fn told(now: &Decision, then: &Decision) -> Vec<(Vec<String>, Vec<String>)> {
        let app = AppKey::new("web", "greeter");
        let found = objects(&app, (now, then), &Manifests::new(None, None)).unwrap();
        let lines = |diff: &str| {
            diff.lines().filter(|line| line.starts_with(['+', '-'])).map(str::to_owned).collect::<Vec<_>>()
        };
        found
            .into_iter()
            .inspect(|one| assert_eq!(one.change.change, Changed::Changed))
            .map(|one| (one.clusters.iter().map(ToString::to_string).collect(), lines(&one.change.diff)))
            .collect()
    }

    fn canary(replicas: &str) -> Value {
        json!({"clusters": {"matchLabels": {"tier": "canary"}}, "values": {"replicas": replicas}})
    }

    #[test]
    fn an_override_differs_where_it_holds_and_is_compared_with_the_same_cluster() {
        let values = json!({"replicas": "3", "tag": "1"});
        let now = decision("greeter-1-0", &values, &json!([canary("1")]));
        let standard = json!({"clusters": {"matchLabels": {"tier": "standard"}}, "values": {"tag": "zzz"}});
        let then = decision("greeter-2-0", &values, &json!([canary("1"), standard]));
        let [(clusters, lines)] = &told(&now, &then)[..] else { panic!("{:?}", told(&now, &then)) };
        assert_eq!((clusters.join(" ").as_str(), lines.len()), ("eu-1 us-1", 2), "{lines:?}");
        assert!(lines[1].contains("zzz"), "{lines:?}");
    }

    #[test]
    fn what_differs_in_the_same_way_is_told_once_for_all_its_clusters() {
        let overrides = json!([canary("1")]);
        let now = decision("greeter-1-0", &json!({"replicas": "3", "tag": "1"}), &overrides);
        let then = decision("greeter-2-0", &json!({"replicas": "3", "tag": "2"}), &overrides);
        let told = told(&now, &then);
        // The lines around it say how many replicas, which differ: two differences.
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(
            (told[0].0.join(" "), told[1].0.join(" ")),
            ("eu-1 us-1".to_owned(), "eu-canary".to_owned())
        );
        assert_eq!(told[0].1, told[1].1);
    }
}
