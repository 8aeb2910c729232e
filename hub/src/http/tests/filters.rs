//! Every filter of every list leaves out what does not fit. Which lists and filters there are, the OpenAPI document says.

use super::measurements::measured;
use super::reading::{event, pages, rolling};
use super::*;
use crate::http::openapi;
use crate::store::TimelineEvent;
use shipper_core::ClusterName;
use shipper_core::api::{EVENTS_OF, MEASUREMENTS_OF, TIMELINE, VERSIONS};
use std::collections::BTreeSet;

/// Of what a list is made, not what is in it.
const NO_FILTERS: [&str; 3] = ["limit", "continue", "watch"];

/// What is asked of a list, and what it answers: items by [`name`].
const CASES: &[(&str, &str, &[&str])] = &[
    ("listApplications", "namespace=data", &["data/lake"]),
    ("listApplications", "cluster=us", &["web/shop"]),
    ("listApplications", "waiting=capacity", &["web/shop"]),
    ("listApplications", "q=LAK", &["data/lake"]),
    (
        "listVersions",
        "application=data/lake",
        &["data/lake eu lake-aaaaaaaa-0", "data/lake eu lake-bbbbbbbb-0"],
    ),
    ("listVersions", "namespace=data", &["data/lake eu lake-aaaaaaaa-0", "data/lake eu lake-bbbbbbbb-0"]),
    ("listVersions", "cluster=us", &["web/shop us shop-aaaaaaaa-0", "web/shop us shop-bbbbbbbb-0"]),
    ("listClusters", "region=america", &["us"]),
    ("listClusters", "q=EU", &["eu"]),
    // One without a namespace concerns every one.
    ("listBlocks", "namespace=data", &["always", "never", "incident"]),
    ("listBlocks", "inForce=true", &["always", "incident", "web-only"]),
    ("listBlocks", "inForce=false", &["never"]),
    ("listEvents", "application=data/lake", &["lake at 3"]),
    ("listEvents", "namespace=data", &["lake at 3"]),
    ("listEvents", "cluster=us", &["shop at 2"]),
    ("listEvents", "reason=Created", &["shop at 1"]),
    ("listEvents", "since=2027-01-15T08:00:02Z", &["lake at 3", "shop at 2"]),
    ("listEventsOfApplication", "cluster=us", &["shop at 2"]),
    ("listEventsOfApplication", "reason=Created", &["shop at 1"]),
    ("listEventsOfApplication", "since=2027-01-15T08:00:02Z", &["shop at 2"]),
    ("listMeasurements", "release=shop-0c0ffee0-0", &["us shop-0c0ffee0-0"]),
    ("listMeasurements", "cluster=eu", &["eu shop-83e4eedd-0"]),
];

/// Two applications, two clusters, and what happened to them.
pub(super) async fn fleet(hub: &Hub) {
    let mut board = serde_json::to_value(hub.shared.hub.get()).unwrap();
    let clusters = [("eu", "europe"), ("us", "america")];
    board["clusters"] = clusters
        .map(|(name, region)| json!({"name": name, "region": region, "liveness": "unknown", "problems": []}))
        .into();
    hub.shared.hub.publish(serde_json::from_value(board).unwrap());
    hub.shared.statuses.publish(rolling("web", "shop"));
    let mut lake = rolling("data", "lake");
    lake.waiting.state = WaitingFor::None;
    lake.clusters.truncate(1);
    hub.shared.statuses.publish(lake);
    blocks(
        hub,
        &[
            ("always", ""),
            ("never", ", schedule: {cron: '0 0 29 2 *', duration: 1m, timeZone: UTC}"),
            ("data/incident", ""),
            ("web/web-only", ""),
        ],
    );
    let there = |second, name, reason, cluster: Option<&str>| TimelineEvent {
        cluster: cluster.map(ClusterName::from),
        ..event(second, name, reason)
    };
    let lake = TimelineEvent {
        application: Some(AppKey::new("data", "lake")),
        ..there(3, "lake", "StepAchieved", Some("eu"))
    };
    let happened =
        vec![there(1, "shop", "Created", None), there(2, "shop", "StepAchieved", Some("us")), lake];
    hub.shared.log(happened).await.unwrap();
    let mut other = measured(1, "us");
    other.release = "shop-0c0ffee0-0".into();
    hub.shared.keep(vec![measured(0, "eu"), other]).await.unwrap();
}

/// Rollout blocks: where their file is, without its end, and what else stands in it.
pub(super) fn blocks(hub: &Hub, blocks: &[(&str, &str)]) {
    let mut fleet = Fleet::default();
    for (place, more) in blocks {
        let metadata = match place.split_once('/') {
            Some((namespace, name)) => format!("{{name: {name}, namespace: {namespace}}}"),
            None => format!("{{name: {place}}}"),
        };
        let text = format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {metadata}\nspec: {{message: m, author: {{type: user, name: jo}}{more}}}\n"
        );
        let loaded = load(&format!("blocks/{place}.yaml"), text.as_bytes());
        let Some(Object::RolloutBlock(block)) = loaded.object else { panic!("{:?}", loaded.problems) };
        let key = (block.metadata.namespace.clone(), block.metadata.name.clone());
        fleet.blocks.insert(key, block);
    }
    hub.shared.blocks.publish(BlockSurvey::of(&fleet, std::iter::empty()));
}

/// Where the list of an operation is.
fn path(operation: &str) -> String {
    match operation {
        "listApplications" => APPLICATIONS.to_owned(),
        "listVersions" => VERSIONS.to_owned(),
        "listClusters" => CLUSTERS.to_owned(),
        "listBlocks" => BLOCKS.to_owned(),
        "listEvents" => TIMELINE.to_owned(),
        "listEventsOfApplication" => format!("{APPLICATIONS}/web/shop/{EVENTS_OF}"),
        "listMeasurements" => format!("{APPLICATIONS}/web/shop/{MEASUREMENTS_OF}"),
        other => panic!("{other} has filters, and no case above"),
    }
}

/// By what an item is told from the others of its list.
fn name(operation: &str, item: &Value) -> String {
    let keys: &[&str] = match operation {
        "listApplications" => &["application"],
        "listVersions" => &["application", "cluster", "release"],
        "listEvents" | "listEventsOfApplication" => &["message"],
        "listMeasurements" => &["cluster", "release"],
        _ => &["name"],
    };
    keys.iter().map(|key| item[key].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// The filters of every list, as the document has them.
fn filters() -> BTreeSet<(String, String)> {
    let document = openapi::document();
    let operations = document["paths"].as_object().unwrap().values().filter_map(|item| item.get("get"));
    let mut filters = BTreeSet::new();
    for operation in operations {
        let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let asked: Vec<&str> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        if asked.contains(&"limit") {
            let id = operation["operationId"].as_str().unwrap();
            let named = asked.iter().filter(|name| !NO_FILTERS.contains(name));
            filters.extend(named.map(|name| (id.to_owned(), (*name).to_owned())));
        }
    }
    filters
}

#[tokio::test]
async fn every_filter_of_every_list_leaves_out_what_does_not_fit() {
    let hub = hub().await;
    fleet(&hub).await;
    let mut tried = BTreeSet::new();
    for (operation, query, expected) in CASES {
        let path = path(operation);
        let names = |items: &[Value]| items.iter().map(|item| name(operation, item)).collect::<Vec<_>>();
        let all = names(&pages(&hub, &path, 500).await);
        let found = names(&pages(&hub, &format!("{path}?{query}"), 1).await);
        assert_eq!(found, *expected, "{operation} {query}, of {all:?}");
        assert!(found.len() < all.len(), "{operation} {query} leaves nothing out of {all:?}");
        tried.insert(((*operation).to_owned(), query.split('=').next().unwrap().to_owned()));
    }
    assert_eq!(tried, filters(), "each filter of the document has a case, and no other");
}
