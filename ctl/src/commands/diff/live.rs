//! What a cluster has against what Git asks for: every object of the target, read with the person's own kubeconfig, in the fields
//! that Git names.

use std::collections::BTreeMap;

use kube::api::{Api, ApiResource, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Map, Value};
use shipper_core::converge::{self, Wanted};
use shipper_core::manifest::compare::{ObjectChange, compare_object};
use shipper_core::manifest::{ManifestObject, Manifests};
use shipper_core::resources::Quantity;
use shipper_core::state::{StateObject, Target, paths};
use shipper_core::status::ApplicationStatus;
use shipper_core::{AppKey, ClusterName, labels};
use shipper_git::Snapshot;

use super::{Args, Comparison};
use crate::Error;
use crate::records::MAX_MANIFESTS;
use crate::repository::RepositoryError;

/// What differs in the cluster from its target.
pub(super) fn compare(
    args: &Args,
    status: &ApplicationStatus,
    state: &Snapshot,
) -> Result<Comparison, Error> {
    let (app, name) = (&status.application, args.cluster.as_deref().unwrap_or_default());
    let cluster = ClusterName::from(name);
    let wanted = wanted(state, app, &cluster)?;
    let unreachable = |reason: String| Error::Read { path: format!("cluster {name}"), reason };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let objects = runtime.block_on(async {
        let client = client(args, name).await?;
        differences(&client, app, &wanted).await
    });
    let objects = objects.map_err(unreachable)?;
    Ok(Comparison {
        application: app.clone(),
        from: Some("live".to_owned()),
        to: "Git".to_owned(),
        cluster: args.cluster.clone(),
        objects,
    })
}

/// How what is there of each object differs from what is wanted.
async fn differences(
    client: &Client,
    app: &AppKey,
    wanted: &[ManifestObject],
) -> Result<Vec<ObjectChange>, String> {
    let mut changes = Vec::new();
    for object in wanted {
        let live = live(client, object).await?.map(|live| named_in(live, &object.value));
        changes.extend(compare_object(app, live, &object.value));
    }
    Ok(changes)
}

/// The objects that the target asks for, as an agent would apply them but for what it decides itself.
fn wanted(state: &Snapshot, app: &AppKey, cluster: &ClusterName) -> Result<Vec<ManifestObject>, Error> {
    let path = paths::target(cluster, app);
    let read = |path: &str| state.read(path, MAX_MANIFESTS).map_err(RepositoryError::from);
    let unreadable = |path: &str, reason: String| Error::Read { path: path.to_owned(), reason };
    let bytes = read(&path)?.ok_or_else(|| Error::Refused {
        message: format!("{app} is not in {cluster}: {path} is not there"),
    })?;
    let target = Target::from_yaml(&bytes).map_err(|error| unreadable(&path, error.to_string()))?;
    let mut manifests = BTreeMap::new();
    for release in target.releases.iter().filter(|release| !release.absent) {
        let path = paths::target_manifests(cluster, app, &release.name);
        let Some(bytes) = read(&path)? else { continue };
        let parsed = Manifests::parse(&bytes).map_err(|error| unreadable(&path, error.to_string()))?;
        manifests.insert(release.name.clone(), parsed);
    }
    let mut wanted = converge::asked(Wanted { target: &target, manifests: &manifests });
    wanted.iter_mut().for_each(undecided);
    Ok(wanted)
}

/// Without what the agent decides: how many there are at this step, how far an autoscaler may go, where traffic goes.
fn undecided(object: &mut ManifestObject) {
    let decided: &[&str] = match (object.key.group.as_str(), object.key.kind.as_str()) {
        ("apps", "Deployment") => &["replicas"],
        ("autoscaling", "HorizontalPodAutoscaler") => &["minReplicas", "maxReplicas"],
        ("", "Service") if object.annotation(labels::TRAFFIC).is_some() => &["selector"],
        _ => &[],
    };
    if let Some(spec) = object.value.get_mut("spec").and_then(Value::as_object_mut) {
        spec.retain(|field, _| !decided.contains(&field.as_str()));
    }
}

async fn client(args: &Args, cluster: &str) -> Result<Client, String> {
    let kubeconfig = Kubeconfig::read().map_err(|error| {
        format!(
            "{error}; set KUBECONFIG to a file with a context for the cluster, and name that with --context"
        )
    })?;
    let named = kubeconfig.contexts.iter().any(|context| context.name == cluster);
    let context = args.context.clone().or_else(|| named.then(|| cluster.to_owned()));
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let config =
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| error.to_string())?;
    Client::try_from(config).map_err(|error| error.to_string())
}

/// The object as the cluster has it; `None` = it is not there.
async fn live(client: &Client, object: &ManifestObject) -> Result<Option<Value>, String> {
    let text = |path: &str| object.value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (group, version) = match text("/apiVersion").split_once('/') {
        Some((group, version)) => (group.to_owned(), version.to_owned()),
        None => (String::new(), text("/apiVersion")),
    };
    let kind = kube::core::GroupVersionKind { group, version, kind: text("/kind") };
    let (resource, _) = match kube::discovery::pinned_kind(client, &kind).await {
        Ok(found) => found,
        Err(kube::Error::Api(error)) if error.code == 404 => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let api = api(client, &resource, &text("/metadata/namespace"));
    let found = api.get_opt(&text("/metadata/name")).await.map_err(|error| error.to_string())?;
    Ok(found.and_then(|found| serde_json::to_value(found).ok()))
}

fn api(client: &Client, resource: &ApiResource, namespace: &str) -> Api<DynamicObject> {
    if namespace.is_empty() {
        Api::all_with(client.clone(), resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, resource)
    }
}

/// Fields whose values, or those in them, are amounts, which the API server writes in its own way.
const AMOUNTS: [&str; 6] = ["limits", "requests", "hard", "capacity", "sizeLimit", "averageValue"];

/// The live object in the fields that Git names: what others set beside them is theirs.
fn named_in(live: Value, wanted: &Value) -> Value {
    named(live, wanted, false)
}

fn named(live: Value, wanted: &Value, amounts: bool) -> Value {
    match (live, wanted) {
        (Value::Object(mut fields), Value::Object(wanted)) => {
            let mut kept = Map::new();
            for (key, wanted) in wanted {
                let amounts = amounts || AMOUNTS.contains(&key.as_str());
                match fields.remove(key) {
                    Some(live) => kept.insert(key.clone(), named(live, wanted, amounts)),
                    // Nothing, and an empty map, are as good as not there.
                    None if wanted.is_null() || wanted.as_object().is_some_and(Map::is_empty) => {
                        kept.insert(key.clone(), wanted.clone())
                    }
                    None => None,
                };
            }
            Value::Object(kept)
        }
        (Value::Array(items), Value::Array(wanted)) if items.len() == wanted.len() => {
            let items = items.into_iter().zip(wanted);
            Value::Array(items.map(|(item, wanted)| named(item, wanted, amounts)).collect())
        }
        (live, wanted) if amounts && is_as_much(&live, wanted) => wanted.clone(),
        (live, _) => live,
    }
}

/// Whether both are the same amount, as `0.5` and `500m` are.
fn is_as_much(one: &Value, other: &Value) -> bool {
    let amount = |value: &Value| serde_json::from_value::<Quantity>(value.clone()).ok();
    amount(one).is_some_and(|one| amount(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::api::PostParams;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use serde_json::json;
    use shipper_core::manifest::compare::Changed;
    use std::sync::{Arc, Mutex};

    const WANTED: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: words, namespace: web}
data: {greeting: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: web}
data: {token: b25l}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: same, namespace: web}
data: {a: b}
";

    #[tokio::test]
    async fn a_cluster_is_compared_with_what_git_asks_for() {
        let cluster = shipper_sim::Cluster::new(shipper_sim::Options::default(), StdRng::seed_from_u64(1));
        let client = shipper_sim::client(&Arc::new(Mutex::new(cluster)));
        for (kind, object) in [
            ("Namespace", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}})),
            (
                "ConfigMap",
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words", "namespace": "web"}, "data": {"greeting": "bye", "more": "mine"}}),
            ),
            (
                "ConfigMap",
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "same", "namespace": "web", "labels": {"x": "y"}}, "data": {"a": "b"}}),
            ),
        ] {
            let kind = kube::core::GroupVersionKind::gvk("", "v1", kind);
            let (resource, _) = kube::discovery::pinned_kind(&client, &kind).await.unwrap();
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            let api = api(&client, &resource, namespace);
            api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
        }
        let wanted = Manifests::parse(WANTED.as_bytes()).unwrap().objects;
        let changes = differences(&client, &AppKey::new("web", "hello"), &wanted).await.unwrap();
        let told: Vec<_> = changes.iter().map(|change| (change.object.as_str(), change.change)).collect();
        assert_eq!(told, [("Secret keys", Changed::Added), ("ConfigMap words", Changed::Changed)]);
        assert!(changes[1].diff.contains("-  greeting: bye") && !changes[1].diff.contains("mine"));
        assert!(!changes[0].diff.contains("b25l"));
    }

    #[test]
    fn what_others_set_is_theirs_and_what_git_names_is_compared() {
        let wanted = json!({"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}, "gone": 1}});
        let live = json!({"spec": {"ports": [{"port": 81, "nodePort": 3}], "selector": {"a": "b", "x": "y"}}, "status": {}});
        let seen = named_in(live, &wanted);
        assert_eq!(seen, json!({"spec": {"ports": [{"port": 81}], "selector": {"a": "b"}}}));
    }

    #[test]
    fn the_same_amount_does_not_differ_however_it_is_written() {
        let container =
            |cpu: Value, image: &str| json!({"image": image, "resources": {"limits": {"cpu": cpu}}});
        let wanted = json!({"spec": {"containers": [container(json!(0.5), "a:1.0")]}, "metadata": {"labels": {}, "x": null}});
        let live = |cpu: &str, image: &str| json!({"spec": {"containers": [container(json!(cpu), image)]}, "metadata": {}});
        assert_eq!(named_in(live("500m", "a:1.0"), &wanted), wanted);
        assert_ne!(named_in(live("600m", "a:1.0"), &wanted), wanted);
        assert_ne!(named_in(live("500m", "a:1"), &wanted), wanted, "only amounts are read as such");
    }

    #[test]
    fn what_the_agent_decides_is_no_difference_and_the_rest_is() {
        let objects = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: web}
spec: {replicas: 3, paused: true}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: b, namespace: web}
spec: {replicas: 3}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: c, namespace: web}
spec: {minReplicas: 1, maxReplicas: 2, metrics: []}
---
apiVersion: v1
kind: Service
metadata: {name: d, namespace: web, annotations: {shipper.dev/traffic: \"true\"}}
spec: {selector: {a: b}, ports: []}
---
apiVersion: v1
kind: Service
metadata: {name: e, namespace: web}
spec: {selector: {a: b}}
";
        let mut read = Manifests::parse(objects.as_bytes()).unwrap().objects;
        read.iter_mut().for_each(undecided);
        let specs: Vec<Value> = read.into_iter().map(|object| object.value["spec"].clone()).collect();
        // In the order in which they are installed.
        let left = [
            json!({"ports": []}),
            json!({"selector": {"a": "b"}}),
            json!({"paused": true}),
            json!({"metrics": []}),
            json!({"replicas": 3}),
        ];
        assert_eq!(specs, left);
    }
}
