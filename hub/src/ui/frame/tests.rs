//! What is around every page: the theme, and what is wrong with everything.

use crate::ui::support::{hub, rollout, two};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};

#[tokio::test]
async fn the_theme_is_kept_and_leads_to_no_other_host() {
    let hub = hub().await;
    hub.clusters(&two());
    let chosen = hub.get("/theme?to=dark&back=%2Fclusters%3Fpage%3D2").await;
    assert_eq!(chosen.status, StatusCode::SEE_OTHER);
    assert_eq!(chosen.headers[header::LOCATION], "/clusters?page=2");
    let cookie = chosen.headers[header::SET_COOKIE].to_str().unwrap();
    let request = Request::get("/")
        .header(header::COOKIE, cookie.split(';').next().unwrap())
        .body(Body::empty())
        .unwrap();
    assert!(hub.ask(request).await.text.contains("data-theme=\"dark\""));
    for elsewhere in
        ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "%2F%09%2Fevil.example"]
    {
        let answer = hub.get(&format!("/theme?to=light&back={elsewhere}")).await;
        assert_eq!(answer.headers[header::LOCATION], "/", "{elsewhere}");
    }
}

#[tokio::test]
async fn a_page_of_an_application_names_no_refused_file_of_another() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let mut status = hub.shared.hub.get();
    let problem = |file: &str| shipper_core::intent::Problem::of_file(file, "is refused");
    let files = ["applications/web/shop.yaml", "applications/web/shop2.yaml", "strategies/slow.yaml"];
    status.problems = files.map(problem).into();
    hub.shared.hub.publish(status);
    let shown = |text: String| files.map(|file| text.contains(&format!("{file}: is refused")));
    assert_eq!(shown(hub.get("/").await.read()), [true, true, true]);
    assert_eq!(shown(hub.get("/applications/web/shop").await.read()), [true, false, true]);
}
