//! An open page: what changes is put in place without a reload and without taking anything from the reader; a broken connection shows;
//! what means harm is text; and all of it is readable where no script runs.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use shipper_tests::eventually::eventually;

use super::chromium::{Browser, Theme};
use super::fixture::{CLUSTERS, Fixture};

const SOON: Duration = Duration::from_secs(10);
/// How soon a page shows what the hub knows.
const AT_ONCE: Duration = Duration::from_secs(1);
const SHOP: &str = "/applications/web/shop";

fn quiet(message: &str) -> Value {
    json!({
        "application": "web/shop", "contender": "shop-83e4eedd-0", "incumbent": null,
        "releases": [{"name": "shop-83e4eedd-0", "generation": 1, "created": "2026-11-01T10:00:00Z", "source": "0123", "version": "shop 2.4.0",
            "steps": ["canary", "half"], "step": 1, "achieved": null, "complete": null, "withdrawn": null, "failed": null}],
        "waiting": {"state": "waitingForCluster", "message": message, "clusters": []}, "clusters": [], "conditions": [],
    })
}

#[tokio::test]
async fn what_changes_is_put_in_place_and_the_reader_keeps_everything() {
    let fixture = Fixture::start().await;
    let Some(browser) = Browser::start("what_changes", &fixture.origin).await else { return };
    browser.wear(Theme::Light, 1280).await;
    browser.open(SHOP).await;
    browser
        .run_script(
            "document.querySelectorAll('details').forEach((one, index) => { one.open = index === 1; });
             document.getElementById('find').value = 'half typed';
             document.getElementById('find').focus();
             window.mark = 'the same page'; scrollTo(0, 400);
             document.getElementById('main').mark = 'the same element';",
        )
        .await;
    let mut status: Value =
        serde_json::to_value(&*fixture.shared.statuses.get(&"web/shop".parse().unwrap()).unwrap()).unwrap();
    status["waiting"]["message"] = json!("something quite new");
    fixture.publish(&status);
    eventually(AT_ONCE, || async {
        ensure!(browser.text().await.contains("something quite new"), "not yet");
        anyhow::Ok(())
    })
    .await;
    let kept = browser
        .run_script(
            "return [window.mark, document.getElementById('main').mark, document.activeElement.id, document.getElementById('find').value,
                     scrollY, [...document.querySelectorAll('details')].map(one => one.open).slice(0, 2)]",
        )
        .await;
    assert_eq!(kept, json!(["the same page", "the same element", "find", "half typed", 400, [false, true]]));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.end().await;
}

#[tokio::test]
async fn a_broken_connection_shows() {
    let fixture = Fixture::start().await;
    let Some(browser) = Browser::start("a_broken_connection", &fixture.origin).await else { return };
    browser.open("/").await;
    assert!(!browser.text().await.contains("The connection to the hub is broken"));
    fixture.shared.stop.cancel();
    eventually(SOON, || async {
        ensure!(browser.text().await.contains("The connection to the hub is broken"), "not yet");
        anyhow::Ok(())
    })
    .await;
    assert!(browser.text().await.contains("web/shop"), "what was known is still shown");
    browser.end().await;
}

#[tokio::test]
async fn what_means_harm_is_text() {
    let harm = "</pre><script>window.hurt = 1</script><img src=x onerror=\"window.hurt = 1\"><svg onload='window.hurt=1'>";
    let fixture = Fixture::empty().await;
    let Some(browser) = Browser::start("what_means_harm", &fixture.origin).await else { return };
    let mut status = quiet(harm);
    status["releases"][0]["version"] = json!(harm);
    status["releases"][0]["steps"] = json!([harm, harm]);
    status["clusters"] = json!([{
        "cluster": CLUSTERS[0].0, "liveness": "online", "targetGeneration": 1, "reportedGeneration": 1, "waiting": "none", "message": harm,
        "releases": [{"name": "shop-83e4eedd-0", "capacity": {"rendered": 1, "desired": 1, "replicas": 1, "pods": 1, "ready": 0, "available": 0, "achieved": false},
            "pods": [{"reason": harm, "count": 1, "example": harm, "message": harm}]}],
        "problems": [], "unattended": false,
    }]);
    fixture.publish(&quiet("nothing yet"));
    browser.open(SHOP).await;
    // Once as the page is loaded, and once as a change is put in place.
    fixture.publish(&status);
    eventually(SOON, || async {
        ensure!(browser.text().await.contains(harm), "{}", browser.text().await);
        anyhow::Ok(())
    })
    .await;
    let search = format!("/search?q={}", "%3Cscript%3Ewindow.hurt%3D1%3C%2Fscript%3E");
    for path in ["/", SHOP, "/clusters/ap-1", &search] {
        browser.open(path).await;
        assert_eq!(browser.run_script("return window.hurt ?? 'unhurt'").await, "unhurt", "{path}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new(), "nothing was even tried");
    browser.end().await;
}

#[tokio::test]
async fn the_theme_is_chosen_with_a_click_and_stays() {
    let fixture = Fixture::start().await;
    let Some(browser) = Browser::start("the_theme", &fixture.origin).await else { return };
    browser.wear(Theme::Light, 1280).await;
    browser.open("/clusters").await;
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let light = browser.run_script(ground).await;
    browser.run_script("document.querySelector('.theme button[value=dark]').click()").await;
    eventually(SOON, || async {
        ensure!(browser.run_script(ground).await != light, "still light");
        anyhow::Ok(())
    })
    .await;
    assert_eq!(browser.run_script("return location.pathname").await, "/clusters");
    browser.open("/blocks").await;
    assert_ne!(browser.run_script(ground).await, light, "the next page is dark as well");
    browser.end().await;
}
