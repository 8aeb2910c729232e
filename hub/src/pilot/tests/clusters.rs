//! What people do to clusters stands in the timeline, once.

use super::bed::{Bed, CLUSTER, Hub, application, file, key};
use super::{cluster, has_releases, one};
use crate::store::{Begin, EventQuery};
use shipper_core::api::EventFilter;
use std::time::Duration;

/// What the timeline says of clusters themselves: cluster, reason and commit, oldest first, once there is so much of it.
async fn told(hub: &Hub, count: usize) -> Vec<(String, String, String)> {
    let query = EventQuery { filter: EventFilter::default(), begin: Begin::Newest, limit: 100 };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let entries = hub.shared.store.events(&query).await.unwrap();
        let mut told: Vec<_> = entries
            .into_iter()
            .map(|entry| entry.event)
            .filter(|event| event.application.is_none())
            .filter_map(|event| Some((event.cluster?.to_string(), event.reason, event.commit?.id)))
            .collect();
        told.reverse();
        if told.len() >= count {
            return told;
        }
        assert!(tokio::time::Instant::now() < deadline, "{count} entries do not come: {told:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn scheduler(name: &str, scheduler: &str) -> String {
    CLUSTER.replace("NAME", name).replace("{region: eu}", &format!("{{region: eu, scheduler: {scheduler}}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_a_cluster_is_told_once_with_its_commit() {
    let mut bed: Bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    assert_eq!(told(&hub, 0).await, [], "what was there before is no news");

    let mut expected = Vec::new();
    for (reason, text) in [
        ("ClusterAdded", cluster("b")),
        ("ClusterCordoned", scheduler("b", "{unschedulable: true}")),
        ("ClusterDrained", scheduler("b", "{drain: true}")),
        ("ClusterUncordoned", cluster("b")),
    ] {
        let commit = bed.commit(&[("clusters/b.yaml", Some(&text))]);
        expected.push(("b".to_owned(), reason.to_owned(), commit.to_string()));
        assert_eq!(told(&hub, expected.len()).await, expected);
    }
    // Another label is nobody's business, and a file that is gone is no removal yet.
    let labelled = cluster("b").replace("{name: b}", "{name: b, labels: {tier: gold}}");
    let commit = bed.commit(&[("clusters/b.yaml", Some(&labelled))]);
    hub.follows(commit).await;
    let commit = bed.commit(&[("clusters/b.yaml", None)]);
    hub.follows(commit).await;
    let confirmed = bed.confirm("b");
    expected.push(("b".to_owned(), "ClusterRemoved".to_owned(), confirmed.to_string()));
    assert_eq!(told(&hub, expected.len()).await, expected);
    hub.stop().await;

    // What happened while no hub ran is told by the next one, and nothing again.
    let back = bed.commit(&[("clusters/b.yaml", Some(&scheduler("b", "{unschedulable: true}")))]);
    let hub = Hub::start(bed.config()).await;
    for reason in ["ClusterAdded", "ClusterCordoned"] {
        expected.push(("b".to_owned(), reason.to_owned(), back.to_string()));
    }
    assert_eq!(told(&hub, expected.len()).await, expected);
    let late = bed.commit(&[(&file("late"), Some(&application("late", "apps/web")))]);
    hub.follows(late).await;
    assert!(hub.shared.statuses.get(&key("late")).is_some());
    assert_eq!(told(&hub, expected.len()).await, expected, "nothing is told twice");
    // What a rollout does to one cluster is told of the cluster as well.
    let filter = EventFilter { cluster: Some("b".into()), ..EventFilter::default() };
    let query = EventQuery { filter, begin: Begin::Newest, limit: 100 };
    let of_it = hub.shared.store.events(&query).await.unwrap();
    let of_it: Vec<_> =
        of_it.into_iter().filter_map(|one| Some((one.event.application?, one.event.reason))).collect();
    assert!(of_it.contains(&(key("shop"), "ClusterChosen".to_owned())), "{of_it:?}");
    hub.stop().await;
}
