//! Restarting an application, and clusters that join and leave: commits that a person could have made.

use crate::support::{Outcome, commit, git, hub, repository, run, well};
use shipper_core::intent::{Object, load};
use shipperctl::demo::FILES;
use shipperctl::edit::set_restart;
use shipperctl::exit::Exit;

struct Fixture {
    _directory: tempfile::TempDir,
    bare: std::path::PathBuf,
    hub: String,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (bare, clone) = repository(directory.path(), FILES);
        commit(&clone, "first");
        Self { _directory: directory, bare, hub: hub(Vec::new(), well(Vec::new(), Vec::new())) }
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let repository = self.bare.display().to_string();
        let author = ["--author", "Ada <ada@example.com>"];
        run([arguments, &author, &["--hub", &self.hub, "--repository", &repository]].concat())
    }

    fn file(&self, path: &str) -> String {
        git(&self.bare, &["show", &format!("main:{path}")])
    }
}

/// [R2] Any new string makes a new release, and nothing else in the file changes.
#[test]
fn r2_a_restart_writes_the_time_and_nothing_else() {
    let fixture = Fixture::new();
    let before = fixture.file("applications/web/hello.yaml");
    let done = fixture.run(&["restart", "hello"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert!(done.out.contains("on main: Restart hello") && done.out.contains("watch hello"), "{}", done.out);
    let after = fixture.file("applications/web/hello.yaml");
    let added: Vec<&str> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
    assert_eq!(added.len(), 1, "{after}");
    assert!(added[0].starts_with("  restart: \"20") && added[0].ends_with("Z\""), "{added:?}");
    assert!(load("applications/web/hello.yaml", after.as_bytes()).problems.is_empty());
    let again = set_restart(&after, "2030-01-01T00:00:00Z").unwrap();
    assert_eq!(again.lines().count(), after.lines().count(), "the old time is replaced: {again}");
    let unknown = fixture.run(&["restart", "helo"]);
    assert!(
        unknown.exit == Exit::NotFound && unknown.err.contains("did you mean web/hello?"),
        "{}",
        unknown.err
    );
}

#[test]
fn a_cluster_joins_as_it_is_described_and_leaves_by_a_commit_that_confirms_it() {
    let fixture = Fixture::new();
    let add = ["clusters", "add", "eu-9", "--region", "eu", "--capability", "gpu", "--label", "tier=edge"];
    let done = fixture.run(&[&add[..], &["--weight", "50", "--cordoned"]].concat());
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert!(
        done.out.contains("on main: Add cluster eu-9") && done.out.contains("shipper-agent"),
        "{}",
        done.out
    );
    let text = fixture.file("clusters/eu-9.yaml");
    let Some(Object::Cluster(cluster)) = load("clusters/eu-9.yaml", text.as_bytes()).object else {
        panic!("{text}")
    };
    assert_eq!(cluster.spec.region, "eu");
    assert_eq!(cluster.spec.capabilities, ["gpu"]);
    assert_eq!(cluster.metadata.labels["tier"], "edge");
    assert!(cluster.spec.scheduler.unschedulable && cluster.spec.scheduler.weight == Some(50), "{text}");
    let again = fixture.run(&add);
    assert!(again.exit == Exit::Failure && again.err.contains("is there already"), "{}", again.err);
    let bad = fixture.run(&["clusters", "add", "EU 9", "--region", "eu"]);
    assert_eq!(bad.exit, Exit::Usage, "{}", bad.err);

    let gone = fixture.run(&["clusters", "remove", "eu-9"]);
    assert_eq!(gone.exit, Exit::Ok, "{}", gone.err);
    let message = git(&fixture.bare, &["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("Shipper-Confirm-Removal: eu-9"), "{message}");
    assert!(!git(&fixture.bare, &["ls-tree", "--name-only", "main", "clusters/"]).contains("eu-9"));
}
