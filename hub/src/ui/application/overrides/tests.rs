//! Releases compared in a cluster: whose manifests are shown, what its overrides change, and what is not told.

use crate::details::Details;
use crate::rendered::{Rendered, Renderings, Wanted};
use crate::ui::support::{Hub, hub, records, rollout, two};
use axum::http::StatusCode;
use serde_json::{Value, json};
use shipper_core::ReleaseName;
use std::sync::Arc;

const PAGE: &str = "/applications/web/shop/diff";

/// A fleet with a third cluster, in which the application is not, and these environments of the old and the new release.
async fn compared(old: &Value, new: &Value) -> Hub {
    let hub = hub().await;
    hub.clusters(&[two(), vec!["eu-2".to_owned()]].concat());
    hub.publish(&rollout("web/shop"));
    let mut releases = records(old);
    releases.extend(records(new).into_iter().filter(|(name, _)| name.as_str() == "shop-new-0"));
    let placement =
        json!({"clusters": {"eu-1": {"region": "eu", "labels": {"tier": "edge"}}, "us-1": {"region": "us"}}});
    let placement = Some(Arc::new(serde_json::from_value(placement).unwrap()));
    hub.answer_details(Details { releases, placement, ..Details::default() });
    hub.answer_wanted(rendered);
    hub
}

/// An object that says whether its release is the new one, and where it is.
fn rendered(wanted: &Wanted) -> Renderings {
    let cluster = wanted.cluster.as_ref().map_or("everywhere", |name| name.as_str());
    let one = |release: &ReleaseName| {
        let age = if release.as_str() == "shop-new-0" { "new" } else { "old" };
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: at}}\ndata: {{at: {age} {cluster}}}\n"
        );
        (release.clone(), Rendered::Manifests(text.into_bytes()))
    };
    wanted.releases.iter().map(one).collect()
}

fn environment(tag: &str, replicas: &Value) -> Value {
    let over = json!({"replicas": replicas, "token": "s3cret"});
    json!({
        "values": {"tag": tag, "replicas": 10},
        "overrides": [{"clusters": {"matchLabels": {"tier": "edge"}}, "values": over}],
    })
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn without_a_cluster_the_page_says_so_and_names_those_with_values_of_their_own() {
    let hub = compared(&environment("1", &json!(2)), &environment("2", &json!(3))).await;
    let page = hub.get(PAGE).await;
    let read = flat(&page.read());
    assert!(
        read.contains(
            "Shown is what was rendered without overrides. Overrides give values of their own to: eu-1"
        ),
        "{read}"
    );
    assert!(read.contains("at: new everywhere") && !read.contains("What overrides change in"), "{read}");
    for part in [
        "<a href=\"/applications/web/shop/diff?from=shop-old-0&#38;to=shop-new-0&#38;cluster=eu-1\">eu-1</a>",
        "<option value=\"eu-1\">eu-1, values of its own</option>",
        "<option value=\"us-1\">us-1</option>",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains("eu-2"), "the application is not there: {}", page.text);
    assert!(!page.text.contains("s3cret"), "{read}");
}

#[tokio::test]
async fn in_a_cluster_its_overrides_are_merged_and_told_and_secrets_stay_hidden() {
    let hub = compared(&environment("1", &json!(2)), &environment("2", &json!(3))).await;
    let page = hub.get(&format!("{PAGE}?from=shop-old-0&to=shop-new-0&cluster=eu-1")).await;
    assert_eq!(page.status, StatusCode::OK);
    let read = flat(&page.read());
    for part in [
        "Shown is what eu-1 gets: with its overrides merged in. Without overrides",
        "values.replicas23 values.tag12",
        "In shop-old-0 WhatWithoutWith values.replicas102 values.tokennot sethidden",
        "In shop-new-0 WhatWithoutWith values.replicas103 values.tokennot sethidden",
        "- at: old eu-1 + at: new eu-1",
        "shipperctl diff web/shop shop-old-0 shop-new-0 --cluster eu-1",
    ] {
        assert!(read.contains(part), "{part:?} is not in {read}");
    }
    assert!(!page.text.contains("s3cret"), "{read}");
    assert!(page.text.contains("<option value=\"eu-1\" selected>"), "{}", page.text);

    let plain = flat(&hub.get(&format!("{PAGE}?cluster=us-1")).await.read());
    assert!(plain.contains("Shown is what us-1 gets: no override changes anything there."), "{plain}");
    assert!(plain.contains("values.tag12") && !plain.contains("What overrides change in"), "{plain}");
    assert!(plain.contains("+ at: new us-1"), "{plain}");
}

#[tokio::test]
async fn what_overrides_change_in_both_is_told_once_and_of_one_release_alone() {
    let hub = compared(&environment("1", &json!(2)), &environment("2", &json!(2))).await;
    let read = flat(&hub.get(&format!("{PAGE}?cluster=eu-1")).await.read());
    assert!(read.contains("In shop-old-0 and shop-new-0 WhatWithoutWith values.replicas102"), "{read}");
    let one = hub.get(&format!("{PAGE}?from=shop-new-0&to=shop-new-0&cluster=eu-1")).await;
    let one = flat(&one.read());
    assert!(one.contains("This is one release.") && one.contains("In shop-new-0 WhatWithoutWith"), "{one}");
}

#[tokio::test]
async fn releases_that_differ_by_overrides_alone_say_where() {
    let hub = compared(&environment("1", &json!(2)), &environment("1", &json!(3))).await;
    let read = flat(&hub.get(PAGE).await.read());
    assert!(read.contains("These releases differ by overrides alone, and only in: eu-1"), "{read}");
    let mut nowhere = environment("1", &json!(2));
    nowhere["overrides"]
        .as_array_mut()
        .unwrap()
        .push(json!({"clusters": {"names": ["eu-9"]}, "values": {"tag": "9"}}));
    let hub = compared(&environment("1", &json!(2)), &nowhere).await;
    let read = flat(&hub.get(PAGE).await.read());
    assert!(read.contains("by overrides alone, and in no cluster of this application."), "{read}");
    let none = json!({"values": {"tag": "1"}});
    let hub = compared(&none, &json!({"values": {"tag": "2"}})).await;
    let read = flat(&hub.get(PAGE).await.read());
    assert!(read.contains("which every cluster of this application gets"), "{read}");
}

#[tokio::test]
async fn a_wrong_cluster_names_the_nearest_of_the_application_and_no_other() {
    let none = json!({});
    let hub = compared(&none, &none).await;
    for (asked, said) in [
        ("eu-l", "web/shop is not in the cluster eu-l; did you mean eu-1? Choose one of its clusters"),
        ("eu-2", "web/shop is not in the cluster eu-2; did you mean eu-1? Choose one of its clusters"),
        ("moon", "web/shop is not in the cluster moon; it is in eu-1 and us-1. Choose one"),
    ] {
        let page = hub.get(&format!("{PAGE}?cluster={asked}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{asked}");
        assert!(flat(&page.read()).contains(said), "{asked}: {}", page.read());
        assert!(page.text.contains("<option value=\"us-1\">"), "{}", page.text);
    }
}
