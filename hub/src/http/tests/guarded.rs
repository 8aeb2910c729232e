//! What is around every request, whoever makes it.

use super::*;

/// How often a request of this kind was answered so.
fn counted(hub: &Hub, method: &str, route: &str, status: u16) -> usize {
    let line = format!(
        "shipper_hub_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} "
    );
    let text = hub.shared.metrics.scrape(&hub.shared).unwrap();
    text.lines().find_map(|told| told.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

/// [A6] The next request of whoever is sent away finds another hub.
#[tokio::test]
async fn a_hub_that_stands_by_closes_the_connections_of_agents_and_readers() {
    let hub = hub().await;
    hub.shared.stand.judge(Some("another database"), []);
    for (path, body) in [(SESSIONS, introduction("eu", "uid-1")), (REPORTS, report("any", 1))] {
        let away = hub.post(path, EU, &body).await;
        away.problem(503);
        assert_eq!(away.headers[header::CONNECTION], "close", "{path}");
        assert_eq!(counted(&hub, "POST", path, 503), 1);
    }
    let away = hub.get(APPLICATIONS).await;
    away.problem(503);
    assert_eq!(away.headers[header::CONNECTION], "close");
    assert!(hub.get(STATUS).await.headers.get(header::CONNECTION).is_none());
}

#[tokio::test]
async fn every_request_of_an_agent_is_counted() {
    let hub = hub().await;
    let session = hub.session("uid-1").await;
    hub.post(REPORTS, EU, &report(&session, 1)).await;
    hub.post(REPORTS, EU, &report("another", 2)).await.problem(409);
    hub.answer(Request::delete(REPORTS).body(Body::empty()).unwrap()).await.problem(405);
    let of = |method, status| counted(&hub, method, REPORTS, status);
    assert_eq!([of("POST", 200), of("POST", 409), of("DELETE", 405)], [1; 3]);
}
