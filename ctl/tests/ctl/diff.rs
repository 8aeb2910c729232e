//! What differs between releases, from the manifests that the hub committed.

use std::path::PathBuf;

use crate::rollout::World;
use crate::support::{Outcome, commit, git, hub, repository, run, well, write};
use serde_json::{Value, json};
use shipper_core::manifest::values::variant;
use shipper_core::state::{StateObject, paths};
use shipper_core::status::ApplicationStatus;
use shipperctl::demo::FILES;
use shipperctl::exit::Exit;

pub(crate) struct Fixture {
    _directory: tempfile::TempDir,
    bare: PathBuf,
    status: ApplicationStatus,
}

impl Fixture {
    /// Two releases whose manifests differ in an image and in a Secret. eu-1 has them with its overrides, eu-2 is to get them with other ones.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (bare, clone) = repository(directory.path(), FILES);
        let first = commit(&clone, "first");
        let mut world = World::new(&first);
        world.settle().order("full on").settle().change("2222222222", &first).settle();
        let status = world.status();
        let manifests = |release: &str, image: &str, secret: &str| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {release}}}\nspec: {{replicas: 4, image: {image}}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: keys}}\ndata: {{token: {secret}}}\n"
            )
        };
        git(&clone, &["checkout", "-q", "--orphan", "shipper/state"]);
        git(&clone, &["rm", "-rqf", "."]);
        let names = [status.incumbent.clone().unwrap(), status.contender.clone().unwrap()];
        for (name, (image, secret)) in names.iter().zip([("a:1", "b25l"), ("a:2", "dHdv")]) {
            let text = manifests(name.as_str(), image, secret);
            let at = format!("releases/web/hello/{name}/manifests.yaml");
            let of_cluster = format!("clusters/eu-1/web/hello/{name}.yaml");
            write(
                &clone,
                &[(&at, text.as_str()), (&of_cluster, &text.replace("replicas: 4", "replicas: 9"))],
            );
        }
        let (record, releases) = world.records();
        write(&clone, &[(&paths::app_record(&record.application), &yaml(&record))]);
        for mut release in releases {
            let app = release.application.clone();
            release.environment.overrides =
                serde_json::from_value(json!([{"clusters": {"names": ["eu-2"]}, "values": {"replicas": 7}}]))
                    .unwrap();
            let placed = record.placement.as_ref().unwrap().of(&"eu-2".into()).unwrap();
            let values = variant(&release.environment, "eu-2", &placed.labels, &placed.region);
            let plain = paths::release_manifests(&app, &release.name, None);
            let text = std::fs::read_to_string(clone.join(plain)).unwrap();
            write(
                &clone,
                &[
                    (&paths::release_record(&app, &release.name), &yaml(&release)),
                    (
                        &paths::release_manifests(&app, &release.name, values.as_deref()),
                        &text.replace("replicas: 4", "replicas: 7"),
                    ),
                ],
            );
        }
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "-m", "state"]);
        git(&clone, &["push", "-q", "origin", "HEAD:refs/heads/shipper/state"]);
        Self { _directory: directory, bare, status }
    }

    /// How a wait ends where the hub says that this goal is so; empty = none is.
    pub(crate) fn waits(&self, goal: &str) -> Exit {
        let goal = (!goal.is_empty()).then_some(goal);
        crate::live::asked(
            vec![crate::live::waited(&self.status, goal), crate::live::known(&self.status)],
            &["wait", "web/hello", "--timeout", "0s"],
        )
        .exit
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        let (hub, repository) =
            (hub(vec![self.status.clone()], well(Vec::new(), Vec::new())), self.bare.display().to_string());
        run([&["diff", "web/hello"][..], arguments, &["--hub", &hub, "--repository", &repository]].concat())
    }
}

fn yaml(object: &impl StateObject) -> String {
    String::from_utf8(object.to_yaml().unwrap()).unwrap()
}

#[test]
fn the_contender_is_compared_with_the_incumbent_and_secrets_stay_hidden() {
    let fixture = Fixture::new();
    let done = fixture.run(&[]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    for part in ["Deployment hello-<release> changed", "-  image: a:1", "+  image: a:2", "(hidden, after)"] {
        assert!(done.out.contains(part), "{part}: {}", done.out);
    }
    assert!(!done.out.contains("dHdv") && !done.out.contains("b25l"), "{}", done.out);
    let json: Value = serde_json::from_str(&fixture.run(&["-o", "json"]).out).unwrap();
    assert_eq!(json["objects"][0]["change"], "changed");
    assert_eq!(json["to"], fixture.status.contender.as_ref().unwrap().as_str());
    assert_eq!(fixture.run(&["-o", "name"]).out, "Deployment hello-<release>\nSecret keys\n");
    assert_eq!(fixture.run(&["--exit-code"]).exit, Exit::Different);
}

#[test]
fn any_two_releases_can_be_compared_and_names_are_checked() {
    let fixture = Fixture::new();
    let (old, new) = (fixture.status.incumbent.clone().unwrap(), fixture.status.contender.clone().unwrap());
    let back = fixture.run(&[new.as_str(), old.as_str()]);
    assert!(back.out.contains("+  image: a:1"), "{}", back.out);
    let same = fixture.run(&[new.as_str(), new.as_str(), "--exit-code"]);
    assert!(same.exit == Exit::Ok && same.out.contains("No object differs."), "{}{}", same.out, same.err);
    let there = fixture.run(&["--cluster", "eu-1"]);
    assert!(there.out.contains("replicas: 9") && there.out.contains("in eu-1"), "{}", there.out);
    let to_come = fixture.run(&["--cluster", "eu-2"]);
    assert!(
        to_come.out.contains("replicas: 7") && to_come.out.contains("in eu-2"),
        "{}{}",
        to_come.out,
        to_come.err
    );
    let plain = fixture.run(&["--cluster", "us-1"]);
    assert!(plain.out.contains("replicas: 4") && plain.out.contains("in us-1"), "{}{}", plain.out, plain.err);
    let elsewhere = fixture.run(&["--cluster", "eu-l"]);
    assert!(
        elsewhere.exit == Exit::NotFound && elsewhere.err.contains("did you mean eu-"),
        "{}",
        elsewhere.err
    );
    let slip = fixture.run(&[&new.as_str()[..new.as_str().len() - 1]]);
    assert!(slip.exit == Exit::NotFound && slip.err.contains("did you mean hello-"), "{}", slip.err);
}
