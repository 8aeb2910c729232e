//! Selectors and paging.

use std::collections::BTreeSet;

use kube::api::ListParams;
use serde_json::json;

use super::context::{Context, config_map, ensure, refused};
use super::{Case, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("label_selectors", Needs::Server, label_selectors),
        case("field_selectors", Needs::Server, field_selectors),
        case("paging", Needs::Server, paging),
    ]
}

async fn label_selectors(c: Context) -> CaseResult {
    for (name, labels) in
        [("a", json!({"tier": "x", "app": "1"})), ("b", json!({"tier": "y"})), ("c", json!({}))]
    {
        let mut map = config_map(name);
        map["metadata"]["labels"] = labels;
        c.create(&map).await?;
    }
    for (selector, wanted) in [
        ("tier=x", "a"),
        ("tier==x,app=1", "a"),
        ("tier in (x, y)", "a b"),
        ("tier notin (x)", "b c"),
        ("tier!=x", "b c"),
        ("tier", "a b"),
        ("!tier", "c"),
        ("tier,app!=1", "b"),
        ("tier=none", ""),
    ] {
        let list = c.list("v1", "ConfigMap", selector).await?;
        let names: Vec<&str> =
            list.iter().map(super::context::name).filter(|n| *n != "kube-root-ca.crt").collect();
        ensure(names.join(" ") == wanted, || format!("{selector}: {names:?}, wanted {wanted}"))?;
    }
    let bad = c.api("v1", "ConfigMap").list(&ListParams::default().labels("a=(b")).await;
    refused("nonsense", bad, 400, "BadRequest")?;
    Ok(())
}

async fn field_selectors(c: Context) -> CaseResult {
    for name in ["a", "b"] {
        c.create(&config_map(name)).await?;
    }
    let api = c.api("v1", "ConfigMap");
    let list = api.list(&ListParams::default().fields("metadata.name=b")).await?;
    ensure(list.items.len() == 1, || format!("{} items", list.items.len()))?;
    let list = c
        .all("v1", "ConfigMap")
        .list(&ListParams::default().fields(&format!("metadata.name=b,metadata.namespace={}", c.namespace)))
        .await?;
    ensure(list.items.len() == 1, || format!("{} items in all namespaces", list.items.len()))?;
    let bad = api.list(&ListParams::default().fields("data.a=1")).await;
    refused("unknown field", bad, 400, "BadRequest")?;
    Ok(())
}

async fn paging(c: Context) -> CaseResult {
    for index in 0..7 {
        let mut map = config_map(&format!("m{index}"));
        map["metadata"]["labels"] = json!({"page": "yes"});
        c.create(&map).await?;
    }
    let api = c.api("v1", "ConfigMap");
    let mut seen = BTreeSet::new();
    let mut version = None;
    let mut params = ListParams::default().labels("page=yes").limit(3);
    for page in 0.. {
        let list = api.list(&params).await?;
        ensure(list.items.len() <= 3, || format!("{} items a page", list.items.len()))?;
        let shown = list.metadata.resource_version.clone();
        ensure(version.is_none() || version == shown, || "pages of different versions".into())?;
        version = shown;
        seen.extend(list.items.into_iter().filter_map(|o| o.metadata.name));
        if page == 0 {
            // What comes after the first page was read is not in the list.
            let mut late = config_map("m9");
            late["metadata"]["labels"] = json!({"page": "yes"});
            c.create(&late).await?;
        }
        match list.metadata.continue_.filter(|t| !t.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    ensure(seen.len() == 7 && !seen.contains("m9"), || format!("{seen:?}"))
}
