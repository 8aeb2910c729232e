//! `remove` and `repository accept`: the very commits they make.

use serde_json::json;
use shipper_core::api::ApplicationSummary;
use shipper_core::intent::AcceptedHistory;
use shipper_core::protocol::{APPLICATIONS, HubStatus, RefusedHistory};

use crate::rollout::World;
use crate::served::{Answer, served};
use crate::support::{git, hub, run, well, write};

struct Fixture {
    _dir: tempfile::TempDir,
    bare: std::path::PathBuf,
    desk: std::path::PathBuf,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let (bare, desk) = (dir.path().join("fleet.git"), dir.path().join("desk"));
    git(dir.path(), &["init", "-q", "--bare", "-b", "main", "fleet.git"]);
    git(dir.path(), &["clone", "-q", "fleet.git", "desk"]);
    git(&desk, &["checkout", "-q", "-B", "main"]);
    let app = |name: &str| {
        format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: web}}\nspec: {{template: {{manifests: {{path: apps/{name}}}}}}}\n"
        )
    };
    write(
        &desk,
        &[
            ("applications/web/shop.yaml", &app("shop")),
            ("applications/web/blog.yml", &app("blog")),
            (
                "clusters/eu.yaml",
                "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu}\nspec: {region: eu}\n",
            ),
        ],
    );
    git(&desk, &["add", "-A"]);
    git(&desk, &["commit", "-qm", "Begin"]);
    git(&desk, &["push", "-q", "origin", "main"]);
    Fixture { _dir: dir, bare, desk }
}

impl Fixture {
    fn run(&self, hub: &str, arguments: &[&str]) -> crate::support::Outcome {
        let common =
            ["--repository", self.desk.to_str().unwrap(), "--hub", hub, "--author", "Ada <ada@example.com>"];
        let (global, author) = common.split_at(4);
        run(global.iter().copied().chain(arguments.iter().copied()).chain(author.iter().copied()))
    }

    fn newest(&self) -> String {
        git(
            &self.bare,
            &["log", "-1", "--format=%B%n%(trailers:key=Shipper-Confirm-Removal)", "--name-status", "main"],
        )
    }
}

const FILE: &str = "applications/web/hello.yaml";
const APPLICATION: &str = "\
apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {name: hello, namespace: web}
spec: {template: {manifests: {path: apps/hello}}}
";

/// What was in force before the history was rewritten.
const OLD: &str = "0123456789012345678901234567890123456789";

/// A hub that refuses the history of `main`, which is at this commit.
pub(crate) fn refusing(head: &str) -> String {
    let refused = RefusedHistory {
        branch: "refs/heads/main".to_owned(),
        commit: head.to_owned(),
        supersedes: vec![OLD.to_owned()],
    };
    hub(Vec::new(), HubStatus { refused: Some(refused), ..well(Vec::new(), Vec::new()) })
}

/// [X1] The file goes and the trailer says that it is meant; where the file is missing already, the trailer alone is a commit.
#[test]
fn x1_remove_takes_the_file_away_and_confirms_it() {
    let fixture = fixture();
    let hub = hub(Vec::new(), well(Vec::new(), Vec::new()));
    let done = fixture.run(&hub, &["remove", "web/shop"]);
    assert!(done.out.contains("Committed"), "{} {}", done.out, done.err);
    let newest = fixture.newest();
    assert!(newest.starts_with("Remove web/shop\n\nShipper-Confirm-Removal: web/shop\n"), "{newest}");
    assert!(newest.contains("D\tapplications/web/shop.yaml"), "{newest}");
    assert!(!fixture.desk.join("applications/web/shop.yaml").exists(), "the work tree follows");

    git(&fixture.desk, &["pull", "-q"]);
    git(&fixture.desk, &["rm", "-q", "applications/web/blog.yml"]);
    git(&fixture.desk, &["commit", "-qm", "Clean up"]);
    git(&fixture.desk, &["push", "-q", "origin", "main"]);
    let unknown = fixture.run(&hub, &["remove", "web/blog"]);
    assert!(unknown.err.contains("there is no application"), "{}", unknown.err);
}

/// [X1] What goes is told by what ran before the commit: the hub may be done with the removal before it is asked again.
#[test]
fn x1_what_goes_is_asked_before_it_does() {
    let fixture = fixture();
    let status = World::new(OLD).settle().status();
    let summary = json!({"items": [ApplicationSummary::of(&status)]}).to_string();
    let (bare, known) = (fixture.bare.clone(), json!(status).to_string());
    // Nothing is left as soon as the file is gone.
    let hub = served(move |path, _| match path {
        APPLICATIONS => Answer::of(summary.clone()),
        _ if git(&bare, &["ls-tree", "main", FILE]).is_empty() => {
            Answer::problem("404 Not Found", &json!({}))
        }
        _ => Answer::of(known.clone()),
    });
    let app = status.application.to_string();
    write(&fixture.desk, &[(FILE, APPLICATION)]);
    git(&fixture.desk, &["add", "-A"]);
    git(&fixture.desk, &["commit", "-qm", "Add it"]);
    git(&fixture.desk, &["push", "-q", "origin", "main"]);
    let done = fixture.run(&hub, &["remove", &app]);
    let pods: u32 =
        status.clusters.iter().flat_map(|c| &c.releases).map(|release| release.capacity.ready).sum();
    assert!(pods > 0 && done.out.contains(&format!("({pods} ready pods)")), "{} {}", done.out, done.err);
}

/// [X2] A cluster is named without a namespace, so that it is never taken for an application.
#[test]
fn x2_remove_takes_a_cluster_away_and_confirms_it() {
    let fixture = fixture();
    let hub = hub(Vec::new(), well(Vec::new(), Vec::new()));
    let unknown = fixture.run(&hub, &["remove", "--cluster", "us"]);
    assert!(unknown.err.contains("clusters/us.yaml"), "{}", unknown.err);
    let done = fixture.run(&hub, &["remove", "--cluster", "eu"]);
    assert!(done.out.contains("Remove cluster eu"), "{} {}", done.out, done.err);
    let newest = fixture.newest();
    assert!(
        newest.contains("Shipper-Confirm-Removal: eu\n") && newest.contains("D\tclusters/eu.yaml"),
        "{newest}"
    );
}

/// [X3] What is accepted is what the hub refuses, at the very commit that was looked at.
#[test]
fn x3_accept_names_the_new_beginning_and_what_it_supersedes() {
    let fixture = fixture();
    let head = git(&fixture.bare, &["rev-parse", "main"]);
    let old = OLD.to_owned();
    let following = hub(Vec::new(), well(Vec::new(), Vec::new()));
    let nothing = fixture.run(&following, &["repository", "accept", &head]);
    assert!(nothing.err.contains("there is nothing to accept"), "{}", nothing.err);

    let refusing = refusing(&head);
    let other = fixture.run(&refusing, &["repository", "accept", "abcdef0123"]);
    assert!(other.err.contains(&format!("is at {head}")), "{}", other.err);
    let done = fixture.run(&refusing, &["repository", "accept", &head[..10]]);
    assert!(done.out.contains("Committed"), "{} {}", done.out, done.err);
    let text = git(&fixture.bare, &["show", "main:accepted-history.yaml"]);
    let accepted = AcceptedHistory::from_yaml(text.as_bytes()).unwrap().accepted;
    assert_eq!((accepted[0].commit.as_str(), &accepted[0].supersedes), (head.as_str(), &vec![old]));

    let moved = fixture.run(&refusing, &["repository", "accept", &head]);
    assert!(moved.err.contains("main has moved on"), "{}", moved.err);
}
