//! watch.

use futures::{StreamExt, TryStreamExt};
use kube::api::{DynamicObject, WatchEvent, WatchParams};
use serde_json::json;

use super::context::{Context, config_map, ensure};
use super::{Case, CaseError, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("watch_changes", Needs::Server, watch_changes),
        case("watch_selection", Needs::Server, watch_selection),
        case("watch_from_now", Needs::Server, watch_from_now),
        case("watch_initial_events", Needs::Server, watch_initial_events),
        case("watch_ends", Needs::Server, watch_ends),
    ]
}

fn tell(event: &WatchEvent<DynamicObject>) -> String {
    let say = |kind: &str, o: &DynamicObject| {
        format!(
            "{kind} {} {}",
            o.metadata.name.as_deref().unwrap_or_default(),
            o.data["data"]["a"].as_str().unwrap_or_default()
        )
    };
    match event {
        WatchEvent::Added(o) => say("added", o),
        WatchEvent::Modified(o) => say("modified", o),
        WatchEvent::Deleted(o) => say("deleted", o),
        WatchEvent::Bookmark(_) => "bookmark".to_owned(),
        WatchEvent::Error(e) => format!("error {}", e.code),
    }
}

async fn expect(c: &Context, params: &WatchParams, version: &str, wanted: &[&str]) -> CaseResult {
    let mut events = c.api("v1", "ConfigMap").watch(params, version).await?.boxed();
    for wanted in wanted {
        let event = loop {
            match events.try_next().await? {
                Some(WatchEvent::Bookmark(_)) => {}
                Some(event) => break event,
                None => return Err(CaseError::Different(format!("the watch ended before {wanted}"))),
            }
        };
        ensure(tell(&event) == *wanted, || format!("{}, wanted {wanted}", tell(&event)))?;
    }
    Ok(())
}

async fn watch_changes(c: Context) -> CaseResult {
    let first = c.create(&config_map("zero")).await?;
    let version = first["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let map = config_map("one");
    c.create(&map).await?;
    c.merge(&map, &json!({"data": {"a": "2"}})).await?;
    c.of(&map).delete("one", &kube::api::DeleteParams::default()).await?;
    let params = WatchParams::default().fields("metadata.name=one");
    expect(&c, &params, &version, &["added one 1", "modified one 2", "deleted one 2"]).await
}

async fn watch_selection(c: Context) -> CaseResult {
    let first = c.create(&config_map("zero")).await?;
    let version = first["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let map = config_map("one");
    c.create(&map).await?;
    c.merge(&map, &json!({"metadata": {"labels": {"on": "yes"}}})).await?;
    c.merge(&map, &json!({"data": {"a": "2"}})).await?;
    c.merge(&map, &json!({"metadata": {"labels": {"on": null}}, "data": {"a": "3"}})).await?;
    c.merge(&map, &json!({"metadata": {"labels": {"on": "yes"}}})).await?;
    let params = WatchParams::default().labels("on=yes");
    expect(&c, &params, &version, &["added one 1", "modified one 2", "deleted one 2", "added one 3"]).await
}

async fn watch_from_now(c: Context) -> CaseResult {
    c.create(&config_map("one")).await?;
    let params = WatchParams::default().fields("metadata.name=one");
    expect(&c, &params, "0", &["added one 1"]).await
}

async fn watch_initial_events(c: Context) -> CaseResult {
    c.create(&config_map("one")).await?;
    let params = WatchParams::default().initial_events().labels("!nothing");
    let mut events = c.api("v1", "ConfigMap").watch(&params, "0").await?.boxed();
    let mut found = false;
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Added(o) => found |= o.metadata.name.as_deref() == Some("one"),
            WatchEvent::Bookmark(b) => {
                let end = b.metadata.annotations.get("k8s.io/initial-events-end").map(String::as_str);
                ensure(end == Some("true"), || "a bookmark without the mark of the end".into())?;
                return ensure(found, || "the end came before the object".into());
            }
            other => return Err(CaseError::Different(tell(&other))),
        }
    }
    Err(CaseError::Different("the watch ended".into()))
}

async fn watch_ends(c: Context) -> CaseResult {
    let params = WatchParams::default().timeout(1).fields("metadata.name=nobody");
    let mut events = c.api("v1", "ConfigMap").watch(&params, "0").await?.boxed();
    while let Some(event) = events.try_next().await? {
        ensure(matches!(event, WatchEvent::Bookmark(_)), || tell(&event))?;
    }
    Ok(())
}
