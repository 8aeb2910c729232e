//! An open page: what changes is put in place without a reload and without taking anything from the reader; a broken connection shows;
//! and the theme that was chosen stays.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use shipper_tests::eventually::eventually;

use super::chromium::{Browser, Theme};
use super::fixture::Fixture;

const SOON: Duration = Duration::from_secs(10);
/// How soon a page shows what the hub knows.
const AT_ONCE: Duration = Duration::from_secs(1);
const SHOP: &str = "/applications/web/shop";

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
