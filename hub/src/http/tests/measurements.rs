//! What was measured for gates that are over is read newest first, all that is kept of it, by release and cluster.

use super::reading::{pages, rolling};
use super::*;
use crate::http::lists::token;
use crate::store::Measurement;
use shipper_core::api::MEASUREMENTS_OF;

/// What was measured for a gate of `web/shop`, in its run of this second.
pub(super) fn measured(second: i64, cluster: &str) -> Measurement {
    let at = |later: i64| Timestamp::from_second(1_800_000_000 + second + later).unwrap();
    let sample =
        |later: i64, measured: &str| json!({"at": at(later), "outcome": "passed", "measured": measured});
    let samples = [sample(60, "0.002"), sample(120, "0.001")];
    serde_json::from_value(json!({
        "at": at(130), "application": "web/shop", "release": "shop-83e4eedd-0", "step": 1, "stepName": "half", "run": at(0), "cluster": cluster,
        "outcome": "passed", "gate": "passed", "measures": [{"name": "errors", "passed": 2, "failed": 0, "unknown": 0, "samples": samples}],
        "wanted": [{"name": "errors", "condition": "fails if > 0.01", "count": 2}],
    }))
    .unwrap()
}

fn of(name: &str) -> String {
    format!("{APPLICATIONS}/web/{name}/{MEASUREMENTS_OF}")
}

fn told(kept: &[Measurement]) -> Vec<Value> {
    kept.iter().rev().map(|one| json!(one)).collect()
}

/// [A4] What agents say no more is still told, by run and cluster, also of an application that is gone.
#[tokio::test]
async fn what_was_measured_is_told_newest_first_by_release_and_cluster() {
    let hub = hub().await;
    hub.shared.statuses.publish(rolling("web", "shop"));
    let mut kept =
        [(0, "eu"), (0, "us"), (500, "eu"), (500, "us")].map(|(run, cluster)| measured(run, cluster));
    kept[3].release = "shop-0c0ffee0-0".into();
    hub.shared.keep(kept.to_vec()).await.unwrap();
    hub.shared
        .keep(vec![Measurement { application: AppKey::new("web", "gone"), ..measured(0, "eu") }])
        .await
        .unwrap();
    assert_eq!(pages(&hub, &of("shop"), 2).await, told(&kept));
    assert_eq!(pages(&hub, &(of("shop") + "?release=shop-83e4eedd-0"), 1).await, told(&kept[..3]));
    assert_eq!(
        pages(&hub, &(of("shop") + "?cluster=us&release=shop-83e4eedd-0"), 1).await,
        told(&kept[1..2])
    );
    assert_eq!(pages(&hub, &(of("shop") + "?cluster=nowhere"), 1).await, [json!(null); 0]);
    assert_eq!(pages(&hub, &of("gone"), 1).await.len(), 1, "one that was removed still has a past");
    assert_eq!(pages(&hub, &(of("gone") + "?cluster=us"), 1).await, [json!(null); 0]);
    hub.get(&of("none")).await.problem(404);
    hub.get(&(of("shop") + "?clusters=us")).await.problem(400);
}

/// [A4] However many are kept, whatever comes meanwhile: none is left out, none told twice.
#[tokio::test]
async fn all_that_is_kept_is_told_while_more_is_kept() {
    let hub = hub().await;
    hub.shared.statuses.publish(rolling("web", "shop"));
    let kept: Vec<Measurement> = (0..1_203).map(|run| measured(run, "eu")).collect();
    hub.shared.keep(kept.clone()).await.unwrap();
    assert_eq!(pages(&hub, &of("shop"), 5_000).await, told(&kept), "a page has fewer, and says how to go on");

    let (mut items, mut next) = (Vec::new(), String::new());
    for page in 0_i64.. {
        let answer = hub.get(&format!("{}?limit=400{next}", of("shop"))).await.json();
        items.extend(answer["items"].as_array().unwrap().clone());
        let Some(token) = answer.get("continue") else { break };
        next = format!("&continue={}", token.as_str().unwrap());
        // One that is new, and one that is told again before it is read.
        hub.shared.keep(vec![measured(10_000 + page, "us"), measured(1, "eu")]).await.unwrap();
    }
    assert_eq!(items, told(&kept));
}

/// A hub of an earlier version counted from the newest, in eight digits: that is no place here, and would leave some out.
#[tokio::test]
async fn where_a_page_of_an_earlier_version_ended_is_refused() {
    let hub = hub().await;
    hub.shared.statuses.publish(rolling("web", "shop"));
    let stale = hub.get(&format!("{}?continue={}", of("shop"), token("00000099"))).await;
    assert!(stale.problem(400).contains("begin again"), "{}", stale.text);
}
