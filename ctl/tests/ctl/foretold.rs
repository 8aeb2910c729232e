//! What `plan` foretells is then merged, on a fleet of a real hub, real agents and simulated clusters, and is what happens.

use std::path::{Path, PathBuf};

use crate::demo::{Demo, PATIENCE, is_tidy, release};
use crate::support::{git, write};
use shipper_core::ClusterName;
use shipper_core::api::EVIDENCE;
use shipper_core::condition::Reason;
use shipper_core::status::WaitingFor;
use shipper_test_foretold::{comes_true, until};
use shipperctl::forecast::{ApplicationForecast, Forecast, MARK};
use shipperctl::hub::Hub;
use tempfile::TempDir;

const HELLO: &str = "applications/web/hello.yaml";
const TWIN: &str = "applications/shop/twin.yaml";
const GREETER: &str = "applications/web/greeter.yaml";
const CLUSTER: &str = "clusters/us-1.yaml";
const MANIFEST: &str = "apps/hello/deployment.yaml";

/// The demo, and a clone of its repository on `main`.
struct Fleet {
    demo: Demo,
    clone: PathBuf,
    _desk: TempDir,
}

impl Fleet {
    fn start() -> (Self, String) {
        let desk = tempfile::tempdir().unwrap();
        let mut demo = Demo::start();
        let clone = demo.says(&["git clone "]);
        demo.says(&["Your turn: "]);
        let second = release(&demo.says(&["web/hello", "step canary done: waits for command"]));
        if std::env::var_os("SHIPPER_HELM").is_some() {
            demo.says(&["web/greeter", "step everywhere done: at rest"]);
        }
        demo.type_in(desk.path(), &clone.replace(" && cd fleet", ""));
        let clone = desk.path().join("fleet");
        (Self { demo, clone, _desk: desk }, second)
    }

    /// A branch with these files, or without those that are empty, committed and pushed.
    fn branch(&self, name: &str, message: &str, files: &[(&str, &str)]) {
        git(&self.clone, &["checkout", "-q", "main"]);
        git(&self.clone, &["pull", "-q", "--ff-only"]);
        git(&self.clone, &["checkout", "-q", "-b", name]);
        for (path, content) in files {
            if content.is_empty() {
                git(&self.clone, &["rm", "-rq", path]);
            } else {
                write(&self.clone, &[(path, content)]);
            }
        }
        git(&self.clone, &["add", "-A"]);
        git(&self.clone, &["commit", "-q", "-m", message]);
        git(&self.clone, &["push", "-q", "origin", name]);
    }

    /// A file on the newest `main`.
    fn file(&self, path: &str) -> String {
        git(&self.clone, &["fetch", "-q", "origin", "main"]);
        git(&self.clone, &["show", &format!("FETCH_HEAD:{path}")]) + "\n"
    }

    /// What the plan of the branch that is checked out says, once nothing goes on that would be taken for what the merge does.
    fn plan(&mut self) -> Forecast {
        until(|| is_tidy(&self.clone).then_some(()));
        let json = self.demo.type_in(&self.clone, "shipperctl plan -o json || test $? = 1");
        serde_json::from_str(&json).unwrap()
    }

    /// Merges a branch; the commit.
    fn merge(&self, name: &str) -> String {
        git(&self.clone, &["checkout", "-q", "main"]);
        git(&self.clone, &["pull", "-q", "--ff-only"]);
        git(&self.clone, &["merge", "-q", "--no-ff", "--no-edit", &format!("origin/{name}")]);
        git(&self.clone, &["push", "-q", "origin", "main"]);
        git(&self.clone, &["rev-parse", "HEAD"])
    }

    /// Merges, and holds what the hub then does against what was foretold.
    fn comes_true(&mut self, branch: &str, forecast: &Forecast) {
        let merged = self.merge(branch);
        let hub = Hub::new(&self.demo.hub()).unwrap();
        comes_true(forecast, &merged, &hub, &|arguments| git(&self.clone, arguments));
    }

    /// How often the hub was asked for what it knows of applications.
    fn asked_for_evidence(&mut self) -> u64 {
        let metrics = format!("{}/metrics", self.demo.hub());
        let text = shipperctl::http::client(PATIENCE).unwrap().get(metrics).send().unwrap().text().unwrap();
        let counts = text
            .lines()
            .filter(|line| line.starts_with("shipper_hub_http_requests") && line.contains(EVIDENCE));
        counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Promotes, on `main`.
    fn promote(&mut self, step: &str) {
        let clone = self.clone.clone();
        git(&clone, &["checkout", "-q", "main"]);
        self.demo.type_in(&clone, &format!("shipperctl promote web/hello --step '{step}'"));
    }
}

fn only(forecast: &Forecast) -> &ApplicationForecast {
    assert_eq!(forecast.applications.len(), 1, "{forecast:#?}");
    &forecast.applications[0]
}

#[test]
fn what_is_foretold_is_what_happens() {
    let (mut fleet, second) = Fleet::start();
    let clone = fleet.clone.clone();

    // A promotion.
    fleet.demo.type_in(&clone, "shipperctl promote web/hello --branch go-on");
    git(&clone, &["fetch", "-q", "origin"]);
    git(&clone, &["checkout", "-q", "go-on"]);
    let forecast = fleet.plan();
    let step = only(&forecast).step.clone().unwrap();
    assert_eq!(
        (step.release.as_str(), step.from.as_str(), step.to.as_str()),
        (second.as_str(), "canary", "half")
    );
    assert!(only(&forecast).releases.is_empty() && only(&forecast).objects.is_empty(), "{forecast:#?}");
    let text = fleet.demo.type_in(&clone, "shipperctl plan");
    assert!(text.contains("goes from step canary to half") && text.contains("pods"), "{text}");
    let markdown = fleet.demo.type_in(&clone, "shipperctl plan -o markdown");
    assert!(markdown.starts_with(MARK) && markdown.contains("| Cluster | Change |"), "{markdown}");
    fleet.comes_true("go-on", &forecast);
    fleet.demo.says(&[&second, "step half done: waits for command"]);
    // Another strategy in the middle of a rollout: nothing moves, which is said; the next release has its steps.
    let slower = fleet.file(HELLO).replace("strategyRef: careful", "strategyRef: canary-first");
    assert_ne!(slower, fleet.file(HELLO));
    fleet.branch("strategy", "Go slower", &[(HELLO, &slower)]);
    let forecast = fleet.plan();
    assert!(only(&forecast).clusters.is_empty() && only(&forecast).releases.is_empty(), "{forecast:#?}");
    assert!(
        says(only(&forecast), Reason::StrategyChanged, &[&second, "rollout.adoptStrategy"]),
        "{forecast:#?}"
    );
    fleet.comes_true("strategy", &forecast);
    fleet.promote("full on");
    fleet.demo.says(&[&second, "step full on done: at rest"]);

    // A new version.
    let manifest = fleet.file(MANIFEST);
    let newer = manifest.replace("hello:1.1.0", "hello:3.0.0");
    assert_ne!(newer, manifest);
    fleet.branch("version", "Version 3", &[(MANIFEST, &newer)]);
    let forecast = fleet.plan();
    let one = only(&forecast);
    assert_eq!(one.releases.len(), 1, "{forecast:#?}");
    let third = one.releases[0].name.to_string();
    let steps: Vec<&str> = one.releases[0].steps.iter().map(String::as_str).collect();
    assert_eq!(steps, ["canary", "everywhere"], "it has the steps of the other strategy");
    assert!(
        one.objects
            .iter()
            .any(|object| object.change.object.starts_with("Deployment")
                && object.change.diff.contains("3.0.0")),
        "{:#?}",
        one.objects
    );
    assert!(one.pods.after >= one.pods.before && one.pods.before > 0, "{:?}", one.pods);
    assert!(!one.clusters.is_empty());
    fleet.comes_true("version", &forecast);
    fleet.demo.says(&["web/hello", &third]);

    // A new application.
    let twin =
        fleet.file(HELLO).replace("name: hello", "name: twin").replace("namespace: web", "namespace: shop");
    let twin: String = twin
        .lines()
        .take_while(|line| !line.starts_with("  rollout:"))
        .map(|line| format!("{line}\n"))
        .collect();
    fleet.branch("twin", "Add shop/twin", &[(TWIN, &twin)]);
    let forecast = fleet.plan();
    let one = only(&forecast);
    assert_eq!((one.application.to_string().as_str(), one.releases.len()), ("shop/twin", 1));
    assert!(
        one.objects.iter().all(|object| object.change.diff.contains("\n+")),
        "all of it is new: {:#?}",
        one.objects
    );
    fleet.comes_true("twin", &forecast);

    // A change that concerns every application asks the hub once.
    let cluster = fleet.file(CLUSTER);
    fleet.branch(
        "label",
        "Label it",
        &[(CLUSTER, &cluster.replace("  region:", "  capabilities: [gpu]\n  region:"))],
    );
    let before = fleet.asked_for_evidence();
    assert_eq!(fleet.plan().errors(), 0);
    assert_eq!(fleet.asked_for_evidence(), before + 1);

    fleet.demo.says(&["web/hello", &third, "step everywhere done: at rest"]);
    fleet.demo.says(&["shop/twin", "step everywhere done: at rest"]);
    removal(&mut fleet);
    an_override(&mut fleet);
    a_secret(&mut fleet);
    block(&mut fleet);

    // A file that does not parse: it is refused, and what stands stays.
    fleet.branch("broken", "Break it", &[(HELLO, "apiVersion: shipper.dev/v1alpha1\nkind: [\n")]);
    let refused = fleet.demo.type_in(&clone, "code=0; shipperctl plan > /dev/null || code=$?; echo $code");
    assert_eq!(refused.trim(), "1");
    let forecast = fleet.plan();
    assert_eq!(forecast.errors(), 1, "{forecast:#?}");
    assert!(only(&forecast).conditions.iter().any(|condition| condition.reason == Reason::InvalidFile));
    assert!(only(&forecast).clusters.is_empty() && only(&forecast).releases.is_empty());
    fleet.comes_true("broken", &forecast);
    let status = fleet.demo.type_in(&clone, "shipperctl status");
    assert!(status.contains("refused") && status.contains(HELLO), "{status}");
    fleet.demo.interrupt();
}

/// A folder is removed: without a confirmation nothing goes, and when it would and what confirms it is said; with one it goes.
fn removal(fleet: &mut Fleet) {
    fleet.branch("vanish", "Remove shop", &[("applications/shop", "")]);
    let forecast = fleet.plan();
    let one = only(&forecast);
    assert!(!one.removed && one.clusters.is_empty() && one.objects.is_empty(), "{forecast:#?}");
    let confirms = ["so it is removed at ", "Shipper-Confirm-Removal: shop/twin"];
    assert!(says(one, Reason::MissingOnMain, &confirms), "{:#?}", one.conditions);
    let text = fleet.demo.type_in(&fleet.clone.clone(), "shipperctl plan");
    assert!(text.contains("Shipper-Confirm-Removal: shop/twin"), "{text}");
    fleet.comes_true("vanish", &forecast);

    let message = "It is meant\n\nShipper-Confirm-Removal: shop/twin";
    fleet.branch("gone", message, &[("notes/shop.md", "There is no shop.\n")]);
    let forecast = fleet.plan();
    assert!(only(&forecast).removed, "{forecast:#?}");
    assert!(
        only(&forecast).clusters.iter().flat_map(|one| &one.after).all(|share| share.absent),
        "{forecast:#?}"
    );
    fleet.comes_true("gone", &forecast);
}

/// An override of a chart's values is compared in the clusters that it selects, and is in the files of those and of no others.
fn an_override(fleet: &mut Fleet) {
    if std::env::var_os("SHIPPER_HELM").is_none() {
        return;
    }
    let clone = fleet.clone.clone();
    let greeter = fleet.file(GREETER);
    let more = "    - clusters: {matchLabels: {tier: standard}}\n      values: {tag: zzz}\n    strategyRef:";
    let overridden = greeter.replace("    strategyRef:", more);
    assert_ne!(overridden, greeter);
    fleet.branch("override", "Another tag but for the canary", &[(GREETER, &overridden)]);
    let forecast = fleet.plan();
    let one = only(&forecast);
    assert_eq!(one.objects.len(), 1, "{:#?}", one.objects);
    let object = &one.objects[0];
    let clusters: Vec<&str> = object.clusters.iter().map(ClusterName::as_str).collect();
    assert_eq!((clusters, one.placed), (vec!["eu-1", "eu-2", "us-1"], 4));
    let changed: Vec<&str> = object.change.diff.lines().filter(|line| line.starts_with(['+', '-'])).collect();
    assert!(
        changed.len() == 2 && changed[0].contains("greeter:1.0.0") && changed[1].contains("greeter:zzz"),
        "{changed:?}"
    );
    let text = fleet.demo.type_in(&clone, "shipperctl plan");
    assert!(text.contains("changed in eu-1, eu-2, us-1"), "{text}");
    let markdown = fleet.demo.type_in(&clone, "shipperctl plan -o markdown");
    assert!(markdown.contains("changed <code>in eu-1, eu-2, us-1</code>"), "{markdown}");
    fleet.comes_true("override", &forecast);
    let release = one.releases[0].name.to_string();
    fleet.demo.says(&["web/greeter", &release, "step everywhere done: at rest"]);
    git(&clone, &["fetch", "-q", "origin", "shipper/state"]);
    for (cluster, image) in [
        ("eu-canary", "greeter:1.0.0"),
        ("eu-1", "greeter:zzz"),
        ("eu-2", "greeter:zzz"),
        ("us-1", "greeter:zzz"),
    ] {
        let manifests =
            git(&clone, &["show", &format!("FETCH_HEAD:clusters/{cluster}/web/greeter/{release}.yaml")]);
        assert!(manifests.contains(image), "{image} is not in {cluster}:\n{manifests}");
    }
}

/// A Secret is changed: that it is, and nothing that it holds or held. What a plan says goes into comments that many can read.
fn a_secret(fleet: &mut Fleet) {
    const FILE: &str = "apps/hello/secret.yaml";
    let clone = fleet.clone.clone();
    let secret = |user: &str, password: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: hello-login}}\nstringData: {{user: {user}}}\ndata: {{password: {password}}}\n"
        )
    };
    let allowed = fleet.file(HELLO).replace("spec:\n", "spec:\n  allowSecrets: true\n");
    fleet.branch("secret", "A secret", &[(FILE, &secret("plain-4711", "aHVudGVyMjI=")), (HELLO, &allowed)]);
    let merged = fleet.merge("secret");
    fleet.demo.type_in(&clone, &format!("shipperctl wait web/hello --commit {merged} --for settled"));
    fleet.branch("rotate", "Another secret", &[(FILE, &secret("plain-4712", "c2VzYW1lMjI="))]);
    let forecast = fleet.plan();
    let change = only(&forecast).objects.iter().find(|object| object.change.object.contains("hello-login"));
    assert!(change.unwrap().change.diff.contains("password"), "{forecast:#?}");
    for form in ["text", "json", "yaml", "markdown"] {
        let said = fleet.demo.type_in(&clone, &format!("shipperctl plan -o {form}"));
        assert!(said.contains("hello-login"), "{said}");
        for value in ["plain-471", "aHVudGVyMjI", "c2VzYW1lMjI", "hunter22", "sesame22"] {
            assert!(!said.contains(value), "{value} is in {said}");
        }
    }
}

/// A block comes with a new version: it is in the way, is named, and nothing is made.
fn block(fleet: &mut Fleet) {
    let manifest = fleet.file(MANIFEST);
    let freeze = "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: freeze, namespace: web}\n\
                  spec: {message: Not today, author: {type: user, name: ada}}\n";
    let files =
        [("blocks/web/freeze.yaml", freeze), (MANIFEST, &manifest.replace("hello:3.0.0", "hello:4.0.0"))];
    fleet.branch("freeze", "Version 4, but not today", &files);
    let forecast = fleet.plan();
    let hello = forecast.applications.iter().find(|one| one.application.name == "hello").unwrap();
    assert!(hello.releases.is_empty() && hello.clusters.is_empty() && hello.objects.is_empty(), "{hello:#?}");
    assert!(says(hello, Reason::RolloutsBlocked, &["web/freeze", "Not today"]), "{:#?}", hello.conditions);
    assert_eq!(hello.waiting.state, WaitingFor::Blocked);
    fleet.comes_true("freeze", &forecast);
}

/// Whether a condition with this reason has all of these words.
fn says(forecast: &ApplicationForecast, reason: Reason, words: &[&str]) -> bool {
    let mut told = forecast.conditions.iter().filter(|condition| condition.reason == reason);
    told.any(|condition| words.iter().all(|word| condition.message.contains(word)))
}

/// A branch that does not merge is no plan, and says which file is in the way.
#[test]
fn a_conflict_is_told_before_anything_is_planned() {
    let directory = tempfile::tempdir().unwrap();
    let (bare, clone) = crate::support::repository(directory.path(), shipperctl::demo::FILES);
    crate::support::commit(&clone, "first");
    let change = |branch: &str, to: &str| {
        git(&clone, &["checkout", "-q", "-B", branch, "origin/main"]);
        let text = std::fs::read_to_string(clone.join(MANIFEST)).unwrap();
        write(&clone, &[(MANIFEST, &text.replace("1.0.0", to))]);
        git(&clone, &["commit", "-qam", branch]);
    };
    change("other", "5.0.0");
    git(&clone, &["push", "-q", "origin", "other"]);
    change("main", "4.0.0");
    git(&clone, &["push", "-q", "origin", "main"]);
    let done = crate::support::run(["plan", "--head", "other", "--repository", path(&bare)]);
    assert_eq!(done.exit, shipperctl::exit::Exit::Failure, "{}", done.err);
    assert!(done.err.contains("does not merge") && done.err.contains(MANIFEST), "{}", done.err);
    let unknown = crate::support::run(["plan", "--head", "nothing", "--repository", path(&bare)]);
    assert!(
        unknown.exit == shipperctl::exit::Exit::NotFound && unknown.err.contains("push it first"),
        "{}",
        unknown.err
    );
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
