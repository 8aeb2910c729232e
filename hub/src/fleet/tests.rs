//! The view over real commits: what is in force, and what an update costs.

use super::{ChartPins, FleetView, resolve};
use shipper_core::AppKey;
use shipper_git::{CommitMeta, Identity, Oid, RemoteConfig, Store};
use std::collections::BTreeSet;
use std::process::Command;
use tempfile::TempDir;

struct Bed {
    _dir: TempDir,
    store: Store,
    head: Option<Oid>,
    view: FleetView,
}

type Edit<'a> = (String, Option<&'a str>);

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bare = dir.path().join("fleet.git");
        assert!(Command::new("git").args(["init", "-q", "--bare"]).arg(&bare).status().unwrap().success());
        let remote = RemoteConfig::new(bare.to_str().unwrap().parse().unwrap());
        let store = Store::open(&dir.path().join("store"), remote).unwrap();
        Self { _dir: dir, store, head: None, view: FleetView::default() }
    }

    /// Commits and follows; answers the applications concerned.
    fn commit(&mut self, edits: &[Edit<'_>]) -> BTreeSet<String> {
        let mut builder = self.store.commit_on(self.head).unwrap();
        for (path, content) in edits {
            match content {
                Some(content) => drop(builder.put(path, content.as_bytes()).unwrap()),
                None => builder.remove(path).unwrap(),
            }
        }
        let who = Identity { name: "A".into(), email: "a@example.com".into(), seconds: 0, offset_minutes: 0 };
        let meta = CommitMeta { author: who.clone(), committer: who, message: "Change\n".into() };
        let commit = builder.commit(&meta, None).unwrap().unwrap();
        self.head = Some(commit);
        let dirty = self.view.follow_main(&self.store, commit).unwrap();
        dirty.into_iter().map(|app| app.name).collect()
    }

    /// A view that starts at the newest commit.
    fn fresh(&self) -> FleetView {
        let mut view = FleetView::default();
        view.follow_main(&self.store, self.head.unwrap()).unwrap();
        view
    }

    fn in_force(&self, name: &str) -> [Option<String>; 2] {
        [&self.view, &self.fresh()].map(|view| {
            let application = view.objects().application(&AppKey::new("web", name))?;
            application.spec.restart.clone()
        })
    }
}

fn app(name: &str, restart: &str, rest: &str) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: web}}\nspec:\n  restart: {restart}\n  template:\n{rest}"
    )
}

fn path(name: &str) -> String {
    format!("applications/web/{name}.yaml")
}

const MANIFESTS: &str = "    manifests: {path: apps/one}\n";

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn one_of_a_thousand_is_read_alone() {
    let mut bed = Bed::new();
    let texts: Vec<_> = (0..1000)
        .map(|n| {
            (path(&format!("a{n}")), app(&format!("a{n}"), "x", &MANIFESTS.replace("one", &n.to_string())))
        })
        .collect();
    let edits: Vec<Edit<'_>> = texts.iter().map(|(path, text)| (path.clone(), Some(text.as_str()))).collect();
    assert_eq!(bed.commit(&edits).len(), 1000);
    let before = bed.view.stats().intent_files;
    assert_eq!(before, 1000);

    assert_eq!(bed.commit(&[(path("a7"), Some(&app("a7", "again", MANIFESTS)))]), names(["a7"]));
    assert_eq!(bed.view.stats().intent_files, before + 1);
    assert_eq!(bed.commit(&[("apps/8/x.yaml".to_owned(), Some("x"))]), names(["a8"]));
    assert_eq!(bed.commit(&[("notes".to_owned(), Some("x"))]), names([]));
    assert_eq!(bed.view.stats().intent_files, before + 1);
}

#[test]
fn a_bad_file_keeps_the_newest_good_version_of_history() {
    let mut bed = Bed::new();
    bed.commit(&[(path("a"), Some(&app("a", "first", MANIFESTS)))]);
    bed.commit(&[(path("a"), Some(&app("a", "second", MANIFESTS)))]);
    bed.commit(&[(path("a"), Some("]"))]);
    bed.commit(&[(path("a"), Some("}"))]);
    assert_eq!(bed.in_force("a"), [Some("second".to_owned()), Some("second".to_owned())]);
    assert!(bed.view.problems().next().is_some());

    bed.commit(&[(path("a"), None)]);
    bed.commit(&[(path("a"), Some("]"))]);
    assert_eq!(bed.in_force("a"), [None, None], "what was removed does not come back with a bad file");
}

#[test]
fn of_two_files_for_one_object_the_older_one_counts() {
    let mut bed = Bed::new();
    let second = "applications/web/a.yml".to_owned();
    bed.commit(&[(second.clone(), Some(&app("a", "older", MANIFESTS)))]);
    bed.commit(&[(path("a"), Some(&app("a", "newer", MANIFESTS)))]);
    assert_eq!(bed.in_force("a"), [Some("older".to_owned()), Some("older".to_owned())]);
    let refused: Vec<_> = bed.view.problems().map(|problem| problem.file.clone()).collect();
    assert_eq!(refused, [path("a")]);

    bed.commit(&[(second, None)]);
    assert_eq!(bed.in_force("a"), [Some("newer".to_owned()), Some("newer".to_owned())]);
    assert_eq!(bed.view.problems().count(), 0);
}

#[test]
fn strategies_clusters_and_paths_concern_those_who_use_them() {
    let mut bed = Bed::new();
    let strategy = "apiVersion: shipper.dev/v1alpha1\nkind: Strategy\nmetadata: {name: slow}\nspec: {steps: [{name: all, capacity: {contender: 100, incumbent: 0}}]}\n";
    let cluster =
        "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu}\nspec: {region: eu}\n";
    let slow = format!("{MANIFESTS}    strategyRef: slow\n");
    bed.commit(&[
        (path("a"), Some(&app("a", "x", &slow))),
        (path("b"), Some(&app("b", "x", "    chart: {path: ./charts/b/}\n"))),
        ("apps/one/x.yaml".to_owned(), Some("x")),
        ("charts/b/Chart.yaml".to_owned(), Some("name: b")),
    ]);
    let resolved =
        |bed: &Bed, name: &str| resolve(&bed.view, &AppKey::new("web", name), &ChartPins::default()).unwrap();
    assert_eq!(resolved(&bed, "a").strategy, None);
    assert_eq!(bed.commit(&[("strategies/slow.yaml".to_owned(), Some(strategy))]), names(["a"]));
    assert!(resolved(&bed, "a").strategy.is_some());
    assert_eq!(bed.commit(&[("clusters/eu.yaml".to_owned(), Some(cluster))]), names(["a", "b"]));

    let before = resolved(&bed, "b").environment.unwrap();
    assert_eq!(bed.commit(&[("charts/b/values.yaml".to_owned(), Some("a: 1"))]), names(["b"]));
    let after = resolved(&bed, "b").environment.unwrap();
    assert_ne!(before.environment.hash(), after.environment.hash());
    assert_eq!(bed.commit(&[("charts/b/values.yaml".to_owned(), None)]), names(["b"]));
    assert_eq!(resolved(&bed, "b").environment.unwrap().environment.hash(), before.environment.hash());
    assert_eq!(bed.commit(&[("charts/b".to_owned(), None)]), names(["b"]));
    assert!(resolved(&bed, "b").environment.is_err());
}

/// [B1] A block file that cannot be read blocks its scope, and all when the scope is unclear.
#[test]
fn b1_a_block_that_cannot_be_read_blocks_its_scope() {
    let mut bed = Bed::new();
    bed.commit(&[(path("a"), Some(&app("a", "x", MANIFESTS)))]);
    let head =
        "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: freeze, namespace: shop}\n";
    let good = format!("{head}spec: {{message: m, author: {{type: user, name: jo}}}}\n");
    let bad = format!("{head}spec: {{message: m}}\n");
    let file = |name: &str| format!("blocks/{name}.yaml");
    let scopes = |bed: &Bed| -> [Vec<Option<String>>; 2] {
        [&bed.view, &bed.fresh()].map(|view| {
            let blocks = view.objects().fleet().unreadable_blocks.values();
            blocks.map(|block| block.namespace.clone()).collect()
        })
    };
    let shop = || Some("shop".to_owned());

    assert_eq!(bed.commit(&[(file("freeze"), Some(&bad))]), names(["a"]), "everybody is planned again");
    assert_eq!(scopes(&bed), [[shop()], [shop()]]);
    bed.commit(&[(file("freeze"), Some(&good))]);
    assert_eq!(scopes(&bed), [[], []]);
    assert_eq!(bed.view.objects().fleet().blocks.len(), 1);

    // What was good stays in force beside what cannot be read.
    bed.commit(&[(file("freeze"), Some("]"))]);
    assert_eq!(scopes(&bed), [[None], [None]], "its scope is unclear");
    assert_eq!(bed.view.objects().fleet().blocks.len(), 1);
    bed.commit(&[(file("freeze"), Some(&good)), (file("again/freeze"), Some(&good))]);
    assert_eq!(scopes(&bed), [[shop()], [shop()]], "the second of two files for one block");
    assert_eq!(bed.commit(&[(file("freeze"), None), (file("again/freeze"), None)]), names(["a"]));
    assert_eq!(scopes(&bed), [[], []]);
    assert!(bed.view.objects().fleet().blocks.is_empty());
}
