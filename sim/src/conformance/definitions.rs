//! CustomResourceDefinitions and their objects; namespaces.

use futures::{StreamExt, TryStreamExt};
use kube::api::{DeleteParams, ListParams, PostParams, WatchParams};
use serde_json::{Value, json};

use super::context::{Context, config_map, ensure, parse, refused, same};
use super::{Case, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("custom_resources", Needs::Server, custom_resources),
        case("namespaces", Needs::Controllers, namespaces),
    ]
}

async fn custom_resources(c: Context) -> CaseResult {
    // The group is this case's own, so that several runs do not meet.
    let group = format!("{}.example.com", c.namespace);
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                }},
            }],
        },
    });
    let definitions = c.all("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let made = definitions.create(&PostParams::default(), &parse(crd)?).await?;
    let name = made.metadata.name.clone().unwrap_or_default();
    let established = |o: &Value| {
        let conditions = o["status"]["conditions"].as_array();
        conditions.is_some_and(|l| l.iter().any(|c| c["type"] == "Established" && c["status"] == "True"))
    };
    let params = WatchParams::default().fields(&format!("metadata.name={name}"));
    let mut events = definitions.watch(&params, "0").await?.boxed();
    while let Some(event) = events.try_next().await? {
        if let kube::api::WatchEvent::Added(o) | kube::api::WatchEvent::Modified(o) = event
            && established(&serde_json::to_value(&o)?)
        {
            break;
        }
    }
    let outcome = use_widgets(&c, &format!("{group}/v1")).await;
    definitions.delete(&name, &DeleteParams::default()).await?;
    outcome
}

async fn use_widgets(c: &Context, api_version: &str) -> CaseResult {
    let widget = json!({
        "apiVersion": api_version, "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"size": 1, "list": [1, 2]},
    });
    // Serving follows the condition by a moment.
    let made = loop {
        match c.try_apply(&widget, "agent", false).await {
            Err(kube::Error::Api(status)) if status.code == 404 => tokio::task::yield_now().await,
            other => break other?,
        }
    };
    same("generation", &made["metadata"]["generation"], &json!(1))?;
    let mut bigger = widget.clone();
    bigger["spec"] = json!({"size": 2, "list": [3]});
    let changed = c.apply(&bigger, "agent").await?;
    same("generation", &changed["metadata"]["generation"], &json!(2))?;
    same("spec", &changed["spec"], &json!({"size": 2, "list": [3]}))?;
    let listed = c.api(api_version, "Widget").list(&ListParams::default()).await?;
    ensure(listed.items.len() == 1, || format!("{} widgets", listed.items.len()))?;
    let mut unversioned = bigger;
    unversioned["spec"]["size"] = json!(4);
    refused("replace without a version", c.try_replace(&unversioned).await, 422, "Invalid")?;
    Ok(())
}

async fn namespaces(c: Context) -> CaseResult {
    c.until_furnished().await?;
    c.until("v1", "ConfigMap", "", |l| l.iter().any(|o| super::context::name(o) == "kube-root-ca.crt"))
        .await?;
    let own = serde_json::to_value(c.all("v1", "Namespace").get(&c.namespace).await?)?;
    same("label", &own["metadata"]["labels"]["kubernetes.io/metadata.name"], &json!(c.namespace))?;
    same("phase", &own["status"]["phase"], &json!("Active"))?;
    let mut held = config_map("held");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    c.create(&held).await?;
    c.create(&config_map("free")).await?;
    let pending = c.all("v1", "Namespace").delete(&c.namespace, &DeleteParams::default()).await?;
    ensure(pending.is_left(), || "the namespace went at once".into())?;
    let why =
        refused("create in a dying namespace", c.try_create(&config_map("late")).await, 403, "Forbidden")?;
    same("cause", &why["details"]["causes"][0]["reason"], &json!("NamespaceTerminating"))?;
    c.until_gone(&config_map("free")).await?;
    c.merge(&held, &json!({"metadata": {"finalizers": null}})).await?;
    let params = WatchParams::default().fields(&format!("metadata.name={}", c.namespace));
    let mut events = c.all("v1", "Namespace").watch(&params, "0").await?.boxed();
    if c.all("v1", "Namespace").get_opt(&c.namespace).await?.is_none() {
        return Ok(());
    }
    while let Some(event) = events.try_next().await? {
        if matches!(event, kube::api::WatchEvent::Deleted(_)) {
            return Ok(());
        }
    }
    Err(super::CaseError::Different("the namespace stays".into()))
}
