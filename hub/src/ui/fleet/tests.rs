//! The fleet: who fails first, and pages that stay small.

use crate::ui::support::{hub, names, rollout, settled, two};
use serde_json::{Value, json};

/// A release of which so many pods fail for this reason.
fn failing(reason: &str, count: u32, example: &str, message: &str) -> Value {
    let capacity = json!({"rendered": 4, "desired": 4, "replicas": 4, "pods": 4, "ready": 0, "available": 0, "achieved": false});
    let pods = json!([{"reason": reason, "count": count, "example": example, "message": message}]);
    json!({"name": "app-0a1b2c3d-0", "capacity": capacity, "traffic": null, "pods": pods})
}

#[tokio::test]
async fn the_fleet_says_which_pods_fail_where_over_all_applications() {
    let hub = hub().await;
    hub.clusters(&two());
    let section = async || {
        let page = hub.get("/").await;
        let text = page.text.split("<section class=\"card reasons\"").nth(1).map(str::to_owned);
        text.map(|text| text.split("</section>").next().unwrap().to_owned())
    };
    hub.publish(&settled("web/calm", &two()));
    let mut starts = settled("web/starts", &two());
    starts["clusters"][0]["releases"] = json!([failing("ContainersNotReady", 3, "starts-1", "")]);
    hub.publish(&starts);
    assert_eq!(section().await, None, "where nothing fails there is nothing to say");
    hub.publish(&rollout("web/shop"));
    let mut blog = settled("web/blog", &two());
    blog["clusters"][0]["releases"] = json!([failing("CrashLoopBackOff", 1, "blog-1", "back-off 5m0s")]);
    blog["clusters"][1]["releases"] = json!([failing("ImagePullBackOff", 1, "blog-2", "not found")]);
    hub.publish(&blog);
    let text = section().await.unwrap();
    let (image, crash) = (text.find("ImagePullBackOff").unwrap(), text.find("CrashLoopBackOff").unwrap());
    assert!(image < crash, "the reason with the most pods comes first");
    for wanted in [
        "<span>3 pods of 2 applications in 2 clusters</span>",
        "<code>blog-2</code> of <a href=\"/applications/web/blog\">web/blog</a> in <a href=\"/clusters/us-1\">us-1</a>: not found",
        "<span>1 pod of 1 application in 1 cluster</span>",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is not in {text}");
    }
    assert!(!text.contains("ContainersNotReady"), "what only starts does not fail: {text}");
    for elsewhere in ["/?q=shop", "/?cluster=eu-1", "/?show=moving"] {
        assert!(!hub.get(elsewhere).await.text.contains("card reasons"), "{elsewhere}");
    }
    hub.publish(&settled("web/blog", &two()));
    let text = section().await.unwrap();
    assert!(text.contains("2 pods of 1 application in 1 cluster") && !text.contains("CrashLoop"), "{text}");
    hub.shared.statuses.remove(&"web/shop".parse().unwrap());
    assert_eq!(section().await, None);
}

#[tokio::test]
async fn the_fleet_says_who_fails_where_before_who_rests() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&settled("aaa/calm", &two()));
    hub.publish(&rollout("web/shop"));
    let page = hub.get("/").await;
    let read = page.read();
    let (failing, calm) = (read.find("web/shop").unwrap(), read.find("aaa/calm").unwrap());
    assert!(failing < calm, "what fails comes first");
    assert!(read.contains("eu-1: ImagePullBackOff: Back-off pulling image \"shop:broken\""), "{read}");
    assert!(read.contains("step 2 of 3, half") && read.contains("shop 2.0.0"), "{read}");
    assert!(read.contains("eu-1 failing, 1 at rest"), "{read}");
    let moving = hub.get("/?show=settled").await.read();
    assert!(moving.contains("aaa/calm") && !moving.contains("web/shop"));
    assert!(!hub.get("/?q=shop&cluster=us-1").await.read().contains("aaa/calm"));
    assert!(hub.get("/?q=nobody").await.read().contains("Nothing matches."));
}

#[tokio::test]
async fn the_fleet_page_is_small_however_large_the_fleet_is() {
    let hub = hub().await;
    let names = names(100);
    hub.clusters(&names);
    let long = "a long message of something that went wrong in a place far away ".repeat(20);
    for number in 0..10_000 {
        let mut status = settled(&format!("namespace-{:03}/application-{number:05}", number % 300), &[]);
        // The first page is the worst that there can be: every other cluster of it fails, with many words.
        if number % 100 == 0 {
            status = settled(&format!("namespace-{:03}/application-{number:05}", number % 300), &names);
            for (index, cluster) in status["clusters"].as_array_mut().unwrap().iter_mut().enumerate() {
                if index % 2 == 0 {
                    cluster["problems"] = json!([{"object": "Deployment web/x", "heals": false, "reason": "Rejected", "message": long}]);
                    cluster["releases"] =
                        json!([failing(&format!("{long}{}", number / 100), 1, &long, &long)]);
                }
            }
        }
        hub.publish(&status);
    }
    let page = hub.get("/").await;
    assert!(page.read().contains("and for 95 other reasons"), "{}", page.read());
    assert!(page.read().contains("1 to 40 of 10000"));
    assert!(page.read().contains("50 failing, 50 at rest"));
    assert!(page.text.len() < 100_000, "{} bytes", page.text.len());
    let next = hub.get("/?page=2").await;
    assert!(next.read().contains("41 to 80 of 10000") && next.text.len() < 100_000);
}

#[tokio::test]
async fn what_cannot_move_is_not_said_to_be_moving() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut silent = settled("web/silent", &two());
    silent["waiting"] = json!({"state": "waitingForCluster", "message": "eu-1: its agent does not report", "clusters": ["eu-1"]});
    silent["clusters"][0]["liveness"] = json!("offline");
    hub.publish(&silent);
    let message = "main has nothing at apps/bad";
    hub.publish(&json!({
        "application": "web/bad", "contender": null, "incumbent": null, "releases": [], "clusters": [],
        "waiting": {"state": "waitingForInstallation", "message": message, "clusters": []},
        "conditions": [{"type": "ReleaseSynced", "status": "False", "reason": "ChartUnavailable", "message": message}],
    }));
    let mut next = settled("web/next", &two());
    let lacks = "nginx 9.9.9 is not in https://charts.example.com";
    next["waiting"] = json!({"state": "waitingForInstallation", "message": lacks, "clusters": []});
    next["conditions"] =
        json!([{"type": "ReleaseSynced", "status": "False", "reason": "ChartUnavailable", "message": lacks}]);
    hub.publish(&next);
    assert!(hub.get("/?show=silent").await.read().contains("web/silent"));
    let failing = hub.get("/?show=failing").await.read();
    assert!(failing.contains("web/bad") && failing.contains(message), "{failing}");
    assert!(failing.contains("web/next") && failing.contains(lacks), "{failing}");
    let page = hub.get("/applications/web/next").await.read();
    let says = ["Failing", "is complete", "Waits for installation", lacks];
    assert!(says.iter().all(|one| page.contains(one)), "{page}");
    assert!(!hub.get("/?show=moving").await.read().contains("web/"));
}
