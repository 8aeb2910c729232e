//! What holds of all pages.

use super::words;
use crate::details::Details;
use crate::store::TimelineEvent;
use crate::ui::support::{HOSTILE, commit, hub, images, records, rendered, rollout, settled, two, why};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use jiff::Timestamp;
use serde_json::json;
use shipper_core::AppKey;
use shipper_test_hostile::acts;
use std::collections::BTreeMap;
use std::sync::Arc;

#[tokio::test]
async fn what_others_wrote_is_text_on_every_page() {
    let hub = hub().await;
    hub.clusters(&[HOSTILE.to_owned(), "eu-1".to_owned()]);
    let mut status = rollout(&format!("web/{}", HOSTILE.replace('/', "_")));
    status["waiting"]["message"] = json!(HOSTILE);
    for release in [0, 1] {
        status["releases"][release]["version"] = json!(HOSTILE);
        status["releases"][release]["steps"] = json!([HOSTILE, HOSTILE, HOSTILE]);
    }
    status["clusters"][0]["cluster"] = json!(HOSTILE);
    status["clusters"][0]["message"] = json!(HOSTILE);
    status["clusters"][0]["releases"][1]["pods"][0] =
        json!({"reason": HOSTILE, "count": 1, "example": HOSTILE, "message": HOSTILE});
    status["conditions"] =
        json!([{"type": "Valid", "status": "False", "reason": "InvalidFile", "message": HOSTILE}]);
    hub.publish(&status);
    let commit = commit(HOSTILE, HOSTILE);
    hub.answer_details(Details {
        commits: BTreeMap::from([(commit.id.clone(), commit.clone())]),
        releases: records(&json!({
            "values": {HOSTILE: HOSTILE}, "overrides": [{"clusters": {}, "values": {"over": HOSTILE}}],
        })),
        images: images(HOSTILE, HOSTILE),
        placement: Some(Arc::new(serde_json::from_value(json!({"clusters": {HOSTILE: {}}})).unwrap())),
    });
    let key: AppKey = status["application"].as_str().unwrap().parse().unwrap();
    hub.answer_why(&why(&key.to_string(), HOSTILE));
    hub.answer_rendered(rendered());
    hub.shared
        .log(vec![TimelineEvent {
            at: Timestamp::now(),
            application: Some(key.clone()),
            cluster: Some(HOSTILE.into()),
            reason: HOSTILE.to_owned(),
            message: HOSTILE.to_owned(),
            commit: Some(commit),
        }])
        .await
        .unwrap();
    let q = words::encode(HOSTILE);
    let pages = [
        "/".to_owned(),
        format!("/?q={q}&show={q}"),
        words::application(&key),
        format!("{}/why", words::application(&key)),
        format!("{}/diff", words::application(&key)),
        format!("{}/diff?from={q}&to={q}", words::application(&key)),
        format!("{}/diff?cluster={q}", words::application(&key)),
        "/clusters".to_owned(),
        words::cluster(HOSTILE),
        "/clusters/nobody%3Cscript%3E".to_owned(),
        "/applications/web/nobody%3Cscript%3E".to_owned(),
        "/blocks".to_owned(),
        format!("/events?reason={q}"),
        format!("/search?q={q}"),
    ];
    let elsewhere = ["/clusters/nobody%3Cscript%3E", "/applications/web/nobody%3Cscript%3E", "/blocks"];
    for path in pages {
        let page = hub.get(&path).await;
        let lower = page.text.to_lowercase();
        // The one script of a page is its own, and no attribute begins with what was written.
        assert_eq!(lower.matches("<script").count(), 1, "{path}: {lower}");
        assert!(!lower.contains("<img") && !lower.contains("\"'>"), "{path}: {lower}");
        // Nothing acts on who reads it, or on the terminal into which it is copied.
        let acting = page.text.chars().find(|c| acts(*c) && *c != '\t');
        assert_eq!(acting, None, "{path}: {}", page.text);
        assert!(
            page.text.contains("\\u{202e}") != elsewhere.contains(&path.as_str()),
            "{path}: {}",
            page.text
        );
    }
}

#[tokio::test]
async fn every_answer_forbids_what_is_not_the_hubs_own() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let page = hub.get("/").await;
    let style = page.text.split("href=\"").find(|rest| rest.starts_with("/assets/")).unwrap();
    let style = style.split('"').next().unwrap().replace("icon.svg", "shipper.css");
    for path in [
        "/",
        "/applications/web/shop",
        "/applications/web/shop/diff?from=shop-old-0&to=shop-new-0",
        "/applications/web/gone",
        "/clusters",
        "/clusters/eu-1",
        "/blocks",
        "/events",
        "/search?q=x",
        &style,
    ] {
        let answer = hub.get(path).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "same-origin");
        // Nothing inline, which the policy would stop anyway, and no other origin.
        assert!(!answer.text.contains(" style=") && !answer.text.contains(" onclick"), "{path}");
        assert!(!answer.text.contains("src=\"http") && !answer.text.contains("url(http"), "{path}");
    }
    let asset = hub.get(&style).await;
    assert_eq!(asset.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    assert!(asset.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(hub.get("/assets/x/passwd").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let tag = hub.get("/").await.headers[header::ETAG].clone();
    let again = || Request::get("/").header(header::IF_NONE_MATCH, tag.clone()).body(Body::empty()).unwrap();
    let answer = hub.ask(again()).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    hub.publish(&settled("web/other", &two()));
    assert_eq!(hub.ask(again()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_name_leads_to_those_that_may_have_been_meant() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let page = hub.get("/applications/web/shopp").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(
        page.read().contains("applications/web/shopp.yaml")
            && page.text.contains("href=\"/applications/web/shop\"")
    );
    assert_eq!(hub.get("/clusters/eu").await.status, StatusCode::NOT_FOUND);
    assert!(hub.get("/clusters/eu").await.text.contains("href=\"/clusters/eu-1\""));
}

#[tokio::test]
async fn an_address_that_nothing_is_at_or_that_cannot_be_read_is_a_page_in_a_browser() {
    let hub = hub().await;
    for (address, status, told) in [
        ("/?page=zzz", 400, "This address cannot be read"),
        ("/applications/%ff/shop", 400, "This address cannot be read"),
        ("/clusters/%ff", 400, "This address cannot be read"),
        ("/aplications/web/shop", 404, "There is no such page"),
    ] {
        let request = Request::get(address).header(header::ACCEPT, "text/html,*/*;q=0.8");
        let page = hub.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (page.status.as_u16(), page.text.contains(told)),
            (status, true),
            "{address}: {}",
            page.text
        );
        assert_eq!(page.headers[header::CONTENT_TYPE], "text/html; charset=utf-8", "{address}");
        assert!(page.headers.contains_key(header::CONTENT_SECURITY_POLICY), "{address}");
    }
    let program = hub.get("/aplications/web/shop").await;
    assert_eq!(program.headers[header::CONTENT_TYPE], "application/problem+json");
    let icon = hub.get("/favicon.ico").await.headers[header::LOCATION].clone();
    assert_eq!(hub.get(icon.to_str().unwrap()).await.headers[header::CONTENT_TYPE], "image/svg+xml");
}
