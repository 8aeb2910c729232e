//! Signing in with a token and staying signed in: sessions in cookies, and everything that ends them.

use super::access::closed_with;
use super::*;
use crate::access::secret::read_token;
use crate::store::{AccessChange, Session};
use shipper_core::api::SUMMARY;

const FORM: &str = "application/x-www-form-urlencoded";

fn https() -> AccessSettings {
    AccessSettings { public_url: Some("https://hub.example".to_owned()), ..AccessSettings::default() }
}

impl Hub {
    async fn post_form(&self, path: &str, body: String, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header(header::CONTENT_TYPE, FORM);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(Body::from(body)).unwrap()).await
    }

    /// Signs in with a token; the cookie as it is sent back.
    async fn sign_in(&self, token: &str, headers: &[(&str, &str)]) -> String {
        let answer = self.post_form("/login", format!("token={token}&back=%2Fclusters"), headers).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        assert_eq!(answer.headers[header::LOCATION], "/clusters");
        let cookies = answer.headers.get_all(header::SET_COOKIE).iter();
        let mut cookies =
            cookies.map(|cookie| cookie.to_str().unwrap()).filter(|text| text.contains("session="));
        let cookie = cookies.next().unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    async fn get_with(&self, path: &str, cookie: &str, more: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path).header(header::COOKIE, cookie);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        self.answer(request.body(Body::empty()).unwrap()).await
    }

    async fn is_in(&self, cookie: &str) -> bool {
        self.get_with(SUMMARY, cookie, &[]).await.status == StatusCode::OK
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_a_new_name_in_a_cookie_and_a_digest_in_the_database() {
    let hub = closed_with(https(), Arc::new(MemoryStore::default())).await;
    hub.shared.statuses.publish(status("web", "shop"));
    let token = hub.token("web", &["web"], None).await;
    let first = hub.sign_in(&token, &[]).await;
    assert!(first.starts_with("__Host-shipper-session="), "{first}");
    assert!(hub.is_in(&first).await);
    let page = hub.get_with("/", &first, &[]).await;
    assert!(page.text.contains("Signed in as <b>token web</b>"), "{}", page.text);
    let secret = first.split_once('=').unwrap().1;
    let stored = hub.shared.store.readers().await.unwrap().sessions;
    assert_eq!(stored[0].hash, crate::access::secret::Digest::of(secret));

    let second = hub.sign_in(&token, &[("cookie", &first)]).await;
    assert_ne!(first, second);
    assert!(hub.is_in(&second).await && !hub.is_in(&first).await, "the one before is over");

    let again = closed_with(https(), hub.shared.store.clone()).await;
    assert!(again.is_in(&second).await, "another hub on the database, or the same after a restart, knows it");

    for wrong in [read_token(), EU.to_owned(), String::new()] {
        let refused = hub.post_form("/login", format!("token={wrong}"), &[]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(
            refused.text.contains("This token does not count")
                && !refused.headers.contains_key(header::SET_COOKIE)
        );
    }
    let plain = closed_with(AccessSettings::default(), Arc::new(MemoryStore::default())).await;
    let token = plain.token("all", &["*"], None).await;
    assert!(
        plain.sign_in(&token, &[]).await.starts_with("shipper-session="),
        "there is no https that anybody told of"
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_it_is_not_used_when_it_is_old_and_with_its_token() {
    let settings =
        AccessSettings { idle: Duration::from_secs(600), lifetime: Duration::from_secs(3600), ..https() };
    let hub = closed_with(settings, Arc::new(MemoryStore::default())).await;
    let token = hub.token("all", &["*"], None).await;
    let pass = async |seconds| tokio::time::sleep(Duration::from_secs(seconds)).await;

    let cookie = hub.sign_in(&token, &[]).await;
    for _ in 0..5 {
        pass(550).await;
        assert!(hub.is_in(&cookie).await, "it is used");
    }
    pass(550).await;
    assert!(hub.is_in(&cookie).await);
    pass(320).await;
    assert!(!hub.is_in(&cookie).await, "an hour is over");

    let cookie = hub.sign_in(&token, &[]).await;
    pass(400).await;
    let by_itself = hub.get_with(SUMMARY, &cookie, &[("sec-fetch-mode", "cors")]).await;
    assert_eq!(by_itself.status, StatusCode::OK);
    pass(300).await;
    assert!(!hub.is_in(&cookie).await, "what a page fetches by itself is nobody's doing");

    let cookie = hub.sign_in(&token, &[]).await;
    let request = Request::get("/changes").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    let mut stream = hub.send(request).await.into_body().into_data_stream();
    assert!(stream.next().await.is_some());
    hub.shared.store.change_access(&[AccessChange::RevokeToken("all".into())]).await.unwrap();
    let began = tokio::time::Instant::now();
    while stream.next().await.is_some() {}
    assert!(began.elapsed() < Duration::from_secs(3));
    assert!(!hub.is_in(&cookie).await);
    pass(7200).await;
    hub.shared.store.change_access(&[AccessChange::Prune(hub.shared.clock.now())]).await.unwrap();
    assert_eq!(hub.shared.store.readers().await.unwrap().sessions, Vec::<Session>::new());
}

#[tokio::test(start_paused = true)]
async fn signing_out_is_for_this_hub_s_own_pages_and_for_good() {
    let hub = closed_with(https(), Arc::new(MemoryStore::default())).await;
    let token = hub.token("all", &["*"], None).await;
    let cookie = hub.sign_in(&token, &[("sec-fetch-site", "same-origin")]).await;
    let evil = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(hub.post_form("/logout", String::new(), &evil).await.status, StatusCode::FORBIDDEN);
    let older = [("cookie", cookie.as_str()), ("origin", "https://evil.example"), ("host", "hub.example")];
    assert_eq!(hub.post_form("/logout", String::new(), &older).await.status, StatusCode::FORBIDDEN);
    assert_eq!(hub.get_with("/logout", &cookie, &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let login = hub.post_form("/login", format!("token={token}"), &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(login.status, StatusCode::FORBIDDEN, "nobody is signed in by somebody else's page");
    assert!(hub.is_in(&cookie).await);

    let own = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let out = hub.post_form("/logout", String::new(), &own).await;
    assert_eq!(
        (out.status, &out.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/signed-out".parse().unwrap())
    );
    assert!(out.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert!(!hub.is_in(&cookie).await, "the cookie is worth nothing to whoever has a copy");
    assert!(hub.get("/signed-out").await.text.contains("You are signed out"));
}

#[tokio::test(start_paused = true)]
async fn people_are_sent_to_sign_in_and_come_back_to_where_they_wanted() {
    let hub = closed_with(https(), Arc::new(MemoryStore::default())).await;
    let page = [("accept", "text/html"), ("sec-fetch-mode", "navigate")];
    let sent = hub.get_with("/applications/web/shop?x=1", "", &page).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert_eq!(sent.headers[header::LOCATION], "/login?back=%2Fapplications%2Fweb%2Fshop%3Fx%3D1");
    let form = hub.get("/login?back=%2Fapplications%2Fweb%2Fshop%3Fx%3D1").await;
    assert_eq!(form.status, StatusCode::OK);
    assert!(form.text.contains("value=\"/applications/web/shop?x=1\""), "{}", form.text);
    assert!(form.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("form-action 'self'"));
    let fetched = hub.get_with("/", "", &[("accept", "text/html"), ("sec-fetch-mode", "cors")]).await;
    assert_eq!(fetched.status, StatusCode::UNAUTHORIZED, "what a page fetches is not led away");

    let token = hub.token("all", &["*"], None).await;
    for elsewhere in
        ["%2F%2Fevil.example", "https%3A%2F%2Fevil.example", "%2F%5Cevil.example", "javascript%3A1"]
    {
        let answer = hub.post_form("/login", format!("token={token}&back={elsewhere}"), &[]).await;
        assert_eq!(answer.headers[header::LOCATION], "/", "{elsewhere}");
        let form = hub.get(&format!("/login?back={elsewhere}")).await.text;
        assert!(form.contains("name=\"back\" value=\"/\">\n<label"), "{elsewhere}: {form}");
    }
    assert_eq!(hub.get("/login/oidc").await.status, StatusCode::NOT_FOUND, "there is no provider");
    assert_eq!(hub.get("/login/callback?code=x&state=y").await.status, StatusCode::BAD_REQUEST);
}
