//! Signing in at a real OpenID Connect provider, by its own forms: as people do in a browser, and as somebody does who means no good.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde_json::json;
use shipper_git::Secret;
use shipper_hub::access::AccessSettings;
use shipper_hub::access::oidc::OidcSettings;
use shipper_tests::node_js::possible;
use shipper_tests::oidc::{Provider, SECRET, Visitor};
use shipper_tests::scratch::Scratch;
use tokio::net::TcpListener;

use super::chromium::Browser;
use super::fixture::Fixture;
use super::look::{self, LOOKS};

const RULES: &str = "groups:\n  shop-team: [web]\n  sre: ['*']\n";

/// A hub that signs people in at a provider.
struct Site {
    fixture: Fixture,
    provider: Provider,
    rules: PathBuf,
    _scratch: Scratch,
}

impl Site {
    async fn start(change: impl FnOnce(&mut AccessSettings)) -> Self {
        shipper_tests::init();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let provider = Provider::start(&origin).await.unwrap();
        let scratch = Scratch::new("access").unwrap();
        let rules = scratch.write("access.yaml", RULES).unwrap();
        let oidc = OidcSettings {
            issuer: provider.issuer.clone(),
            client_id: "shipper".into(),
            client_secret: Some(Secret::new(SECRET)),
            scopes: ["openid", "profile", "email"].map(str::to_owned).into(),
            groups_claim: "groups".into(),
        };
        let mut settings = AccessSettings {
            public_url: Some(origin),
            oidc: Some(oidc),
            file: Some(rules.clone()),
            ..AccessSettings::default()
        };
        change(&mut settings);
        let fixture = Fixture::on(listener, settings).await;
        fixture.fill().await;
        Self { fixture, provider, rules, _scratch: scratch }
    }

    fn url(&self, path: &str) -> Url {
        format!("{}{path}", self.fixture.origin).parse().unwrap()
    }

    /// Somebody who signed in, but for the last step: where the provider sends them back to.
    async fn almost(&self, person: &str, back: &str) -> (Visitor, Url) {
        let mut visitor = Visitor::new().unwrap();
        let begin = self.url(&format!("/login/oidc?back={back}"));
        let callback = visitor.sign_in(&begin, person, self.url("/login/callback").as_str()).await.unwrap();
        (visitor, callback)
    }

    async fn signed_in(&self, person: &str) -> Visitor {
        let (mut visitor, callback) = self.almost(person, "%2F").await;
        let landed = visitor.get(&callback).await.unwrap();
        assert_eq!(landed.leads, Some(self.url("/")), "{}: {}", landed.status, landed.text);
        visitor
    }

    async fn status(&self, visitor: &mut Visitor, path: &str) -> u16 {
        visitor.get(&self.url(path)).await.unwrap().status
    }
}

#[tokio::test]
async fn people_sign_in_at_a_provider_and_see_what_their_groups_do() {
    if !possible("people_sign_in_at_a_provider") {
        return;
    }
    let site = Site::start(|_| {}).await;
    let mut visitor = Visitor::new().unwrap();
    let wanted = site.url("/applications/web/shop");
    let sent = visitor.get(&wanted).await.unwrap();
    let login = visitor.get(&sent.leads.unwrap()).await.unwrap();
    assert!(login.text.contains("Sign in with 127.0.0.1"), "{}", login.text);
    assert!(login.text.contains("/login/oidc?back=%2Fapplications%2Fweb%2Fshop"), "{}", login.text);

    let (mut ann, callback) = site.almost("ann", "%2Fapplications%2Fweb%2Fshop").await;
    let landed = ann.get(&callback).await.unwrap();
    assert_eq!(landed.leads.as_ref(), Some(&wanted), "{}: {}", landed.status, landed.text);
    let page = ann.get(&wanted).await.unwrap();
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("Signed in as <b>Ann &lt;b&gt;Example")
            || page.text.contains("Signed in as <b>Ann &#60;b&#62;Example")
    );
    assert_eq!(site.status(&mut ann, "/applications/payments/ledger").await, 404);
    let fleet = ann.get(&site.url("/")).await.unwrap().text;
    assert!(fleet.contains("web") && !fleet.contains("ledger"), "{fleet}");
    let mut sam = site.signed_in("sam").await;
    assert_eq!(site.status(&mut sam, "/applications/payments/ledger").await, 200);

    let mut guest = site.signed_in("gil").await;
    let denied = guest.get(&wanted).await.unwrap();
    assert_eq!(denied.status, 403);
    assert!(denied.text.contains("guests") && denied.text.contains("gil@example.com"), "{}", denied.text);
    let mut eve = site.signed_in("eve").await;
    let denied = eve.get(&wanted).await.unwrap();
    assert!(!denied.text.contains("eve@example.com"), "nobody has verified that address: {}", denied.text);

    std::fs::write(
        &site.rules,
        "groups: {shop-team: [payments]}\npeople: {gil@example.com: [web], eve@example.com: [web]}\n",
    )
    .unwrap();
    site.fixture.shared.access.reload();
    assert_eq!(site.status(&mut ann, "/applications/web/shop").await, 404);
    assert_eq!(site.status(&mut ann, "/applications/payments/ledger").await, 200);
    assert_eq!(site.status(&mut guest, "/applications/web/shop").await, 200);
    assert_eq!(site.status(&mut eve, "/applications/web/shop").await, 403);
    assert_eq!(site.status(&mut sam, "/").await, 403);

    let stolen = ann.clone();
    let out = ann.post(&site.url("/logout"), &[]).await.unwrap();
    let out = ann.get(&out.leads.unwrap()).await.unwrap();
    assert!(
        out.text.contains("/session/end?client_id=shipper"),
        "the provider has a page for that: {}",
        out.text
    );
    for mut visitor in [ann, stolen] {
        let sent = visitor.get(&site.url("/")).await.unwrap();
        assert_eq!(
            sent.leads,
            Some(site.url("/login?back=%2F")),
            "the session is over, whoever has the cookie"
        );
    }
}

#[tokio::test]
async fn what_is_replayed_or_of_another_browser_signs_nobody_in() {
    if !possible("what_is_replayed") {
        return;
    }
    let site = Site::start(|_| {}).await;
    let refused = async |visitor: &mut Visitor, url: &Url, why: &str| {
        let page = visitor.get(url).await.unwrap();
        assert_eq!(page.status, 400, "{why}: {}", page.text);
        assert!(page.text.contains(why), "{why}: {}", page.text);
        assert_eq!(site.status(visitor, "/api/v1/summary").await, 303, "{why}");
    };
    let (mut ann, callback) = site.almost("ann", "%2F").await;
    let copy = ann.clone();

    refused(&mut Visitor::new().unwrap(), &callback, "did not begin in this browser").await;
    let (mut mallory, own) = site.almost("mallory", "%2F").await;
    refused(&mut mallory.clone(), &callback, "did not begin in this browser").await;
    let pair = |url: &Url, name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let changed = |url: &Url, name: &str, value: &str| {
        let mut changed = url.clone();
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        changed.query_pairs_mut().clear().extend_pairs(
            pairs.iter().map(|(key, old)| (key.as_str(), if key == name { value } else { old.as_str() })),
        );
        changed
    };
    refused(&mut ann.clone(), &changed(&callback, "iss", "https://evil.example"), "another provider").await;

    let landed = ann.get(&callback).await.unwrap();
    assert_eq!(landed.status, 303, "{}", landed.text);
    refused(&mut copy.clone(), &callback, "used already").await;

    // The code of somebody else, in a login of one's own: it was made for another verifier, and is used up besides.
    let stolen = changed(&own, "code", &pair(&callback, "code"));
    refused(&mut mallory, &stolen, "invalid_grant").await;

    let text = ann.get(&site.url("/")).await.unwrap();
    assert_eq!(text.status, 200, "whoever signed in is not disturbed by any of it");
}

#[tokio::test]
async fn people_sign_in_after_the_provider_changed_its_keys() {
    if !possible("people_sign_in_after_the_provider_changed_its_keys") {
        return;
    }
    let site = Site::start(|_| {}).await;
    let mut before = site.signed_in("sam").await;
    site.provider.change_keys().await.unwrap();
    let mut after = site.signed_in("sam").await;
    for visitor in [&mut before, &mut after] {
        assert_eq!(site.status(visitor, "/").await, 200);
    }
    // Whoever shows tokens of keys that nobody knows does not have the provider asked for each.
    site.provider.change_keys().await.unwrap();
    let (mut refused, callback) = site.almost("sam", "%2F").await;
    let page = refused.get(&callback).await.unwrap();
    assert_eq!(page.status, 400, "{}", page.text);
    assert!(page.text.contains("none of the provider"), "{}", page.text);
}

#[tokio::test]
async fn a_session_that_is_over_leads_back_to_signing_in() {
    if !possible("a_session_that_is_over") {
        return;
    }
    let site = Site::start(|settings| settings.lifetime = Duration::from_millis(1500)).await;
    let mut sam = site.signed_in("sam").await;
    assert_eq!(site.status(&mut sam, "/").await, 200);
    tokio::time::sleep(Duration::from_millis(1600)).await;
    let sent = sam.get(&site.url("/blocks")).await.unwrap();
    assert_eq!(sent.leads, Some(site.url("/login?back=%2Fblocks")));
}

#[tokio::test]
async fn every_page_of_signing_in_is_accessible_and_works_in_a_browser_under_the_policy() {
    if !possible("every_page_of_signing_in") {
        return;
    }
    let site = Site::start(|_| {}).await;
    let Some(browser) = Browser::start("every_page_of_signing_in", &site.fixture.origin).await else {
        return;
    };
    let look = async |name: &str| {
        let mut wrong = Vec::new();
        for (width, theme) in LOOKS {
            browser.wear(theme, width).await;
            wrong.extend(look::faults(&browser, name, (width, theme)).await);
        }
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    };
    let arrived = async |script: &str| {
        for _ in 0..300 {
            if browser.run_script(script).await == json!(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{script}: {}", browser.text().await);
    };
    let provider = async |person: &str| {
        browser.run_script("document.querySelector('a.button').click()").await;
        arrived("return document.querySelector('input[name=login]') !== null").await;
        let fill = format!(
            "document.querySelector('input[name=login]').value = '{person}'; \
             document.querySelector('input[name=password]').value = 'any'; document.querySelector('form').submit()"
        );
        browser.run_script(&fill).await;
        arrived("return document.querySelector('input[value=consent]') !== null").await;
        browser.run_script("document.querySelector('form').submit()").await;
    };
    browser.open("/applications/web/shop").await;
    arrived("return location.pathname === '/login'").await;
    look("login").await;
    provider("gil").await;
    arrived("return location.pathname === '/applications/web/shop'").await;
    assert!(browser.text().await.contains("nothing is shown to you yet"), "{}", browser.text().await);
    look("denied").await;
    std::fs::write(&site.rules, "people: {gil@example.com: [web]}\n").unwrap();
    site.fixture.shared.access.reload();
    browser.open("/applications/web/shop").await;
    arrived("return document.querySelector('.signed') !== null").await;
    assert!(browser.faults().await.is_empty());

    // Somebody is signed out elsewhere: an open page goes to where one signs in by itself.
    std::fs::write(&site.rules, "people: {}\n").unwrap();
    site.fixture.shared.access.reload();
    arrived("return document.body.innerText.includes('nothing is shown to you yet')").await;
    browser.run_script("document.querySelector('.login form').submit()").await;
    arrived("return location.pathname === '/signed-out'").await;
    look("signed-out").await;
    browser.open("/login/callback?state=of-nobody").await;
    assert!(browser.text().await.contains("did not begin in this browser"), "{}", browser.text().await);
    look("refused").await;
    let stopped: Vec<String> =
        browser.complaints().await.into_iter().filter(|said| said.contains("Content Security")).collect();
    assert!(stopped.is_empty(), "{stopped:?}");
    browser.end().await;
}
