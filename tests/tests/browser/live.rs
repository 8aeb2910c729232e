//! An open page: what changes is put in place without a reload and without taking anything from the reader; a broken connection shows;
//! and the theme that was chosen stays.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use shipper_tests::balancer::Balancer;
use shipper_tests::eventually::eventually;

use super::chromium::{Browser, Theme};
use super::fixture::Fixture;

const SOON: Duration = Duration::from_secs(10);
/// How soon a page shows what the hub knows.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Longer than the page waits for a word, or for a page that does not come.
const SILENCE: Duration = Duration::from_secs(40);
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

fn port(origin: &str) -> u16 {
    origin.rsplit(':').next().unwrap().parse().unwrap()
}

/// Puts up `web/shop` as it is, with another message.
fn say(fixture: &Fixture, message: &str) {
    let mut status: Value =
        serde_json::to_value(&*fixture.shared.statuses.get(&"web/shop".parse().unwrap()).unwrap()).unwrap();
    status["waiting"]["message"] = json!(message);
    fixture.publish(&status);
}

async fn until(browser: &Browser, patience: Duration, is_so: impl Fn(&str) -> bool) {
    eventually(patience, || async {
        let text = browser.text().await;
        ensure!(is_so(&text), "not yet: {text}");
        anyhow::Ok(())
    })
    .await;
}

const BROKEN: &str = "The connection to the hub is broken";

#[tokio::test]
async fn a_page_goes_on_when_the_hub_is_back() {
    let fixture = Fixture::start().await;
    let cable = Balancer::start(port(&fixture.origin)).unwrap();
    let Some(browser) = Browser::start("a_page_goes_on_when", &cable.url()).await else { return };
    browser.open(SHOP).await;
    // Where nobody listens.
    cable.switch_to(std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    until(&browser, SOON, |text| text.contains(BROKEN)).await;
    say(&fixture, "said meanwhile");
    cable.switch_to(port(&fixture.origin));
    until(&browser, SOON, |text| !text.contains(BROKEN) && text.contains("said meanwhile")).await;
    say(&fixture, "followed again");
    until(&browser, AT_ONCE, |text| text.contains("followed again")).await;
    browser.end().await;
}

/// The stream stands and carries nothing, not even that all is quiet, and nobody says that it is broken.
#[tokio::test]
async fn a_silent_connection_is_taken_for_a_broken_one() {
    let fixture = Fixture::start().await;
    let cable = Balancer::start(port(&fixture.origin)).unwrap();
    let Some(browser) = Browser::start("a_silent_connection", &cable.url()).await else { return };
    browser.open(SHOP).await;
    until(&browser, SOON, |text| text.contains("web/shop")).await;
    cable.cut();
    until(&browser, SILENCE, |text| text.contains(BROKEN)).await;
    say(&fixture, "said meanwhile");
    cable.mend();
    until(&browser, SILENCE, |text| !text.contains(BROKEN) && text.contains("said meanwhile")).await;
    browser.end().await;
}

/// The stream says that the page is another, and the page does not come.
#[tokio::test]
async fn a_page_that_does_not_come_is_asked_for_anew() {
    let fixture = Fixture::start().await;
    let Some(browser) = Browser::start("a_page_that_does_not_come", &fixture.origin).await else { return };
    browser.open(SHOP).await;
    fixture.hangs.store(true, Ordering::SeqCst);
    say(&fixture, "said once");
    until(&browser, SILENCE, |text| text.contains(BROKEN) && !text.contains("said once")).await;
    // Nothing changes any more: it is the page that has to ask.
    fixture.hangs.store(false, Ordering::SeqCst);
    until(&browser, SILENCE, |text| text.contains("said once") && !text.contains(BROKEN)).await;
    browser.end().await;
}

/// Who does not see the page is told in a sentence when a rollout stands otherwise, and not of every pod.
#[tokio::test]
async fn what_became_of_a_rollout_is_said_aloud_once() {
    let fixture = Fixture::start().await;
    let Some(browser) = Browser::start("what_became_of_a_rollout", &fixture.origin).await else { return };
    browser.open(SHOP).await;
    browser
        .run_script(
            "window.said = [];
             const told = document.getElementById('told');
             new MutationObserver(() => said.push(told.textContent)).observe(told, {childList: true, characterData: true, subtree: true});",
        )
        .await;
    for message in ["3 of 6 pods are available", "4 of 6 pods are available", "5 of 6 pods are available"] {
        say(&fixture, message);
        until(&browser, SOON, |text| text.contains(message)).await;
    }
    assert_eq!(browser.run_script("return said").await, json!([]), "nothing became of it yet");
    let mut status: Value =
        serde_json::to_value(&*fixture.shared.statuses.get(&"web/shop".parse().unwrap()).unwrap()).unwrap();
    status["releases"][0]["step"] = json!(2);
    status["waiting"] = json!({"state": "waitingForCapacity", "message": "the next one", "clusters": []});
    fixture.publish(&status);
    until(&browser, SOON, |text| text.contains("the next one")).await;
    let sentence = "Failing: web/shop rolls out shop 2.4.0, step 3 of 4, most; waits for capacity.";
    assert_eq!(browser.run_script("return said").await, json!([sentence]));
    let aloud = browser.followed_aloud().await;
    assert!(aloud.contains(&("polite".to_owned(), sentence.to_owned())), "{aloud:?}");
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
