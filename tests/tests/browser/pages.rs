//! Every page in both themes, on a desk and on a phone: nothing that axe-core finds, nothing that the policy stops, no request to anybody
//! else. Where they are asked for, pictures of all of them are written for the book.

use super::chromium::Browser;
use super::fixture::Fixture;
use super::look::{self, LOOKS};

/// Every page and the name of its picture, where it has one. Those of signing in are at `login.rs`.
pub const PAGES: [(&str, &str); 15] = [
    ("fleet", "/"),
    ("application", "/applications/web/shop"),
    ("why", "/applications/web/shop/why"),
    ("diff", "/applications/web/shop/diff?from=shop-77aa1122-0&to=shop-83e4eedd-0"),
    ("diff-cluster", "/applications/web/shop/diff?from=shop-1f0e9d8c-0&to=shop-83e4eedd-0&cluster=eu-canary"),
    ("", "/applications/web/shop/diff?cluster=eu-canaries"),
    ("", "/applications/web/shop/diff?from=shop-00000000-0&to=shop-83e4eedd-0"),
    ("gate", "/applications/payments/ledger"),
    ("", "/applications/web/checkout"),
    ("clusters", "/clusters"),
    ("cluster", "/clusters/eu-1"),
    ("blocks", "/blocks"),
    ("events", "/events"),
    ("search", "/search?q=shop"),
    ("", "/applications/web/shopp"),
];

#[tokio::test]
async fn every_page_is_whole_accessible_and_alone_in_both_themes_and_on_a_phone() {
    let fixture = Fixture::start().await;
    let Some(browser) = Browser::start("every_page", &fixture.origin).await else { return };
    let mut wrong = Vec::new();
    for (width, theme) in LOOKS {
        browser.wear(theme, width).await;
        for (name, path) in PAGES {
            browser.open(path).await;
            let found = look::faults(&browser, name, (width, theme)).await;
            wrong.extend(found.into_iter().map(|fault| format!("{path} {fault}")));
            // The page of something unknown answers 404, which the console says.
            let complaints = browser.complaints().await.into_iter().filter(|said| !said.contains("404"));
            wrong.extend(complaints.map(|said| format!("{path}: the console says {said}")));
        }
    }
    let (strangers, own) = browser.strangers().await;
    assert!(own > PAGES.len() * LOOKS.len(), "{own} requests were seen");
    wrong.extend(strangers.into_iter().map(|url| format!("a request to {url}")));
    browser.end().await;
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}
