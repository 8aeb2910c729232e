//! Owners and what they own.

use kube::api::{DeleteParams, PropagationPolicy};
use serde_json::{Value, json};

use super::context::{Context, config_map, ensure, same};
use super::{Case, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("background_deletion", Needs::Controllers, background_deletion),
        case("foreground_deletion", Needs::Controllers, foreground_deletion),
        case("orphaning", Needs::Controllers, orphaning),
        case("one_of_two_owners", Needs::Controllers, one_of_two_owners),
    ]
}

fn owned(name: &str, owners: &[&Value]) -> Value {
    let mut map = config_map(name);
    let references: Vec<Value> = owners
        .iter()
        .map(|o| {
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "name": o["metadata"]["name"],
                "uid": o["metadata"]["uid"], "blockOwnerDeletion": true,
            })
        })
        .collect();
    map["metadata"]["ownerReferences"] = json!(references);
    map
}

async fn background_deletion(c: Context) -> CaseResult {
    let owner = c.create(&config_map("owner")).await?;
    let child = c.create(&owned("child", &[&owner])).await?;
    let grandchild = c.create(&owned("grandchild", &[&child])).await?;
    c.of(&owner).delete("owner", &DeleteParams::background()).await?;
    c.until_gone(&child).await?;
    c.until_gone(&grandchild).await
}

async fn foreground_deletion(c: Context) -> CaseResult {
    let owner = c.create(&config_map("owner")).await?;
    let mut held = owned("child", &[&owner]);
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let child = c.create(&held).await?;
    let pending = c.of(&owner).delete("owner", &DeleteParams::foreground()).await?;
    ensure(pending.is_left(), || "the owner went at once".into())?;
    c.until_one(&child, |o| o["metadata"]["deletionTimestamp"].is_string()).await?;
    let waiting = c.get(&owner).await?;
    same("finalizers", &waiting["metadata"]["finalizers"], &json!(["foregroundDeletion"]))?;
    c.merge(&child, &json!({"metadata": {"finalizers": null}})).await?;
    c.until_gone(&owner).await
}

async fn orphaning(c: Context) -> CaseResult {
    let owner = c.create(&config_map("owner")).await?;
    let child = c.create(&owned("child", &[&owner])).await?;
    let params =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
    c.of(&owner).delete("owner", &params).await?;
    c.until_gone(&owner).await?;
    let left = c.get(&child).await?;
    same("owners", &left["metadata"]["ownerReferences"], &Value::Null)
}

async fn one_of_two_owners(c: Context) -> CaseResult {
    let one = c.create(&config_map("one")).await?;
    let two = c.create(&config_map("two")).await?;
    let child = c.create(&owned("child", &[&one, &two])).await?;
    c.of(&one).delete("one", &DeleteParams::background()).await?;
    let left = |o: &Value| o["metadata"]["ownerReferences"].as_array().is_some_and(|l| l.len() == 1);
    c.until_one(&child, left).await?;
    c.of(&two).delete("two", &DeleteParams::background()).await?;
    c.until_gone(&child).await
}
