//! Every page in both themes, on a desk and on a phone: nothing that axe-core finds, nothing that the policy stops, no request to anybody
//! else. Where they are asked for, pictures of all of them are written for the book.

use std::path::Path;

use super::chromium::{Browser, Theme};
use super::fixture::Fixture;

/// Set to a directory of the repository where pictures are to be written.
const PICTURES: &str = "SHIPPER_TESTS_PICTURES";
const DESK: u32 = 1280;
const PHONE: u32 = 390;
/// Both themes, and a phone.
const LOOKS: [(u32, Theme); 3] = [(DESK, Theme::Light), (DESK, Theme::Dark), (PHONE, Theme::Dark)];

/// Every page and the name of its picture, where it has one.
const PAGES: [(&str, &str); 11] = [
    ("fleet", "/"),
    ("application", "/applications/web/shop"),
    ("why", "/applications/web/shop/why"),
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pictures = std::env::var_os(PICTURES).filter(|path| !path.is_empty()).map(|path| root.join(path));
    let mut wrong = Vec::new();
    for (width, theme) in LOOKS {
        browser.wear(theme, width).await;
        for (name, path) in PAGES {
            browser.open(path).await;
            let found = browser.faults().await;
            wrong.extend(found.into_iter().map(|fault| format!("{path} {theme:?} {width}: {fault}")));
            let page = browser.run_script("return [document.documentElement.scrollWidth, innerWidth]").await;
            if page[0].as_u64() > page[1].as_u64() {
                wrong.push(format!("{path} {theme:?} {width}: the page is wider than its window: {page}"));
            }
            let cut = "return [...document.querySelectorAll('.wide')].filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel)";
            let cut = browser.run_script(cut).await;
            if cut.as_array().is_none_or(|cut| !cut.is_empty()) {
                wrong.push(format!("{path} {theme:?} {width}: a part is out of sight: {cut}"));
            }
            // The page of something unknown answers 404, which the console says.
            let complaints = browser.complaints().await.into_iter().filter(|said| !said.contains("404"));
            wrong.extend(complaints.map(|said| format!("{path}: the console says {said}")));
            if let Some(directory) = pictures.as_ref().filter(|_| !name.is_empty()) {
                let size = if width == DESK { "" } else { "-phone" };
                let file = directory.join(format!("ui-{name}{size}-{}.webp", theme.word()));
                std::fs::write(file, browser.picture().await).unwrap();
            }
        }
    }
    let (strangers, own) = browser.strangers().await;
    assert!(own > PAGES.len() * LOOKS.len(), "{own} requests were seen");
    wrong.extend(strangers.into_iter().map(|url| format!("a request to {url}")));
    browser.end().await;
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}
