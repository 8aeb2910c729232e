//! Clusters: what is there and how far a drain is, and the commits that cordon and drain [S4].

use crate::support::{commit, git, hub_of, repository, run, well};
use jiff::Timestamp;
use serde_json::json;
use shipper_core::protocol::ClusterView;
use shipperctl::demo::FILES;
use shipperctl::edit::{Scheduling, set_scheduling};
use shipperctl::exit::Exit;
use shipperctl::render;

fn views() -> Vec<ClusterView> {
    let cluster = |name: &str, more: serde_json::Value| {
        let mut view = json!({
            "name": name, "region": "eu", "liveness": "online", "lastReport": "2026-01-01T00:00:00Z",
            "agentVersion": "0.1.0", "commit": null, "problems": [], "applications": [],
        });
        view.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        serde_json::from_value(view).unwrap()
    };
    let free = json!({"cpu": "3500m", "memory": "64Gi", "pods": "110", "nvidia.com/gpu": "2"});
    let departure =
        |stage: &str, message: &str| json!({"why": "drained", "stage": stage, "message": message});
    vec![
        cluster(
            "eu-1",
            json!({"free": free, "capabilities": ["gpu"], "applications": [{"application": "web/hello"}]}),
        ),
        cluster(
            "eu-2",
            json!({
                "drain": true, "free": free,
                "applications": [
                    {"application": "web/hello", "departure": departure("waiting", "leaves because it is drained, once the others are ready: eu-1 is not ready")},
                    {"application": "web/shop", "departure": departure("held", "stays although it is drained: no cluster takes its place")},
                    {"application": "web/zebra", "departure": departure("emptying", "is being emptied because it is drained")},
                ],
            }),
        ),
        cluster("eu-3", json!({"drain": true})),
        cluster("us-1", json!({"unschedulable": true, "liveness": "offline"})),
    ]
}

fn at() -> Timestamp {
    "2026-01-01T00:02:10Z".parse().unwrap()
}

fn stripped(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn s4_the_overview_says_who_takes_applications_and_how_far_a_drain_is() {
    let all: Vec<_> = views().into_iter().map(ClusterView::overview).collect();
    insta::assert_snapshot!(stripped(&render::clusters_overview(&all, at(), false, None)));
}

#[test]
fn s4_one_cluster_says_which_applications_are_there_and_why() {
    insta::assert_snapshot!(stripped(&render::cluster(&views()[1], at(), None)));
}

/// A repository with the example, and a hub that knows the clusters.
fn fleet() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let (_, clone) = repository(directory.path(), FILES);
    commit(&clone, "first");
    let hub = hub_of(Vec::new(), well(Vec::new(), Vec::new()), views());
    (directory, hub)
}

#[test]
fn s4_cordon_drain_and_uncordon_are_commits_in_the_persons_name() {
    let (directory, hub) = fleet();
    let bare = directory.path().join("fleet.git");
    let act = |verb: &str, name: &str| {
        let (author, repository) = ("Ada <ada@example.com>", bare.to_str().unwrap());
        run(["clusters", verb, name, "--author", author, "--hub", &hub, "--repository", repository])
    };
    for (verb, subject, lines) in [
        ("cordon", "Cordon eu-1", vec!["+  scheduler:", "+    unschedulable: true"]),
        ("drain", "Drain eu-1", vec!["+    drain: true"]),
        (
            "uncordon",
            "Uncordon eu-1",
            vec![
                "-    unschedulable: true",
                "-    drain: true",
                "+    unschedulable: false",
                "+    drain: false",
            ],
        ),
    ] {
        let done = act(verb, "eu-1");
        assert_eq!(done.exit, Exit::Ok, "{}", done.err);
        assert!(done.out.contains(&format!("on main: {subject}")), "{}", done.out);
        let patch = git(&bare, &["diff", "--unified=0", "main~", "main", "--", "clusters/eu-1.yaml"]);
        let changed: Vec<&str> = patch
            .lines()
            .filter(|line| {
                line.starts_with(['+', '-']) && !line.starts_with("---") && !line.starts_with("+++")
            })
            .collect();
        assert_eq!(changed, lines);
        let again = act(verb, "eu-1");
        assert!(again.exit == Exit::Ok && again.out.contains("Nothing to commit"), "{}", again.out);
    }
    assert_eq!(git(&bare, &["log", "-1", "--format=%an|%s", "main"]), "Ada|Uncordon eu-1");
    let wrong = act("drain", "eu-l");
    assert_eq!(wrong.exit, Exit::NotFound, "{}", wrong.err);
    assert!(wrong.err.contains("did you mean eu-"), "{}", wrong.err);
}

#[test]
fn s4_a_cluster_keeps_its_comments_and_its_style() {
    let text = "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec: {region: eu, scheduler: {weight: 3}} # mine\n";
    let drained = set_scheduling(text, Scheduling::Drain).unwrap();
    assert_eq!(drained, text.replace("{weight: 3}", "{weight: 3, drain: true}"));
    assert_eq!(set_scheduling(text, Scheduling::Uncordon).unwrap(), text);
}

#[test]
fn s4_list_and_show_ask_the_hub() {
    let hub = hub_of(Vec::new(), well(Vec::new(), Vec::new()), views());
    let listed = run(["clusters", "list", "--hub", &hub]);
    assert!(listed.exit == Exit::Ok && listed.out.contains("drain is stuck"), "{}{}", listed.out, listed.err);
    let shown = run(["clusters", "show", "eu-2", "-o", "json", "--hub", &hub]);
    let view: ClusterView = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(view, views()[1]);
    let unknown = run(["clusters", "show", "eu-9", "--hub", &hub]);
    assert!(unknown.exit == Exit::NotFound && unknown.err.contains("did you mean eu-"), "{}", unknown.err);
}
