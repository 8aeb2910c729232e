//! What holds for whatever is rendered.

use super::Fixture;
use crate::manifest::{Manifests, Scope, normalise};
use crate::yaml;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One object by index; it refers to others of the stream by index, whether they are there or not.
#[derive(Clone, Debug)]
enum Made {
    ConfigMap,
    Secret,
    Deployment { config: usize, secret: usize },
    StatefulSet { config: usize },
    Autoscaler { target: usize },
    Ingress { secret: usize },
    Shared { config: usize },
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        Just(Made::ConfigMap),
        Just(Made::Secret),
        (0..8_usize, 0..8_usize).prop_map(|(config, secret)| Made::Deployment { config, secret }),
        (0..8_usize).prop_map(|config| Made::StatefulSet { config }),
        (0..8_usize).prop_map(|target| Made::Autoscaler { target }),
        (0..8_usize).prop_map(|secret| Made::Ingress { secret }),
        (0..8_usize).prop_map(|config| Made::Shared { config }),
    ]
}

fn rendered(index: usize, made: &Made) -> Value {
    let metadata = |prefix: &str| json!({"name": format!("{prefix}-{index}"), "labels": {"app": "shop"}});
    let workload = |volumes: Value| {
        json!({"selector": {"matchLabels": {"app": "shop"}}, "template": {
        "metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [], "volumes": volumes}}})
    };
    match made {
        Made::ConfigMap => {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("config"), "data": {"a": null}})
        }
        Made::Secret => json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("secret")}),
        Made::Deployment { config, secret } => {
            let volumes = json!([{"name": "c", "configMap": {"name": format!("config-{config}")}},
                {"name": "s", "secret": {"secretName": format!("secret-{secret}")}}]);
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata("deployment"), "spec": workload(volumes)})
        }
        Made::StatefulSet { config } => {
            let volumes = json!([{"name": "c", "configMap": {"name": format!("config-{config}")}}]);
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata("set"), "spec": workload(volumes)})
        }
        Made::Autoscaler { target } => {
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": metadata("scaler"),
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": format!("deployment-{target}")}}})
        }
        Made::Ingress { secret } => {
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata("ingress"),
            "spec": {"tls": [{"secretName": format!("secret-{secret}")}]}})
        }
        Made::Shared { config } => {
            json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata("widget"),
            "spec": {"sourceRef": {"kind": "ConfigMap", "name": format!("config-{config}")}}})
        }
    }
}

fn strings<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(map) => map.values().for_each(|field| strings(field, into)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn the_order_of_documents_does_not_matter(
        (made, shuffled) in prop::collection::vec(made(), 1..8).prop_flat_map(|made| {
            let indices: Vec<usize> = (0..made.len()).collect();
            (Just(made), Just(indices).prop_shuffle())
        }),
    ) {
        let fixture = Fixture::new();
        let objects: Vec<Value> = made.iter().enumerate().map(|(i, made)| rendered(i, made)).collect();
        let other: Vec<Value> = shuffled.iter().map(|i| objects[*i].clone()).collect();
        let one = normalise(&yaml::write_documents(&objects).unwrap(), &fixture.lenient()).unwrap();
        let two = normalise(&yaml::write_documents(&other).unwrap(), &fixture.lenient()).unwrap();
        prop_assert_eq!(String::from_utf8(one).unwrap(), String::from_utf8(two).unwrap());
    }

    #[test]
    fn keys_are_unique_and_references_resolve(made in prop::collection::vec(made(), 1..8)) {
        let fixture = Fixture::new();
        let objects: Vec<Value> = made.iter().enumerate().map(|(i, made)| rendered(i, made)).collect();
        let before: BTreeSet<&str> = objects
            .iter()
            .filter(|o| ["ConfigMap", "Secret", "Deployment"].contains(&o["kind"].as_str().unwrap()))
            .map(|o| o["metadata"]["name"].as_str().unwrap())
            .collect();
        let bytes = normalise(&yaml::write_documents(&objects).unwrap(), &fixture.lenient()).unwrap();
        let manifests = Manifests::parse(&bytes).unwrap();
        prop_assert_eq!(manifests.objects.len(), objects.len());
        let keys: BTreeSet<_> = manifests.objects.iter().map(|o| &o.key).collect();
        prop_assert_eq!(keys.len(), objects.len());
        for object in &manifests.objects {
            let mut texts = Vec::new();
            strings(&object.value, &mut texts);
            for text in texts {
                // The names as rendered are those of no object now; whoever still says one is left dangling.
                prop_assert!(!before.contains(text), "{} still names {}", object.key, text);
            }
            let release = object.value["metadata"]["labels"].get("shipper.dev/release");
            prop_assert_eq!(release.is_some(), object.scope == Scope::Release, "{}", object.key);
            prop_assert_eq!(object.key.name.ends_with("-83e4eedd-1"), object.scope == Scope::Release, "{}", object.key);
        }
    }
}
