//! Blocks are listed as the hub says, and added and removed by commits that a person could have made.

use std::path::{Path, PathBuf};

use crate::support::{Outcome, commit, git, repository, run};
use shipper_core::intent::{Object, load};
use shipper_core::plan::{BlockSurvey, Fleet};
use shipperctl::exit::Exit;
use shipperctl::render;
use tempfile::TempDir;

struct Fixture {
    _directory: TempDir,
    bare: PathBuf,
}

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (bare, clone) = repository(directory.path(), &[&[("README.md", "a fleet\n")], files].concat());
        commit(&clone, "first");
        Self { _directory: directory, bare }
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let author = ["--author", "Ada <ada@example.com>", "--repository", self.bare.to_str().unwrap()];
        run([&["blocks"], arguments, &author].concat())
    }

    fn file(&self, path: &str) -> String {
        show(&self.bare, path)
    }
}

fn show(repository: &Path, path: &str) -> String {
    git(repository, &["show", &format!("main:{path}")])
}

#[test]
fn a_block_is_added_and_removed() {
    let fixture = Fixture::new(&[]);
    let done = fixture.run(&["add", "web/incident", "--reason", "Incident 4711"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert!(done.out.contains("on main: Block rollouts of web: Incident 4711"), "{}", done.out);
    insta::assert_snapshot!(fixture.file("blocks/web/incident.yaml"));
    let again = fixture.run(&["add", "web/incident", "--reason", "x"]);
    assert_eq!(again.exit, Exit::Failure);
    assert!(
        again.err.contains("blocks/web/incident.yaml holds the block web/incident already"),
        "{}",
        again.err
    );

    let unknown = fixture.run(&["remove", "incident"]);
    assert_eq!(unknown.exit, Exit::NotFound);
    assert!(unknown.err.contains("did you mean web/incident?"), "{}", unknown.err);
    let done = fixture.run(&["remove", "web/incident"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert_eq!(git(&fixture.bare, &["ls-tree", "-r", "--name-only", "main"]), "README.md");
}

#[test]
fn a_schedule_and_what_goes_on_are_written_as_the_hub_reads_them() {
    let fixture = Fixture::new(&[]);
    let schedule = ["--cron", "0 18 * * FRI", "--duration", "62h", "--time-zone", "Europe/Amsterdam"];
    let done = fixture.run(
        &[&["add", "weekend", "--reason", "Nobody is here", "--allow", "abort,drain"], &schedule[..]]
            .concat(),
    );
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    let Some(Object::RolloutBlock(block)) =
        load("blocks/weekend.yaml", fixture.file("blocks/weekend.yaml").as_bytes()).object
    else {
        panic!("{}", fixture.file("blocks/weekend.yaml"))
    };
    assert_eq!(block.metadata.namespace, None);
    assert_eq!(block.spec.schedule.unwrap().to_string(), "0 18 * * FRI for 62h (Europe/Amsterdam)");
    assert_eq!(
        block.spec.allow.unwrap().into_iter().map(|allow| allow.to_string()).collect::<Vec<_>>(),
        ["abort", "drain"]
    );

    let refused = fixture.run(&[
        "add",
        "night",
        "--reason",
        "x",
        "--cron",
        "0 18 * * FRI",
        "--duration",
        "62h",
        "--time-zone",
        "Mars",
    ]);
    assert_eq!(refused.exit, Exit::Usage);
    assert!(refused.err.contains("timeZone: \"Mars\" is not a time zone"), "{}", refused.err);
    let refused = fixture.run(&["add", "Night", "--reason", "x"]);
    assert!(refused.err.contains("is not a DNS label"), "{}", refused.err);
}

/// [B1] A file that cannot be read blocks, so it must be possible to remove it by its name.
#[test]
fn a_file_that_cannot_be_read_is_removed_by_its_name() {
    let fixture = Fixture::new(&[("blocks/2026/freeze.yaml", "]")]);
    let done = fixture.run(&["remove", "freeze"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert_eq!(git(&fixture.bare, &["ls-tree", "-r", "--name-only", "main"]), "README.md");
}

/// [B4] A line for each block: whether it is in force, what it stops, what overrides it.
#[test]
fn the_list_says_what_is_stopped_and_what_overrides() {
    let mut fleet = Fleet::default();
    let block = |name: &str, spec: &str| {
        let text = format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {{name: {name}}}\nspec: {{author: {{type: user, name: jo}}, {spec}}}\n"
        );
        match load(&format!("blocks/{name}.yaml"), text.as_bytes()).object {
            Some(Object::RolloutBlock(block)) => block,
            other => panic!("{other:?}"),
        }
    };
    for (name, spec) in [
        ("holidays", "message: Winter holidays, allow: []"),
        ("nights", "message: Sleep, schedule: {cron: 0 22 * * *, duration: 8h, timeZone: Europe/Amsterdam}"),
    ] {
        fleet.blocks.insert((None, name.to_owned()), block(name, spec));
    }
    let application = |annotations: &str| {
        let text = format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {{name: a, annotations: {{{annotations}}}}}\nspec: {{template: {{manifests: {{path: a}}}}}}\n"
        );
        match load("applications/web/a.yaml", text.as_bytes()).object {
            Some(Object::Application(application)) => application,
            other => panic!("{other:?}"),
        }
    };
    let (plain, overriding) = (application(""), application("shipper.dev/rollout-block.override: holidays"));
    let keys: Vec<_> =
        (1..=5).map(|number| shipper_core::AppKey::new("web", format!("app-{number}"))).collect();
    let applications = keys.iter().zip([&plain, &plain, &plain, &plain, &overriding]);
    let survey = BlockSurvey::of(&fleet, applications);
    let now = "2026-01-05T23:30:00Z".parse().unwrap();
    let text = render::blocks(&survey.statuses(now), now, false, None);
    insta::assert_snapshot!(anstream::adapter::strip_str(&text));
    let noon = "2026-01-05T12:00:00Z".parse().unwrap();
    let text = render::blocks(&survey.statuses(noon), noon, false, None);
    assert!(text.contains("begins in 9h"), "{text}");
    assert!(render::blocks(&[], now, false, None).contains("shipperctl blocks add"));
}
