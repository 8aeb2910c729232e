//! Everything by keyboard: the focus goes through a page in its order and can be seen wherever it is; what a pointer can do, keys can.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use shipper_hub::access::AccessSettings;
use shipper_tests::eventually::eventually;
use tokio::net::TcpListener;

use super::chromium::{Browser, Key, Theme};
use super::fixture::Fixture;
use super::pages::PAGES;

const SHOP: &str = "/applications/web/shop";
const SOON: Duration = Duration::from_secs(10);
/// More than any page has places for the focus.
const MANY: usize = 120;

/// Where the focus is: what it is on, whether it is behind what had it before, whether it is drawn, and whether it is in the window.
const FOCUS: &str = "
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const before = window.before;
    window.before = one;
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    return {
        what: one.id || `${one.localName} ${one.textContent.trim().slice(0, 40)}`,
        behind: !before || Boolean(before.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING),
        drawn: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };";
/// How many places for the focus the page has.
const PLACES: &str = "
    const all = document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, [tabindex=\"0\"]');
    return [...all].filter(one => one.checkVisibility()).length;";

#[tokio::test]
async fn the_focus_goes_through_every_page_in_its_order_and_can_be_seen() {
    let fixture = Fixture::start().await;
    let Some(browser) = Browser::start("the_focus_goes", &fixture.origin).await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = Fixture::on(listener, AccessSettings::default()).await;
    let login = format!("{}/login", closed.origin);
    let mut wrong = Vec::new();
    for (width, theme) in [(1280, Theme::Light), (390, Theme::Dark)] {
        browser.wear(theme, width).await;
        // The last page is that of signing in, of a hub that is not open to everybody.
        let pages = PAGES.map(|(_, path)| format!("{}{path}", fixture.origin));
        for path in pages.iter().chain([&login]) {
            browser.open_at(path).await;
            let places = browser.run_script(PLACES).await.as_u64().unwrap();
            let mut visited = 0;
            for _ in 0..MANY {
                browser.press(Key::Tab).await;
                let focus = browser.run_script(FOCUS).await;
                if focus.is_null() {
                    break;
                }
                visited += 1;
                let fits = |what: &str| focus[what] == true;
                if !(fits("behind") && fits("drawn") && fits("seen")) {
                    wrong.push(format!("{path} at {width}: {focus}"));
                }
            }
            if visited != places {
                wrong.push(format!("{path} at {width}: the focus was in {visited} of {places} places"));
            }
        }
    }
    browser.end().await;
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_a_pointer_can_do_keys_can() {
    let fixture = Fixture::start().await;
    let Some(browser) = Browser::start("what_a_pointer_can_do", &fixture.origin).await else { return };
    browser.wear(Theme::Light, 1280).await;
    browser.open(SHOP).await;
    let focus = async || browser.run_script("return document.activeElement.id").await;

    // Past the navigation with the first key.
    browser.press(Key::Tab).await;
    assert_eq!(browser.run_script("return document.activeElement.textContent").await, "Skip to the content");
    browser.press(Key::Enter).await;
    assert_eq!(focus().await, "main");
    browser.press(Key::Tab).await;
    let inside = "return document.getElementById('main').contains(document.activeElement)";
    assert_eq!(browser.run_script(inside).await, true);

    // What is folded is unfolded, and stays so when the page changes.
    let folded = "#trouble details:not([open])";
    browser
        .run_script(&format!(
            "window.group = document.querySelector('{folded}'); group.firstElementChild.focus()"
        ))
        .await;
    browser.press(Key::Enter).await;
    assert_eq!(browser.run_script("return group.open").await, true);
    let mut status: Value =
        serde_json::to_value(&*fixture.shared.statuses.get(&"web/shop".parse().unwrap()).unwrap()).unwrap();
    status["waiting"]["message"] = json!("something quite new");
    fixture.publish(&status);
    eventually(SOON, || async {
        ensure!(browser.text().await.contains("something quite new"), "not yet");
        anyhow::Ok(())
    })
    .await;
    let kept = "return [group.isConnected && group.open, document.activeElement === group.firstElementChild]";
    assert_eq!(browser.run_script(kept).await, json!([true, true]));

    // A command is copied.
    browser.allow_clipboard().await;
    browser.run_script("document.querySelector('#order-1 button.copy').focus()").await;
    browser.press(Key::Enter).await;
    eventually(SOON, || async {
        let copied = browser.clipboard().await;
        ensure!(copied == "shipperctl abort web/shop --release shop-83e4eedd-0", "{copied}");
        anyhow::Ok(())
    })
    .await;

    // Two releases are chosen by their names, and compared; the address says which.
    browser.run_script("document.getElementById('from').focus()").await;
    browser.type_text("shop 2.3.1").await;
    browser.press(Key::Tab).await;
    assert_eq!(focus().await, "to");
    browser.press(Key::Tab).await;
    browser.press(Key::Enter).await;
    eventually(SOON, || async {
        let at = browser.run_script("return location.pathname + location.search").await;
        ensure!(at == format!("{SHOP}/diff?from=shop-77aa1122-0&to=shop-83e4eedd-0"), "{at}");
        let text = browser.text().await;
        ensure!(text.contains("image: registry.example/shop:2.3.1"), "{text}");
        anyhow::Ok(())
    })
    .await;
    assert!(!browser.text().await.contains("b2xk"), "the Secret is hidden");

    // So is a cluster, and the two are compared as it gets them.
    browser.run_script("document.getElementById('cluster').focus()").await;
    browser.type_text("eu-can").await;
    browser.press(Key::Tab).await;
    browser.press(Key::Enter).await;
    eventually(SOON, || async {
        let at = browser.run_script("return location.search").await;
        ensure!(at == "?from=shop-77aa1122-0&to=shop-83e4eedd-0&cluster=eu-canary", "{at}");
        let text = browser.text().await;
        ensure!(text.contains("Shown is what eu-canary gets"), "{text}");
        anyhow::Ok(())
    })
    .await;

    // What is searched for is found.
    browser.run_script("document.getElementById('find').focus()").await;
    browser.type_text("ImagePull").await;
    browser.press(Key::Enter).await;
    eventually(SOON, || async {
        ensure!(browser.text().await.contains("ImagePullBackOff in eu-1"), "not yet");
        anyhow::Ok(())
    })
    .await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.end().await;
}
