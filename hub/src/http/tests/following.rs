//! Following what changes: streams, and requests that wait.

use super::reading::{event, rolling};
use super::*;
use shipper_core::api::{TIMELINE, WAIT, WATCH};
use shipper_core::state::Achieved;

pub(super) struct Events(axum::body::BodyDataStream);

impl Events {
    pub(super) async fn of(hub: &Hub, path: &str, after: Option<&str>) -> Self {
        let mut request = Request::get(path);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        Self::of_request(hub, request).await
    }

    pub(super) async fn of_request(hub: &Hub, request: axum::http::request::Builder) -> Self {
        let response = hub.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self(response.into_body().into_data_stream())
    }

    pub(super) async fn next(&mut self) -> Option<String> {
        self.0.next().await.map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap())
    }

    /// The data of the next event, which has this name.
    pub(super) async fn data(&mut self, name: &str) -> Value {
        loop {
            let text = self.next().await.expect("the stream goes on");
            if text == ": ping\n\n" {
                continue;
            }
            assert!(text.ends_with("\n\n"), "{text}");
            assert!(text.lines().any(|line| line == format!("event: {name}")), "{text}");
            let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            return serde_json::from_str(data).unwrap();
        }
    }
}

fn waiting(message: &str) -> ApplicationStatus {
    let mut status = rolling("web", "shop");
    status.waiting.message = message.to_owned();
    status
}

const SHOP: &str = "/api/v1/applications/web/shop";

#[tokio::test(start_paused = true)]
async fn an_application_is_followed_from_what_it_is_to_its_end() {
    let hub = hub().await;
    hub.get(&format!("{SHOP}?watch")).await.problem(404);
    hub.shared.statuses.publish(waiting("one"));
    let mut stream = Events::of(&hub, &format!("{SHOP}?watch"), None).await;
    assert_eq!(stream.data("application").await, hub.get(SHOP).await.json());
    hub.shared.statuses.publish(status("web", "blog"));
    hub.shared.statuses.publish(waiting("two"));
    hub.shared.statuses.publish(waiting("three"));
    assert_eq!(stream.data("application").await["waiting"]["message"], "three", "the newest, and no backlog");
    let began = tokio::time::Instant::now();
    assert_eq!(stream.next().await.unwrap(), ": ping\n\n");
    assert!(began.elapsed() <= Duration::from_secs(11));
    hub.shared.statuses.remove(&AppKey::new("web", "shop"));
    assert_eq!(stream.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn streams_end_when_the_hub_stops() {
    let hub = hub().await;
    hub.shared.statuses.publish(waiting("one"));
    let mut streams = Vec::new();
    for path in [&format!("{SHOP}?watch"), &format!("{TIMELINE}?watch"), WATCH] {
        streams.push(Events::of(&hub, path, None).await);
    }
    hub.shared.stop.cancel();
    for mut stream in streams {
        while stream.next().await.is_some() {}
    }
}

#[tokio::test]
async fn new_entries_of_the_timeline_are_told_and_what_was_missed_is_made_up_for() {
    let hub = hub().await;
    hub.shared.log(vec![event(0, "shop", "Old")]).await.unwrap();
    let mut all = Events::of(&hub, &format!("{TIMELINE}?watch"), None).await;
    let mut blog = Events::of(&hub, &format!("{TIMELINE}?watch&application=web/blog"), None).await;
    let mut one = Events::of(&hub, &format!("{SHOP}/events?watch"), None).await;
    hub.shared.log(vec![event(1, "shop", "A"), event(2, "blog", "B"), event(3, "shop", "C")]).await.unwrap();
    let first = all.next().await.unwrap();
    let id = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    assert!(first.contains("\"reason\":\"A\""), "{first}");
    assert_eq!(
        (all.data("event").await["reason"].clone(), all.data("event").await["reason"].clone()),
        (json!("B"), json!("C"))
    );
    assert_eq!(blog.data("event").await["reason"], "B");
    assert_eq!(
        (one.data("event").await["reason"].clone(), one.data("event").await["reason"].clone()),
        (json!("A"), json!("C"))
    );

    let mut again = Events::of(&hub, &format!("{TIMELINE}?watch"), Some(&id)).await;
    hub.shared.log(vec![event(4, "shop", "D")]).await.unwrap();
    for reason in ["B", "C", "D"] {
        assert_eq!(again.data("event").await["reason"], reason, "nothing twice, nothing left out");
    }
}

/// More than a listener may be behind.
#[tokio::test]
async fn who_is_slow_is_told_everything_all_the_same() {
    let hub = hub().await;
    let mut slow = Events::of(&hub, &format!("{TIMELINE}?watch"), None).await;
    hub.shared.log(vec![event(0, "shop", "First")]).await.unwrap();
    assert_eq!(slow.data("event").await["reason"], "First");
    let mut quick = hub.shared.timeline.listen();
    for batch in 0..6 {
        let batch = (0..500).map(|number| event(batch * 500 + number, "shop", "One"));
        hub.shared.log(batch.chain([event(0, "shop", "End")]).collect()).await.unwrap();
        // The slow one is passed by only when all were told.
        while quick.recv().await.unwrap().entry.event.reason != "End" {}
    }
    for number in 0..6 * 501 {
        let expected = if number % 501 == 500 { "End" } else { "One" };
        assert_eq!(slow.data("event").await["reason"], expected, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_something_changed_is_told_at_most_four_times_a_second() {
    let hub = hub().await;
    let mut stream = Events::of(&hub, WATCH, None).await;
    let mut last = stream.data("changed").await["revision"].as_u64().unwrap();
    let began = tokio::time::Instant::now();
    for round in 0..8 {
        for change in 0..5 {
            hub.shared.statuses.publish(waiting(&format!("{round} {change}")));
        }
        let revision = stream.data("changed").await["revision"].as_u64().unwrap();
        assert!(revision >= last + 5);
        last = revision;
    }
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
    let mut looked = hub.shared.hub.get();
    looked.looked_at = Some(Timestamp::now());
    hub.shared.hub.publish(looked.clone());
    stream.data("changed").await;
    looked.looked_at = Some(Timestamp::now());
    hub.shared.hub.publish(looked.clone());
    assert_eq!(stream.next().await.unwrap(), ": ping\n\n", "that it looked again is no news");
    looked.source = Some("c0ffee".to_owned());
    hub.shared.hub.publish(looked);
    stream.data("changed").await;
}

/// What an agent says of itself is told; that it reported once more is not.
#[tokio::test(start_paused = true)]
async fn what_agents_say_of_themselves_is_a_change() {
    let hub = hub().await;
    let session = hub.session("uid-1").await;
    hub.post(REPORTS, EU, &report(&session, 1)).await;
    let mut stream = Events::of(&hub, WATCH, None).await;
    stream.data("changed").await;
    let mut next = report(&session, 1);
    for (sequence, (field, said)) in (1_u64..).zip([
        ("problems", json!(["the way to Git is closed"])),
        ("free", json!({"cpu": "3500m"})),
        ("commit", json!("bada55")),
        ("agentVersion", json!("1.0.1")),
    ]) {
        next[field] = said;
        next["sequence"] = json!(2 * sequence);
        hub.post(REPORTS, EU, &next).await;
        stream.data("changed").await;
        next["sequence"] = json!(2 * sequence + 1);
        hub.post(REPORTS, EU, &next).await;
        assert_eq!(stream.next().await.unwrap(), ": ping\n\n", "{field} is as it was");
    }
}

fn at_step(step: usize) -> ApplicationStatus {
    let mut status = rolling("web", "shop");
    let at = Timestamp::UNIX_EPOCH;
    status.releases[0].achieved = Some(Achieved { step, name: "staging".into(), at, excused: [].into() });
    status
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_answered_when_it_is_so_and_when_the_time_is_over() {
    let hub = hub().await;
    hub.get(&format!("{SHOP}/{WAIT}?for=complete")).await.problem(404);
    hub.shared.statuses.publish(waiting("one"));
    let began = tokio::time::Instant::now();
    let late = hub.get(&format!("{SHOP}/{WAIT}?for=complete,failed&timeout=120")).await.json();
    assert_eq!((&late["met"], &late["status"]["application"]), (&json!(false), &json!("web/shop")));
    assert_eq!(began.elapsed().as_secs(), 120, "longer than any other request may take");

    let shared = hub.shared.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        shared.statuses.publish(waiting("two"));
        tokio::time::sleep(Duration::from_secs(3)).await;
        shared.statuses.publish(at_step(0));
    });
    let began = tokio::time::Instant::now();
    let met = hub.get(&format!("{SHOP}/{WAIT}?for=failed,step=staging&timeout=60")).await.json();
    assert_eq!((&met["met"], &met["for"]), (&json!(true), &json!("step=staging")));
    assert_eq!(began.elapsed().as_secs(), 6);
    let at =
        async |query: &str| hub.get(&format!("{SHOP}/{WAIT}?timeout=0&{query}")).await.json()["met"].clone();
    assert_eq!(at("for=step=0").await, true);
    assert_eq!(at("for=step=1").await, false);
    assert_eq!(at("for=settled").await, false);
    assert_eq!(at("for=step=0&release=shop-bbbbbbbb-0").await, true);
    assert_eq!(at("for=step=0&release=shop-cccccccc-0").await, false, "the contender is another one");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_waited_for_is_refused() {
    let hub = hub().await;
    hub.shared.statuses.publish(waiting("one"));
    for (query, told) in [
        ("for=godot", "step=<name, or index from 0>"),
        ("for=step=stagin", "counted from 0, are 0 \"staging\", 1 \"full on\""),
        ("for=step=2", "0 \"staging\", 1 \"full on\""),
        ("for=complete&timeout=301", "300 seconds"),
    ] {
        let detail = hub.get(&format!("{SHOP}/{WAIT}?{query}")).await.problem(400);
        assert!(detail.contains(told), "{query}: {detail}");
    }
    let shared = hub.shared.clone();
    let end = |end: fn(&Shared)| {
        let shared = shared.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            end(&shared);
        });
    };
    end(|shared| shared.statuses.remove(&AppKey::new("web", "shop")));
    hub.get(&format!("{SHOP}/{WAIT}")).await.problem(404);
    hub.shared.statuses.publish(waiting("one"));
    end(|shared| shared.stop.cancel());
    hub.get(&format!("{SHOP}/{WAIT}")).await.problem(503);
}

/// A commit that the loop has not decided on is waited for, whatever is so of the release before.
#[tokio::test(start_paused = true)]
async fn a_commit_is_waited_for_before_anything_is_judged() {
    let hub = hub().await;
    let mut first = waiting("before");
    first.waiting.state = shipper_core::status::WaitingFor::WaitingForCommand;
    hub.shared.statuses.publish(first.clone());
    let read = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (shared, answers) = (hub.shared.clone(), read.clone());
    tokio::spawn(async move {
        loop {
            for question in shared.decided.next().await {
                let _ = question.answer.send(Some(answers.load(std::sync::atomic::Ordering::SeqCst)));
            }
        }
    });
    let commit = "0123456789012345678901234567890123456789";
    let path = |timeout: u64| format!("{SHOP}/{WAIT}?for=settled&timeout={timeout}&commit={commit}");
    hub.get(&format!("{SHOP}/{WAIT}?commit=main")).await.problem(400);
    let early = hub.get(&path(2)).await.json();
    assert_eq!((&early["met"], &early["decided"]), (&json!(false), &json!(false)), "{early}");
    let patient = path(60);
    let asked = hub.get(&patient);
    let told = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        read.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let (late, ()) = tokio::join!(asked, told);
    let late = late.json();
    assert_eq!(
        (&late["met"], &late["decided"], &late["for"]),
        (&json!(true), &json!(true), &json!("settled"))
    );
    // What is being rendered is no release yet, and what is refused will not be one.
    let condition = |kind: &str, status: &str, reason: &str| {
        serde_json::from_value(json!({"type": kind, "status": status, "reason": reason, "message": "m"}))
            .unwrap()
    };
    first.conditions = vec![condition("ReleaseSynced", "Unknown", "Rendering")];
    hub.shared.statuses.publish(first.clone());
    assert_eq!(hub.get(&path(1)).await.json()["met"], false);
    first.conditions = vec![condition("Valid", "False", "InvalidFile")];
    hub.shared.statuses.publish(first);
    assert_eq!(hub.get(&path(1)).await.json()["met"], false);
    let refused = hub.get(&path(1).replace("settled", "settled,failed")).await.json();
    assert_eq!((&refused["met"], &refused["for"]), (&json!(true), &json!("failed")));
}
