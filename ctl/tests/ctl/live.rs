//! Following one rollout: what it is, what happened, what became of earlier releases; waiting with exit codes.

use crate::rollout::{World, broken_image};
use crate::served::{Answer, served};
use crate::support::{Outcome, run};
use serde_json::{Value, json};
use shipper_core::api::{ApplicationSummary, ReleaseView, TimelineEvent, Waited};
use shipper_core::status::ApplicationStatus;
use shipperctl::exit::Exit;
use shipperctl::render;

const FIRST: &str = "1d5ce5cd9ea4a2d9cf41a6ec8a5ab0b0a4d3f0aa";
const SECOND: &str = "2f77f0bd0a27e0e34ac61a1a1e5a09b77c5f2a00";

fn rolling() -> World {
    let mut world = World::new(FIRST);
    world.settle().order("full on").settle().change("2222222222", SECOND);
    world
}

fn happened() -> Vec<TimelineEvent> {
    let event = |at: &str, cluster: Option<&str>, reason: &str, message: &str| json!({"at": at, "application": "web/hello", "cluster": cluster, "reason": reason, "message": message});
    let mut all = json!([
        event("2026-11-22T10:03:00Z", Some("eu-1"), "ClusterFailing", "pods\u{1b}[2J do not start"),
        event("2026-11-22T10:01:00Z", None, "Created", "hello-1 was made"),
    ]);
    all[1]["commit"] = json!({"id": FIRST, "author": "Ada\u{1b}[2J", "subject": "Greet"});
    serde_json::from_value(all).unwrap()
}

/// What follows the address of the API, the type of the answer, and the answer.
pub(crate) type Route = (&'static str, &'static str, String);

/// A hub that answers from a table: what follows the address of the API, beginning with it.
fn hub(routes: Vec<Route>) -> String {
    served(move |path, query| {
        let path = path.trim_start_matches("/api/v1/");
        let asked = format!("{path}?{query}");
        match routes.iter().find(|(route, ..)| [path, &asked].contains(route)) {
            Some((_, "400", body)) => {
                Answer::problem("400 Bad Request", &serde_json::from_str(body).unwrap())
            }
            Some((_, kind, body)) => Answer { kind, ..Answer::of(body.clone()) },
            None => Answer::problem("404 Not Found", &json!({"detail": "not known"})),
        }
    })
}

const JSON: &str = "application/json";

fn page<T: serde::Serialize>(items: &[T]) -> String {
    json!({"items": items}).to_string()
}

pub(crate) fn asked(routes: Vec<Route>, arguments: &[&str]) -> Outcome {
    let url = hub(routes);
    run([&["--hub", url.as_str()][..], arguments].concat())
}

pub(crate) fn known(status: &ApplicationStatus) -> Route {
    ("applications/web/hello", JSON, json!(status).to_string())
}

pub(crate) fn waited(status: &ApplicationStatus, goal: Option<&str>) -> Route {
    let waited =
        Waited { met: goal.is_some(), goal: goal.map(str::to_owned), decided: None, status: status.clone() };
    ("applications/web/hello/wait", JSON, json!(waited).to_string())
}

#[test]
fn a_wait_ends_with_a_code_for_what_came() {
    let mut world = rolling();
    let status = world.settle().status();
    let come = asked(
        vec![waited(&status, Some("step=canary")), known(&status)],
        &["wait", "web/hello", "--for", "step=canary"],
    );
    assert_eq!(come.exit, Exit::Ok, "{}", come.err);
    assert!(come.out.contains("web/hello is step=canary"), "{}", come.out);
    let told = "web/hello waits for step=canary: step \"canary\" is achieved; promote to \"half\" with: ";
    assert!(come.err.starts_with(told) && come.err.lines().count() == 1, "{}", come.err);
    let json =
        asked(vec![waited(&status, Some("complete")), known(&status)], &["wait", "web/hello", "-o", "json"]);
    assert_eq!(serde_json::from_str::<Waited>(&json.out).unwrap().status, status);

    let never = asked(vec![waited(&status, Some("failed")), known(&status)], &["wait", "web/hello"]);
    assert_eq!(never.exit, Exit::WillNotCome, "{}", never.err);
    assert!(
        never.err.contains("complete will not come by itself")
            && never.err.contains("shipperctl status web/hello"),
        "{}",
        never.err
    );
    let wanted = asked(
        vec![waited(&status, Some("failed")), known(&status)],
        &["wait", "web/hello", "--for", "failed"],
    );
    assert_eq!(wanted.exit, Exit::Ok, "who waits for a failure is glad of it");

    let late = asked(vec![waited(&status, None), known(&status)], &["wait", "web/hello", "--timeout", "0s"]);
    assert_eq!(late.exit, Exit::TimeOver, "{}", late.err);
    assert!(late.err.contains("did not come within 0 s"), "{}", late.err);
    let gone = asked(vec![known(&status)], &["wait", "web/hello"]);
    assert_eq!(gone.exit, Exit::WillNotCome, "{}", gone.err);

    let wrong =
        asked(vec![waited(&status, None), known(&status)], &["wait", "web/hello", "--for", "step=halv"]);
    assert_eq!(wrong.exit, Exit::NotFound, "{}", wrong.err);
    let half = "there is no step \"halv\"; did you mean \"half\"? the steps of ";
    assert!(wrong.err.contains(half) && !wrong.err.contains("waits for"), "{}", wrong.err);
    // The release that a commit makes may have other steps, so the hub is asked; its own words count from 0.
    let refused = json!({"detail": "for=step=halv: hello-x has no step \"halv\""}).to_string();
    let refusing = ("applications/web/hello/wait", "400", refused);
    let commit = "4f0c2a4f0c2a4f0c2a4f0c2a4f0c2a4f0c2a4f0c";
    let wrong = asked(
        vec![refusing, known(&status)],
        &["wait", "web/hello", "--for", "step=halv", "--commit", commit],
    );
    assert_eq!(wrong.exit, Exit::NotFound, "{}", wrong.err);
    assert!(wrong.err.contains(half) && !wrong.err.contains("waits for"), "{}", wrong.err);
    let nobody = run(["--hub", "http://127.0.0.1:1", "wait", "web/hello"]);
    assert_eq!(nobody.exit, Exit::HubUnreachable);
}

/// [M3] The hub counts from 0, and people from 1.
#[test]
fn a_step_is_waited_for_by_the_number_that_is_shown() {
    let mut world = rolling();
    let status = world.settle().status();
    let wait = |goal: &str, more: &[&str]| {
        let arguments = [&["wait", "web/hello", "--for", goal][..], more].concat();
        asked(vec![waited(&status, Some("step=canary")), known(&status)], &arguments)
    };
    let come = wait("step=1", &[]);
    assert!(
        come.exit == Exit::Ok && come.out.contains("web/hello is step=canary"),
        "{}{}",
        come.out,
        come.err
    );
    let none = wait("step=0", &[]);
    assert!(none.exit == Exit::NotFound && none.err.contains("steps count from 1: "), "{}", none.err);
    let commit = ["--commit", "4f0c2a4f0c2a4f0c2a4f0c2a4f0c2a4f0c2a4f0c"];
    let none = wait("step=0", &commit);
    assert!(none.exit == Exit::NotFound && none.err.contains("steps count from 1"), "{}", none.err);
    let later = asked(
        vec![waited(&status, Some("step=0")), known(&status)],
        &[&["wait", "web/hello", "--for", "step=1"][..], &commit].concat(),
    );
    assert!(
        later.exit == Exit::Ok && later.out.contains("web/hello is step=1:"),
        "{}{}",
        later.out,
        later.err
    );
}

#[test]
fn the_timeline_is_told_newest_last_and_obeys_nobody() {
    let routes = || {
        vec![("events", JSON, page(&happened())), ("applications/web/hello/events", JSON, page(&happened()))]
    };
    let all = asked(routes(), &["events"]);
    assert_eq!(all.exit, Exit::Ok, "{}", all.err);
    insta::assert_snapshot!(all.out);
    let of_one = asked(routes(), &["events", "web/hello", "--since", "2h", "--limit", "1", "-o", "json"]);
    let events: Vec<TimelineEvent> = serde_json::from_str(&of_one.out).unwrap();
    assert_eq!(events, happened()[..1]);
    let names = asked(routes(), &["events", "-o", "name"]);
    assert_eq!(names.out, "ClusterFailing\nCreated\n");
    let lists =
        || vec![("applications", JSON, page(&[ApplicationSummary::of(&rolling().settle().status())]))];
    for more in [&[][..], &["--watch"]] {
        let unknown = asked(lists(), &[&["events", "web/helo"][..], more].concat());
        assert_eq!(unknown.exit, Exit::NotFound, "{}", unknown.err);
        assert!(unknown.err.contains("did you mean web/hello?"), "{}", unknown.err);
    }
    let wrong = asked(routes(), &["events", "--since", "yesterday"]);
    assert!(wrong.exit == Exit::Usage && wrong.err.contains("2h"), "{}", wrong.err);
}

#[test]
fn new_entries_follow_as_lines() {
    let new = json!({"at": "2026-11-22T10:04:00Z", "application": "web/hello", "cluster": null, "reason": "StepAchieved", "message": "half"});
    let stream = format!(": ping\n\nevent: event\ndata: {new}\n\n");
    // The same address answers the list and the stream: each reads of it what it understands.
    let listener =
        vec![("events?watch=true", "text/event-stream", stream), ("events", JSON, page(&happened()))];
    let done = asked(listener, &["events", "--watch", "-o", "json"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    let reasons: Vec<String> = done
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["reason"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(reasons, ["Created", "ClusterFailing", "StepAchieved"]);
}

#[test]
fn the_history_says_what_became_of_each_release() {
    let mut world = rolling();
    let status = world.settle().status();
    let releases = ReleaseView::all(&status);
    let routes = || vec![known(&status), ("applications/web/hello/releases", JSON, page(&releases))];
    let later = world.now + jiff::SignedDuration::from_mins(5);
    insta::assert_snapshot!(
        anstream::adapter::strip_str(&render::history(&releases, later, false, None)).to_string()
    );
    let wide = asked(routes(), &["history", "web/hello", "-o", "wide"]);
    assert!(wide.out.contains("PODS") && wide.out.contains(SECOND), "{}", wide.out);
    let json = asked(routes(), &["history", "web/hello", "-o", "json"]);
    assert_eq!(serde_json::from_str::<Vec<ReleaseView>>(&json.out).unwrap(), releases);
    let names = asked(routes(), &["history", "web/hello", "-o", "name"]);
    assert_eq!(names.out.lines().count(), 2);
}

#[test]
fn the_live_picture_has_bars_and_what_happened() {
    let mut world = rolling();
    world.settle().order("half");
    let release = world.status().contender.unwrap().to_string();
    world.report(broken_image(&release));
    let status = world.status();
    let later = world.now + jiff::SignedDuration::from_mins(5);
    let events: Vec<TimelineEvent> = happened().into_iter().rev().collect();
    let text = render::live(&status, &events, later, None, true);
    insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
}

/// Of a picture that is cut at its end, which pods fail stays.
#[test]
fn in_a_small_window_failing_pods_stand_before_the_clusters_which_say_nothing() {
    let mut world = rolling();
    world.settle().order("half");
    let release = world.status().contender.unwrap().to_string();
    let status = world.report(broken_image(&release)).status();
    let text = render::live(&status, &[], world.now, Some(80), false);
    let (pods, table) = (text.find("Failing pods").unwrap(), text.find("CLUSTER ").unwrap());
    assert!(pods < table && !text[table..].contains("Back-off"), "{text}");
}

#[test]
fn in_a_pipe_every_change_is_a_line() {
    let mut world = rolling();
    let first = world.settle().status();
    let second = world.order("half").settle().status();
    let third = world.order("full on").settle().status();
    let stream: String = [&first, &first, &second, &third]
        .iter()
        .map(|status| format!("event: application\ndata: {}\n\n", json!(status)))
        .collect();
    let routes = || {
        vec![
            ("applications/web/hello?watch=true", "text/event-stream", stream.clone()),
            known(&first),
            ("applications/web/hello/events", JSON, page(&[] as &[TimelineEvent])),
        ]
    };
    let done = asked(routes(), &["watch", "web/hello", "--until-done"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    // It waits for a command at its first step already, and that is as far as it goes by itself.
    assert_eq!(done.out.lines().count(), 1, "{}", done.out);
    assert!(done.out.contains("canary done") && done.out.contains("waits for command"), "{}", done.out);
    let line = render::change(&second);
    assert!(line.contains("half") && line.contains("pods"), "{line}");
    let json = asked(routes(), &["watch", "web/hello", "--until-done", "-o", "json"]);
    assert_eq!(serde_json::from_str::<ApplicationStatus>(json.out.lines().next().unwrap()).unwrap(), first);
}
