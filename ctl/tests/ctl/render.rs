//! What the hub would render, from files that nobody committed; and what it refuses, in its words.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Outcome, commit, repository, run, write};
use serde_json::Value;
use shipper_core::yaml;
use shipperctl::demo::FILES;
use shipperctl::exit::Exit;

const MANIFEST: &str = "apps/hello/deployment.yaml";
const GREETER: &str = "applications/web/greeter.yaml";

struct Fixture {
    _directory: tempfile::TempDir,
    clone: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (_, clone) = repository(directory.path(), FILES);
        commit(&clone, "first");
        Self { _directory: directory, clone }
    }

    fn render(&self, arguments: &[&str]) -> Outcome {
        let repository = self.clone.to_str().unwrap();
        run([&["render"], arguments, &["--repository", repository]].concat())
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.clone.join(path)).unwrap();
        assert!(text.contains(from), "{text}");
        write(&self.clone, &[(path, &text.replacen(from, to, 1))]);
    }
}

/// The objects of a kind.
fn of_kind(text: &str, kind: &str) -> Vec<Value> {
    let objects = yaml::read_documents(text.as_bytes()).unwrap();
    objects.into_iter().filter(|object| object["kind"] == kind).collect()
}

fn replicas(text: &str) -> Option<u64> {
    of_kind(text, "Deployment")[0]["spec"]["replicas"].as_u64()
}

#[test]
fn the_work_tree_is_rendered_as_it_is_and_a_revision_as_it_was() {
    let fixture = Fixture::new();
    fixture.edit(MANIFEST, "1.0.0", "9.9.9");
    let now = fixture.render(&["web/hello"]);
    assert_eq!(now.exit, Exit::Ok, "{}", now.err);
    let deployment = &of_kind(&now.out, "Deployment")[0];
    assert!(deployment.to_string().contains("example.com/hello:9.9.9"), "{deployment}");
    let name = deployment["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("hello-") && name.ends_with("-0"), "it has the name of its release: {name}");
    assert_eq!(deployment["metadata"]["namespace"], "web");
    assert_eq!(deployment["metadata"]["labels"]["shipper.dev/release"], name);
    let then = fixture.render(&["hello", "--revision", "HEAD"]);
    assert!(then.out.contains("example.com/hello:1.0.0"), "{}{}", then.out, then.err);
    // A file that nobody added counts too, and one that is ignored does not.
    write(
        &fixture.clone,
        &[("apps/hello/more.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n")],
    );
    assert_eq!(of_kind(&fixture.render(&["hello"]).out, "ConfigMap").len(), 1);
    write(&fixture.clone, &[(".gitignore", "more.yaml\n")]);
    assert!(of_kind(&fixture.render(&["hello"]).out, "ConfigMap").is_empty());
    // Nothing of this is in the clone's own repository.
    let status =
        Command::new("git").args(["status", "--porcelain"]).current_dir(&fixture.clone).output().unwrap();
    assert_eq!(String::from_utf8(status.stdout).unwrap(), " M apps/hello/deployment.yaml\n?? .gitignore\n");
}

#[test]
fn secrets_stay_hidden_unless_they_are_asked_for() {
    let fixture = Fixture::new();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {token: hunter2}\n";
    write(&fixture.clone, &[("apps/hello/secret.yaml", secret)]);
    let refused = fixture.render(&["hello"]);
    assert_eq!(refused.exit, Exit::Failure, "{}", refused.out);
    assert!(refused.err.contains("allowSecrets"), "as the hub says it: {}", refused.err);
    fixture.edit(
        "applications/web/hello.yaml",
        "  createNamespace: true\n",
        "  createNamespace: true\n  allowSecrets: true\n",
    );
    for form in ["text", "json", "yaml"] {
        let hidden = fixture.render(&["hello", "-o", form]);
        assert_eq!(hidden.exit, Exit::Ok, "{}", hidden.err);
        assert!(hidden.out.contains("(hidden)") && !hidden.out.contains("hunter2"), "{}", hidden.out);
        assert!(!hidden.out.contains("aHVudGVyMg"), "{}", hidden.out);
    }
    let shown = fixture.render(&["hello", "--show-secrets"]);
    assert!(shown.out.contains("hunter2") || shown.out.contains("aHVudGVyMg"), "{}", shown.out);
}

#[test]
fn what_the_hub_would_refuse_is_refused_in_its_words() {
    let fixture = Fixture::new();
    let slip = fixture.render(&["web/helo"]);
    assert!(slip.exit == Exit::NotFound && slip.err.contains("did you mean web/hello?"), "{}", slip.err);
    let nowhere = fixture.render(&["hello", "--cluster", "eu-l"]);
    assert!(nowhere.exit == Exit::NotFound && nowhere.err.contains("did you mean eu-"), "{}", nowhere.err);
    fixture.edit(MANIFEST, "kind: Deployment", "kind: [");
    let broken = fixture.render(&["hello"]);
    assert_eq!(broken.exit, Exit::Failure);
    assert!(
        broken.err.contains("cannot be rendered") && broken.err.contains("deployment.yaml"),
        "{}",
        broken.err
    );
    fixture.edit("applications/web/hello.yaml", "strategyRef: careful", "strategyRef: carefull");
    let lost = fixture.render(&["hello"]);
    assert!(lost.err.contains("names no file strategies/carefull.yaml"), "{}", lost.err);
    fixture.edit("applications/web/hello.yaml", "createNamespace", "createNamespaces");
    let refused = fixture.render(&["hello"]);
    assert!(refused.err.contains("createNamespaces"), "{}", refused.err);
    let elsewhere = fixture.render(&["hello", "--revision", "nothing"]);
    assert_eq!(elsewhere.exit, Exit::Repository, "{}", elsewhere.err);
}

/// With the values that each cluster gets, by Helm; skipped without it, as everywhere.
#[test]
fn a_chart_is_rendered_with_the_overrides_of_a_cluster() {
    if std::env::var_os("SHIPPER_HELM").is_none() {
        eprintln!("skipped: SHIPPER_HELM is not set; cargo xtask test sets it");
        return;
    }
    let fixture = Fixture::new();
    let all = fixture.render(&["web/greeter"]);
    assert_eq!(all.exit, Exit::Ok, "{}", all.err);
    assert_eq!(replicas(&all.out), Some(3));
    let canary = fixture.render(&["web/greeter", "--cluster", "eu-canary"]);
    assert_eq!(replicas(&canary.out), Some(1), "{}", canary.out);
    let names = fixture.render(&["web/greeter", "-o", "name"]).out;
    assert!(names.lines().any(|name| name.starts_with("Deployment greeter-")), "{names}");
    fixture.edit("charts/greeter/templates/deployment.yaml", "{{", "{{ fail \"not today\" }}{{");
    let failed = fixture.render(&["web/greeter"]);
    assert!(failed.exit == Exit::Failure && failed.err.contains("not today"), "{}", failed.err);
    fixture.edit(GREETER, "charts/greeter ", "charts/greter ");
    let gone = fixture.render(&["web/greeter"]);
    assert!(gone.exit == Exit::Failure && gone.err.contains("charts/greter"), "{}", gone.err);
}

/// Where there is no helm, it says so.
#[test]
fn without_helm_a_chart_says_what_is_missing() {
    let fixture = Fixture::new();
    let nowhere = Path::new("/nowhere/helm").to_str().unwrap();
    let done = fixture.render(&["web/greeter", "--helm", nowhere]);
    assert!(done.exit == Exit::Failure && done.err.contains("helm"), "{}", done.err);
}
