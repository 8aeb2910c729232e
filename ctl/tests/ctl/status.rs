//! One look answers: is it rolling out, what is it waiting for, which pods fail where.

use crate::rollout::{World, broken_image};
use crate::support::{hub, run, well};
use jiff::SignedDuration;
use serde_json::json;
use shipper_core::api::ApplicationSummary;
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::intent::Problem;
use shipper_core::status::ApplicationStatus;
use shipperctl::exit::Exit;
use shipperctl::render;

const FIRST: &str = "1d5ce5cd9ea4a2d9cf41a6ec8a5ab0b0a4d3f0aa";
const SECOND: &str = "2f77f0bd0a27e0e34ac61a1a1e5a09b77c5f2a00";

/// The second release of the demo at its first step, the first at full load.
fn rolling() -> World {
    let mut world = World::new(FIRST);
    world.settle().order("full on").settle().change("2222222222", SECOND);
    world
}

fn shown(world: &World, status: &ApplicationStatus) -> String {
    let text = render::application(status, world.now + SignedDuration::from_secs(130), false, None);
    anstream::adapter::strip_str(&text).to_string()
}

#[test]
fn a_step_that_is_done_says_how_to_go_on() {
    let mut world = rolling();
    world.settle();
    let status = world.status();
    insta::assert_snapshot!(shown(&world, &status));
}

#[test]
fn failing_pods_are_grouped_by_reason_with_an_example() {
    let mut world = rolling();
    world.settle().order("half");
    let release = world.status().contender.unwrap().to_string();
    world.report(broken_image(&release)).lose("us-1");
    let status = world.status();
    insta::assert_snapshot!(shown(&world, &status));
}

/// Who is on call is not to be alarmed by every start.
#[test]
fn pods_that_only_need_time_fail_no_more_than_their_cluster() {
    let mut status = rolling().settle().status();
    let young = json!({"reason": "Pending", "count": 2, "example": "hello-7f9c-x2x4k"});
    status.clusters[0].releases[0].pods.push(serde_json::from_value(young).unwrap());
    let now = "2026-11-22T10:30:00Z".parse().unwrap();
    let shown = |status: &ApplicationStatus| {
        anstream::adapter::strip_str(&render::application(status, now, false, None)).to_string()
    };
    let text = shown(&status);
    assert!(text.contains("Starting pods\n  Pending: 2 pods of hello-"), "{text}");
    assert!(!text.contains("Failing pods") && !text.contains("reasons/Pending"), "{text}");
    let late = json!({"kind": "noProgress", "since": now, "message": "no progress for 10m"});
    status.clusters[0].failing = Some(serde_json::from_value(late).unwrap());
    let text = shown(&status);
    assert!(
        text.contains("Failing pods\n  Pending: 2 pods of hello-") && !text.contains("Starting"),
        "{text}"
    );
}

#[test]
fn the_overview_has_a_line_for_each_and_what_is_wrong_with_the_whole() {
    let mut world = rolling();
    world.settle();
    let status = world.status();
    let mut whole = well(
        vec![Condition::new(
            ConditionType::RepositoryAccepted,
            Status::False,
            Reason::HistoryRewritten,
            "main was rewritten",
        )],
        Vec::new(),
    );
    whole.problems.push(Problem {
        line: Some(7),
        column: Some(3),
        field: Some("spec.template".to_owned()),
        ..Problem::of_file("applications/web/other.yaml", "unknown field")
    });
    let text = render::overview(&[ApplicationSummary::of(&status)], false, None)
        + &render::remarks(&whole, world.now, |_| true);
    insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
}

/// Which pods fail where is told over all applications, so that a fault that is everywhere is seen to be one.
#[test]
fn the_overview_says_which_pods_fail_where() {
    let mut world = rolling();
    world.settle().order("half");
    let release = world.status().contender.unwrap().to_string();
    world.report(broken_image(&release));
    let status = world.status();
    let mut other = status.clone();
    other.application = "web/other".parse().unwrap();
    // What only starts does not fail.
    let young = json!({"reason": "Pending", "count": 2, "example": "hello-7f9c-x2x4k"});
    other.clusters[1].releases[0].pods.push(serde_json::from_value(young).unwrap());
    let url = hub(vec![status.clone(), other.clone()], well(Vec::new(), Vec::new()));
    let all = run(["--hub", &url, "status"]);
    let (_, block) = all.out.split_once("\n\n").unwrap();
    insta::assert_snapshot!(block);
    // Programs get the same per application, to the letter.
    let json: serde_json::Value =
        serde_json::from_str(&run(["--hub", &url, "status", "-o", "json"]).out).unwrap();
    assert_eq!(json[1]["failing"], json!(ApplicationSummary::of(&other).failing));
    assert_eq!(json[1]["failing"][0]["reason"], "ImagePullBackOff");
    let url = hub(vec![rolling().settle().status()], well(Vec::new(), Vec::new()));
    assert!(!run(["--hub", &url, "status"]).out.contains("Failing pods"));
}

/// [A5] What runs is complete, and what was asked for since is not there: neither hides the other.
#[test]
fn a_complete_application_does_not_hide_that_its_next_chart_is_not_there() {
    let lacks = "nginx 9.9.9 is not in https://charts.example.com";
    let status = rolling().settle().order("full on").settle().lack(lacks).status();
    assert!(status.contender_status().unwrap().complete.is_some());
    let routes = || hub(vec![status.clone()], well(Vec::new(), Vec::new()));
    let all = run(["--hub", &routes(), "status"]);
    assert!(all.out.contains("out of sync") && all.out.contains("installation"), "{}", all.out);
    assert!(all.out.contains(lacks) && !all.out.contains("complete"), "{}", all.out);
    let one = run(["--hub", &routes(), "status", "hello"]);
    assert!(one.out.starts_with("web/hello: out of sync\n"), "{}", one.out);
    assert!(one.out.contains(&format!("waits for  installation: {lacks}")), "{}", one.out);
    assert!(one.out.contains("(ChartUnavailable)"), "{}", one.out);
}

#[test]
fn json_is_exactly_what_the_hub_says() {
    let status = rolling().settle().status();
    let url = hub(vec![status.clone()], well(Vec::new(), Vec::new()));
    let one = run(["--hub", &url, "status", "hello", "-o", "json"]);
    assert_eq!(one.exit, Exit::Ok, "{}", one.err);
    assert_eq!(serde_json::from_str::<ApplicationStatus>(&one.out).unwrap(), status);
    let all = run(["--hub", &url, "status", "-o", "json"]);
    assert_eq!(
        serde_json::from_str::<Vec<ApplicationSummary>>(&all.out).unwrap(),
        [ApplicationSummary::of(&status)]
    );
}

#[test]
fn names_and_messages_cannot_move_the_cursor() {
    let mut status = rolling().settle().status();
    status.waiting.message = "\u{1b}[2J\u{1b}]0;gone\u{7}".to_owned();
    status.clusters[0].message = "a\u{9b}5A\rb\u{202e}c".to_owned();
    status.clusters[0].releases[0].pods.push(shipper_core::report::PodGroup {
        reason: "\u{1b}[31m".to_owned(),
        count: 1,
        example: "\u{1b}c".to_owned(),
        message: "x\ny".to_owned(),
    });
    let url = hub(vec![status], well(Vec::new(), Vec::new()));
    for arguments in [vec!["status"], vec!["status", "hello"], vec!["status", "hello", "-o", "json"]] {
        let done = run([["--hub", &url].to_vec(), arguments].concat());
        let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!done.out.chars().any(bad), "{:?}", done.out);
        assert!(done.out.contains("[2J"), "the message is shown, harmless: {}", done.out);
    }
}

#[test]
fn what_is_not_there_is_told_with_the_nearest_name() {
    let url = hub(vec![rolling().settle().status()], well(Vec::new(), Vec::new()));
    let unknown = run(["--hub", &url, "status", "helo"]);
    assert_eq!(unknown.exit, Exit::NotFound);
    assert!(unknown.err.contains("did you mean web/hello?"), "{}", unknown.err);
    let nobody = run(["--hub", "http://127.0.0.1:1", "status"]);
    assert_eq!(nobody.exit, Exit::HubUnreachable);
    assert!(nobody.err.contains("--hub"), "{}", nobody.err);
    let bare = run(["--hub", url.trim_start_matches("http://"), "status"]);
    assert_eq!(bare.exit, Exit::Usage);
    assert!(bare.err.contains(&format!("as in {url}")), "{}", bare.err);
    let secret = run(["--hub", &url.replace("http:", "https:"), "status"]);
    assert_eq!(secret.exit, Exit::HubUnreachable);
    assert!(secret.err.contains(&format!("it may not speak TLS, then it is {url}")), "{}", secret.err);
    let other = run(["--hub", &format!("{url}/elsewhere"), "status"]);
    assert_eq!(other.exit, Exit::Failure);
    assert!(other.err.contains("does not answer as a hub does"), "{}", other.err);
}
