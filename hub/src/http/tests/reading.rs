//! What people and programs read: lists in pages, summaries, the timeline, and nothing twice.

use super::*;
use crate::store::TimelineEvent;
use shipper_core::ClusterName;
use shipper_core::api::{
    EVENTS_OF, EVIDENCE, EvidenceOfMany, FleetSummary, MEASUREMENTS_OF, PODS_OF, RELEASES_OF, SUMMARY,
    TIMELINE, VERSIONS, WAIT,
};
use shipper_core::status::Liveness;

/// An application in two clusters: the first release serves, the second is at its first step and its image cannot be pulled in one of them.
pub(super) fn rolling(namespace: &str, name: &str) -> ApplicationStatus {
    let release = |hash: &str, generation: u64, steps: &[&str], complete: bool| {
        json!({
            "name": format!("{name}-{hash}-0"), "generation": generation, "created": "2026-11-01T10:00:00Z",
            "source": "c0ffee", "version": format!("nginx 1.{generation}"), "steps": steps, "step": 0,
            "achieved": null, "complete": complete.then_some("2026-11-01T11:00:00Z"), "withdrawn": null, "failed": null,
        })
    };
    let capacity = |desired: u32, ready: u32, available: u32| json!({"rendered": 10, "desired": desired, "replicas": desired, "pods": desired, "ready": ready, "available": available, "achieved": desired == available});
    let pods =
        json!([{"reason": "ImagePullBackOff", "count": 1, "example": "shop-x", "message": "no such image"}]);
    let there = |new: Value, pods: Value| {
        json!([
            {"name": format!("{name}-aaaaaaaa-0"), "capacity": capacity(10, 10, 10), "traffic": {"wanted": 10, "ready": 10, "achieved": true}, "pods": []},
            {"name": format!("{name}-bbbbbbbb-0"), "capacity": new, "traffic": null, "pods": pods},
        ])
    };
    let mut status = status(namespace, name);
    status.contender = Some(format!("{name}-bbbbbbbb-0").into());
    status.incumbent = Some(format!("{name}-aaaaaaaa-0").into());
    status.releases = serde_json::from_value(json!([
        release("bbbbbbbb", 2, &["staging", "full on"], false),
        release("aaaaaaaa", 1, &["staging", "full on"], true),
    ]))
    .unwrap();
    status.clusters = vec![sample::cluster("eu", None), sample::cluster("us", None)];
    status.clusters[0].releases = serde_json::from_value(there(capacity(1, 1, 1), json!([]))).unwrap();
    status.clusters[1].releases = serde_json::from_value(there(capacity(1, 0, 0), pods)).unwrap();
    status.clusters[1].waiting = WaitingFor::WaitingForCapacity;
    status.clusters[1].message = "1 of 1 pods is not available".to_owned();
    status.waiting.state = WaitingFor::WaitingForCapacity;
    status.waiting.clusters = vec![ClusterName::from("us")];
    status
}

/// Every item of a list, in pages of so many.
pub(super) async fn pages(hub: &Hub, path: &str, limit: usize) -> Vec<Value> {
    let mark = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut next) = (Vec::new(), String::new());
    loop {
        let answer = hub.get(&format!("{path}{mark}limit={limit}{next}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let page = answer.json();
        let some = page["items"].as_array().unwrap().clone();
        assert!(some.len() <= limit);
        items.extend(some);
        match page.get("continue") {
            Some(token) => next = format!("&continue={}", token.as_str().unwrap()),
            None => return items,
        }
    }
}

fn keys(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["application"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn applications_come_in_pages_that_together_are_all_of_them() {
    let hub = hub().await;
    for number in 0..25 {
        hub.shared
            .statuses
            .publish(status(["web", "web-2", "data"][number % 3], &format!("app-{number:02}")));
    }
    hub.shared.statuses.publish(rolling("web", "shop"));
    let all = pages(&hub, APPLICATIONS, 500).await;
    assert_eq!(all.len(), 26);
    for limit in [1, 4, 26] {
        assert_eq!(pages(&hub, APPLICATIONS, limit).await, all, "{limit}");
    }
    assert_eq!(keys(&pages(&hub, &format!("{APPLICATIONS}?q=SHOP"), 3).await), ["web/shop"]);
    assert_eq!(keys(&pages(&hub, &format!("{APPLICATIONS}?q=nginx"), 3).await), ["web/shop"]);
    assert_eq!(keys(&pages(&hub, &format!("{APPLICATIONS}?cluster=us"), 3).await), ["web/shop"]);
    for waiting in ["capacity", "waitingForCapacity"] {
        assert_eq!(keys(&pages(&hub, &format!("{APPLICATIONS}?waiting={waiting}"), 3).await), ["web/shop"]);
    }
    assert_eq!(pages(&hub, &format!("{APPLICATIONS}?namespace=data"), 3).await.len(), 8);
    assert!(pages(&hub, &format!("{APPLICATIONS}?namespace=data&cluster=us"), 3).await.is_empty());
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused_with_what_is_meant() {
    let hub = hub().await;
    for (query, told) in [
        ("namspace=web", "namespace"),
        ("limit=0", "1 to 5000"),
        ("limit=5001", "continue"),
        ("limit=many", "limit"),
        ("waiting=godot", "capacity"),
        ("continue=%20", "begin again without it"),
        ("continue=d2Vi", "begin again without it"),
    ] {
        let detail = hub.get(&format!("{APPLICATIONS}?{query}")).await.problem(400);
        assert!(detail.contains(told), "{query}: {detail}");
    }
    for (path, told) in [
        (format!("{TIMELINE}?since=yesterday"), "such as 2026-11-30T09:00:00Z"),
        (format!("{TIMELINE}?watch=0"), "watch=true"),
        (format!("{APPLICATIONS}/web/shop?watch=maybe"), "watch=true"),
        (format!("{APPLICATIONS}/%ff/shop"), "UTF-8"),
        (format!("{CLUSTERS}/%ff"), "UTF-8"),
        (format!("{APPLICATIONS}/web/shop/{WAIT}?for=bogus"), "cannot be waited for"),
        (format!("{TIMELINE}?application=shop"), "namespace/name"),
        (format!("{VERSIONS}?continue=d2Vi"), "begin again"),
    ] {
        let detail = hub.get(&path).await.problem(400);
        assert!(detail.contains(told), "{path}: {detail}");
    }
}

#[tokio::test]
async fn evidence_is_told_of_many_applications_at_once_also_of_such_as_are_to_come() {
    let hub = hub().await;
    let session = hub.session("uid-1").await;
    hub.post(REPORTS, EU, &report(&session, 1)).await;
    let answer = hub.get(&format!("{EVIDENCE}?application=web/new&application=web/shop")).await;
    let told: EvidenceOfMany = serde_json::from_str(&answer.text).unwrap();
    let names: Vec<String> = told.items.iter().map(|one| one.application.to_string()).collect();
    assert_eq!(names, ["web/new", "web/shop"]);
    assert!(told.items[0].reports.is_empty());
    assert_eq!(told.items[1].reports[&ClusterName::from("eu")].target_generation, 1);
    assert_eq!(told.liveness[&ClusterName::from("eu")], Liveness::Online);

    let many =
        |count: usize| (0..count).map(|n| format!("application=web/app-{n}")).collect::<Vec<_>>().join("&");
    let most = hub.get(&format!("{EVIDENCE}?{}", many(500))).await.json();
    assert_eq!(most["items"].as_array().unwrap().len(), 500);
    for (query, told) in [
        (many(501), "1 to 500"),
        (String::new(), "1 to 500"),
        ("application=shop".to_owned(), "namespace/name"),
        ("applications=web/shop".to_owned(), "applications"),
    ] {
        let detail = hub.get(&format!("{EVIDENCE}?{query}")).await.problem(400);
        assert!(detail.contains(told), "{query}: {detail}");
    }
}

#[tokio::test]
async fn who_has_it_already_is_sent_nothing() {
    let hub = hub().await;
    hub.shared.statuses.publish(rolling("web", "shop"));
    let one = format!("{APPLICATIONS}/web/shop");
    let ask = async |path: &str, mark: &str| {
        let request = Request::get(path).header(header::IF_NONE_MATCH, mark);
        hub.answer(request.body(Body::empty()).unwrap()).await
    };
    for path in [APPLICATIONS, &one, CLUSTERS, BLOCKS, STATUS, SUMMARY, VERSIONS, TIMELINE] {
        let first = hub.get(path).await;
        let mark = first.headers[header::ETAG].to_str().unwrap().to_owned();
        for known in [mark.clone(), format!("\"other\", W/{mark}")] {
            let again = ask(path, &known).await;
            assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path}");
            assert_eq!(again.headers[header::ETAG], mark.as_str());
        }
        assert_eq!(ask(path, "\"other\"").await.status, StatusCode::OK);
    }
    let before = hub.get(&one).await.headers[header::ETAG].clone();
    let mut moved = rolling("web", "shop");
    moved.waiting.message = "another".to_owned();
    hub.shared.statuses.publish(moved);
    assert_eq!(ask(&one, before.to_str().unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_application_is_told_in_a_line() {
    let hub = hub().await;
    hub.shared.statuses.publish(rolling("web", "shop"));
    let line = hub.get(APPLICATIONS).await.json()["items"][0].clone();
    assert_eq!(
        line,
        json!({
            "application": "web/shop", "state": "rollingOut", "contender": "shop-bbbbbbbb-0", "incumbent": "shop-aaaaaaaa-0",
            "version": "nginx 1.2", "step": 0, "steps": 2, "stepName": "staging",
            "waiting": {"state": "waitingForCapacity", "message": "us: 1 of 1 pods is not available"},
            "clusters": {"total": 2, "waiting": 1, "failing": 0, "offline": 0},
            "pods": {"desired": 22, "pods": 22, "ready": 21, "available": 21}, "complete": false,
            "failing": [{"state": "notReady", "reason": "ImagePullBackOff", "count": 1, "clusters": ["us"], "example": {
                "application": "web/shop", "release": "shop-bbbbbbbb-0", "cluster": "us", "pod": "shop-x", "message": "no such image"}}],
        })
    );
}

#[tokio::test]
async fn pods_are_counted_over_all_clusters_with_one_example_for_each_reason() {
    let hub = hub().await;
    hub.shared.statuses.publish(rolling("web", "shop"));
    hub.shared.statuses.publish(rolling("web", "blog"));
    let pods = pages(&hub, &format!("{APPLICATIONS}/web/shop/{PODS_OF}"), 1).await;
    assert_eq!(pods.len(), 2);
    assert_eq!((&pods[0]["release"], &pods[0]["role"]), (&json!("shop-bbbbbbbb-0"), &json!("contender")));
    let example = json!({
        "application": "web/shop", "release": "shop-bbbbbbbb-0", "cluster": "us", "pod": "shop-x", "message": "no such image",
    });
    assert_eq!(
        pods[0]["groups"],
        json!([
            {"state": "notReady", "reason": "ImagePullBackOff", "count": 1, "clusters": ["us"], "example": example},
            {"state": "available", "count": 1, "clusters": ["eu"]},
        ])
    );
    assert_eq!(pods[1]["groups"], json!([{"state": "available", "count": 20, "clusters": ["eu", "us"]}]));

    let summary: FleetSummary = serde_json::from_str(&hub.get(SUMMARY).await.text).unwrap();
    assert_eq!(summary.applications.total, 2);
    assert_eq!(summary.applications.waiting[&WaitingFor::WaitingForCapacity], 2);
    assert_eq!((summary.pods.counts.desired, summary.pods.counts.ready), (44, 42));
    let [trouble] = summary.pods.troubles.as_slice() else { panic!("{:?}", summary.pods.troubles) };
    assert_eq!((trouble.count, trouble.reason.as_deref()), (2, Some("ImagePullBackOff")));
    assert_eq!(trouble.example.as_ref().unwrap().application, AppKey::new("web", "blog"));
}

#[tokio::test]
async fn releases_say_what_runs_of_them_and_versions_where() {
    let hub = hub().await;
    hub.shared.statuses.publish(rolling("web", "shop"));
    hub.shared.statuses.publish(rolling("data", "shop"));
    let releases = pages(&hub, &format!("{APPLICATIONS}/web/shop/{RELEASES_OF}"), 1).await;
    assert_eq!((&releases[1]["role"], &releases[1]["clusters"]), (&json!("incumbent"), &json!(2)));
    assert_eq!((&releases[1]["pods"]["available"], &releases[1]["generation"]), (&json!(20), &json!(1)));

    let all = pages(&hub, VERSIONS, 500).await;
    assert_eq!(all.len(), 8);
    for limit in [1, 3] {
        assert_eq!(pages(&hub, VERSIONS, limit).await, all);
    }
    let some = pages(&hub, &format!("{VERSIONS}?application=web/shop&cluster=us"), 500).await;
    let versions: Vec<_> = some.iter().map(|row| (&row["version"], &row["cluster"])).collect();
    assert_eq!(versions, [(&json!("nginx 1.1"), &json!("us")), (&json!("nginx 1.2"), &json!("us"))]);
    hub.get(&format!("{VERSIONS}?application=web/none")).await.problem(404);
    for below in [RELEASES_OF, PODS_OF, EVENTS_OF, MEASUREMENTS_OF] {
        hub.get(&format!("{APPLICATIONS}/web/none/{below}")).await.problem(404);
    }
}

pub(super) fn event(second: i64, name: &str, reason: &str) -> TimelineEvent {
    TimelineEvent {
        at: Timestamp::from_second(1_800_000_000 + second).unwrap(),
        application: Some(AppKey::new("web", name)),
        cluster: None,
        reason: reason.to_owned(),
        message: format!("{name} at {second}"),
        commit: None,
    }
}

#[tokio::test]
async fn the_timeline_is_read_newest_first_of_everything_or_of_one() {
    let hub = hub().await;
    hub.shared.statuses.publish(status("web", "quiet"));
    let events =
        (0..30).map(|second| event(second, ["shop", "blog"][usize::from(second % 3 == 0)], "StepAchieved"));
    hub.shared.log(events.collect()).await.unwrap();
    let all = pages(&hub, TIMELINE, 7).await;
    let messages =
        |items: &[Value]| items.iter().map(|e| e["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!((all.len(), messages(&all)[0].as_str()), (30, "shop at 29"));
    // It was removed, or is not on main yet: what happened is told all the same.
    let blog = pages(&hub, &format!("{APPLICATIONS}/web/blog/{EVENTS_OF}"), 3).await;
    assert_eq!((blog.len(), messages(&blog)[9].as_str()), (10, "blog at 0"));
    let late = pages(
        &hub,
        &format!("{TIMELINE}?application=web/shop&since=2027-01-15T08:00:20Z&reason=StepAchieved"),
        3,
    )
    .await;
    assert_eq!(
        messages(&late),
        ["shop at 29", "shop at 28", "shop at 26", "shop at 25", "shop at 23", "shop at 22", "shop at 20"]
    );
    assert!(pages(&hub, &format!("{APPLICATIONS}/web/quiet/{EVENTS_OF}"), 3).await.is_empty());
    hub.get(&format!("{APPLICATIONS}/web/shop/{EVENTS_OF}?namespace=web")).await.problem(400);
}
