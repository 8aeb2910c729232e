//! Promote and abort make the commits that a person would make, in real repositories.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::rollout::{World, broken_image};
use crate::support::{Outcome, commit, git, hub, repository, run, well, write};
use jiff::SignedDuration;
use shipper_core::intent::OnFailure;
use shipper_core::state::{AppRecord, ReleaseRecord, StateObject as _};
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipperctl::demo::FILES;
use shipperctl::exit::Exit;
use tempfile::TempDir;

const MANIFEST: &str = "apps/hello/deployment.yaml";
const APPLICATION: &str = "applications/web/hello.yaml";

/// A bare repository with the example, a clone of it, and statuses that fit: release one complete, two at its first step.
struct Fixture {
    _directory: TempDir,
    bare: PathBuf,
    clone: PathBuf,
    status: ApplicationStatus,
    records: Vec<(String, String)>,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (bare, clone) = repository(directory.path(), FILES);
        let first = commit(&clone, "first");
        let manifest = std::fs::read_to_string(clone.join(MANIFEST)).unwrap();
        write(
            &clone,
            &[(MANIFEST, &manifest.replace("1.0.0", "1.1.0")), ("apps/hello/extra.yaml", "# new\n")],
        );
        let second = commit(&clone, "second");
        let mut world = World::new(&first);
        world.settle().order("full on").settle().change("2222222222", &second).settle();
        let status = world.status();
        Self { _directory: directory, bare, clone, status, records: world.record_files() }
    }

    fn hub(&self) -> String {
        hub(vec![self.status.clone()], well(Vec::new(), Vec::new()))
    }

    fn run(&self, repository: &Path, arguments: &[&str]) -> Outcome {
        let (hub, repository) = (self.hub(), repository.display().to_string());
        let author = ["--author", "Ada <ada@example.com>"];
        run([arguments, &author, &["--hub", &hub, "--repository", &repository]].concat())
    }
}

#[test]
fn promote_goes_to_the_next_step_and_changes_nothing_else() {
    let fixture = Fixture::new();
    let done = fixture.run(&fixture.bare, &["promote", "hello"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert!(done.out.contains("on main: Promote web/hello to half"), "{}", done.out);
    let contender = fixture.status.contender.as_ref().unwrap();
    let patch = git(&fixture.bare, &["diff", "--unified=0", "main~", "main"]);
    let lines: Vec<&str> =
        patch.lines().filter(|l| l.starts_with(['+', '-']) && !l.starts_with("---")).collect();
    assert_eq!(
        lines,
        [
            format!("+++ b/{APPLICATION}"),
            "+  rollout:".to_owned(),
            format!("+    release: {contender}"),
            "+    targetStep: half".to_owned(),
        ]
    );
    assert_eq!(
        git(&fixture.bare, &["log", "-1", "--format=%an %ae %cn|%s", "main"]),
        "Ada ada@example.com Ada|Promote web/hello to half"
    );
    let again = fixture.run(&fixture.bare, &["promote", "hello"]);
    assert!(again.exit == Exit::Ok && again.out.contains("Nothing to commit"), "{}", again.out);
}

#[test]
fn wrong_names_are_refused_before_anything_is_committed() {
    let fixture = Fixture::new();
    let head = git(&fixture.bare, &["rev-parse", "main"]);
    let refused = |arguments: &[&str], exit: Exit, hint: &str| {
        let done = fixture.run(&fixture.bare, arguments);
        assert_eq!(done.exit, exit, "{}", done.err);
        assert!(done.err.contains(hint), "{}", done.err);
    };
    refused(&["promote", "hello", "--step", "halv"], Exit::NotFound, "did you mean \"half\"?");
    let counted = "steps count from 1: the steps of ";
    for outside in ["0", "4"] {
        refused(&["promote", "hello", "--step", outside], Exit::NotFound, counted);
        refused(
            &["promote", "hello", "--step", outside],
            Exit::NotFound,
            "1 \"canary\", 2 \"half\", 3 \"full on\"",
        );
    }
    let incumbent = fixture.status.incumbent.as_ref().unwrap().to_string();
    refused(
        &["promote", "hello", "--release", &incumbent],
        Exit::Failure,
        "is not the newest release, and nothing was done",
    );
    refused(&["promote", "hello", "--release", "hello-x"], Exit::NotFound, "the contender of web/hello is");
    refused(&["promote", "web/hallo"], Exit::NotFound, "did you mean web/hello?");
    assert_eq!(git(&fixture.bare, &["rev-parse", "main"]), head);
}

/// [M2] What stands as `1/3 canary` on every page is left for `half` by `--step 2`.
#[test]
fn a_step_is_typed_by_the_number_that_is_shown_and_what_is_skipped_is_said() {
    let fixture = Fixture::new();
    let promoted = |step: &str| {
        let done = fixture.run(&fixture.bare, &["promote", "hello", "--step", step]);
        assert_eq!(done.exit, Exit::Ok, "{}", done.err);
        (git(&fixture.bare, &["show", &format!("main:{APPLICATION}")]), done.err)
    };
    let (file, said) = promoted("2");
    assert!(file.contains("targetStep: half") && !said.contains("skipped"), "{said}\n{file}");
    let (file, said) = promoted("3");
    assert!(file.contains("targetStep: full on"), "{file}");
    assert!(said.contains("skipped: 2 \"half\""), "{said}");
    let (_, said) = promoted("canary");
    assert!(!said.contains("skipped"), "{said}");
}

/// What a shell makes of a line in which `shipperctl` only says its words, a line each.
fn words(line: &str) -> Vec<String> {
    let script = format!("shipperctl() {{ printf '%s\\0' \"$@\"; }}\n{line}");
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{line}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_terminator('\0').map(str::to_owned).collect()
}

/// [A5] The command that a message spells out is copied into a shell as it stands.
#[test]
fn a_suggested_command_means_what_it_says_whatever_the_step_is_called() {
    for name in ["full on", "$(touch x)", "a;reboot", "\"$x y\"", "it's", "-x", "a\nb", "\u{1b}[2J\u{202e}é"]
    {
        let mut world = World::new("1111111111");
        let mut status =
            world.strategy(|strategy| strategy.steps[1].name = name.to_owned()).settle().status();
        let command = |text: &str| {
            let (_, command) =
                text.split_once("shipperctl ").unwrap_or_else(|| panic!("no command in {text}"));
            words(&format!("shipperctl {}", command.trim_end()))
        };
        let contender = status.contender.as_ref().unwrap().to_string();
        let mut wanted =
            vec!["promote".to_owned(), "web/hello".to_owned(), "--release".to_owned(), contender];
        match name {
            "-x" => wanted.push("--step=-x".to_owned()),
            _ => wanted.extend(["--step".to_owned(), name.to_owned()]),
        }
        assert_eq!(command(&status.waiting.message), wanted);
        status.releases[0].achieved = None;
        let hub = hub(vec![status], well(Vec::new(), Vec::new()));
        let early = run(["promote", "hello", "--hub", hub.as_str()]);
        assert_eq!(early.exit, Exit::Failure, "{}", early.err);
        assert_eq!(command(early.err.rsplit_once("name the step: ").unwrap().1), wanted);
    }
}

#[test]
fn a_step_that_is_not_done_is_left_only_by_name() {
    let mut fixture = Fixture::new();
    for release in &mut fixture.status.releases {
        release.achieved = None;
    }
    let early = fixture.run(&fixture.bare, &["promote", "hello"]);
    assert_eq!(early.exit, Exit::Failure);
    assert!(early.err.contains("is not done yet") && early.err.contains("--step half"), "{}", early.err);
    let named = fixture.run(&fixture.bare, &["promote", "hello", "--step", "half"]);
    assert_eq!(named.exit, Exit::Ok, "{}", named.err);
}

/// [M13] Naming the step would commit an order that nobody sees obeyed.
#[test]
fn while_it_is_paused_or_blocked_promote_says_what_comes_first() {
    let mut fixture = Fixture::new();
    for (state, command) in
        [(WaitingFor::Paused, "shipperctl resume web/hello"), (WaitingFor::Blocked, "shipperctl blocks list")]
    {
        fixture.status.waiting.state = state;
        let next = fixture.run(&fixture.bare, &["promote", "hello"]);
        assert!(next.exit == Exit::Failure && next.err.contains(command), "{}", next.err);
    }
    let named = fixture.run(&fixture.bare, &["promote", "hello", "--step", "half"]);
    assert_eq!(named.exit, Exit::Ok, "{}", named.err);
    assert!(named.out.contains("It is obeyed once") && !named.out.contains("Follow it"), "{}", named.out);
}

#[test]
fn abort_puts_the_folder_of_manifests_back_as_git_revert_would() {
    let fixture = Fixture::new();
    let done = fixture.run(&fixture.bare, &["abort", "web/hello"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert_eq!(git(&fixture.bare, &["diff", "--stat", "main~2", "main"]), "", "as it was for the incumbent");
    assert!(
        git(&fixture.bare, &["log", "-1", "--format=%s", "main"])
            .starts_with("Abort web/hello: back to hello-")
    );
}

#[test]
fn abort_puts_the_environment_back_and_keeps_the_strategy_and_the_rest_of_the_file() {
    let fixture = Fixture::new();
    let text = std::fs::read_to_string(fixture.clone.join(APPLICATION)).unwrap();
    let text = text.replace("spec:\n", "spec:\n  restart: now\n  revisionHistoryLimit: 3  # less\n");
    let text = text.replace("strategyRef: careful", "strategyRef: canary-first");
    write(&fixture.clone, &[(APPLICATION, &text)]);
    commit(&fixture.clone, "third");
    let done = fixture.run(&fixture.bare, &["abort", "hello"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    let now = git(&fixture.bare, &["show", &format!("main:{APPLICATION}")]);
    assert_eq!(format!("{now}\n"), text.replace("  restart: now\n", ""));
}

#[test]
fn abort_asks_before_it_moves_other_applications() {
    let fixture = Fixture::new();
    let text = std::fs::read_to_string(fixture.clone.join(APPLICATION)).unwrap();
    write(&fixture.clone, &[("applications/web/twin.yaml", &text.replace("name: hello", "name: twin"))]);
    commit(&fixture.clone, "twin");
    let refused = fixture.run(&fixture.bare, &["abort", "hello"]);
    assert!(refused.exit == Exit::Failure && refused.err.contains("web/twin use it too"), "{}", refused.err);
    assert_eq!(fixture.run(&fixture.bare, &["abort", "hello", "--shared"]).exit, Exit::Ok);
}

/// [A3] What has had the load since the hub took a release back is put back on `main`, and not the release before that.
#[test]
fn after_a_rollback_by_the_hub_abort_makes_main_say_so() {
    let mut fixture = Fixture::new();
    let [first, second] = ["main~", "main"].map(|name| git(&fixture.bare, &["rev-parse", name]));
    let manifest = std::fs::read_to_string(fixture.clone.join(MANIFEST)).unwrap();
    write(&fixture.clone, &[(MANIFEST, &manifest.replace("1.1.0", "1.2.0-broken"))]);
    let third = commit(&fixture.clone, "third");
    let mut world = World::new(&first);
    world.settle().order("full on").settle().change("2222222222", &second).settle();
    world.strategy(|strategy| strategy.on_failure = OnFailure::Rollback).order("full on").settle();
    let broken = world.change("3333333333", &third).status().contender.unwrap().to_string();
    for _ in 0..70 {
        world.report(broken_image(&broken)).status();
        world.now += SignedDuration::from_secs(10);
    }
    fixture.status = world.status();
    let stands = fixture.status.contender.clone().unwrap().to_string();
    assert_ne!(stands, broken, "{:?}", fixture.status.waiting);
    assert!(fixture.status.incumbent.is_some(), "there is one before that");
    let done = fixture.run(&fixture.bare, &["abort", "web/hello"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert_eq!(git(&fixture.bare, &["diff", "--stat", &second, "main"]), "", "as it was for {stands}");
}

/// A third release is complete: the second is its incumbent, the first is older.
fn three_complete() -> (Fixture, [String; 3]) {
    let mut fixture = Fixture::new();
    let [first, second] = ["main~", "main"].map(|name| git(&fixture.bare, &["rev-parse", name]));
    let manifest = std::fs::read_to_string(fixture.clone.join(MANIFEST)).unwrap();
    write(&fixture.clone, &[(MANIFEST, &manifest.replace("1.1.0", "1.2.0"))]);
    let third = commit(&fixture.clone, "third");
    let mut world = World::new(&first);
    let mut names = Vec::new();
    for (tree, source) in [("1111111111", &first), ("2222222222", &second), ("3333333333", &third)] {
        world.change(tree, source).settle().order("full on").settle();
        names.push(world.status().contender.unwrap().to_string());
    }
    fixture.status = world.status();
    (fixture, names.try_into().unwrap())
}

/// [M11] An older environment comes back as a new release, straight to the step that is asked for, whose name the command knows.
#[test]
fn m11_rollback_to_an_older_release_puts_it_back_and_orders_the_new_one_to_a_step() {
    let (fixture, [oldest, ..]) = three_complete();
    let first = git(&fixture.bare, &["rev-parse", "main~2"]);
    let done = fixture.run(&fixture.bare, &["rollback", "hello", "--to", &oldest, "--step", "full on"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert!(done.out.contains(&format!("Roll web/hello back to {oldest}")), "{}", done.out);
    let again = format!("{}-1", oldest.strip_suffix("-0").unwrap());
    assert!(done.out.contains(&format!("comes back as the new release {again}")), "{}", done.out);
    assert_eq!(
        git(&fixture.bare, &["diff", "--name-only", &first, "main"]),
        APPLICATION,
        "the folder is as it was"
    );
    let patch = git(&fixture.bare, &["diff", "--unified=0", "main~", "main", "--", APPLICATION]);
    let added: Vec<&str> = patch.lines().filter(|l| l.starts_with('+') && !l.starts_with("+++")).collect();
    let order = [
        "+  rollout:".to_owned(),
        format!("+    release: {again}"),
        "+    targetStep: full on".to_owned(),
        "+    skipGates: true".to_owned(),
    ];
    assert_eq!(added, order);
}

/// [M8] To the release before is a return, as abort makes it.
#[test]
fn m8_rollback_goes_to_the_release_before_unless_told_otherwise() {
    let (fixture, [oldest, before, last]) = three_complete();
    let second = git(&fixture.bare, &["rev-parse", "main~"]);
    let refused = |arguments: &[&str], exit: Exit, words: &str| {
        let done = fixture.run(&fixture.bare, &[&["rollback", "hello"], arguments].concat());
        assert_eq!(done.exit, exit, "{}", done.err);
        assert!(done.err.contains(words), "{}", done.err);
    };
    refused(&["--step", "half"], Exit::Failure, "is at once and takes no --step");
    refused(&["--to", &last], Exit::Failure, "is what main asks for now");
    refused(&["--to", "hello-0000-0"], Exit::NotFound, &format!("{before}, {oldest}"));
    let done = fixture.run(&fixture.bare, &["rollback", "hello"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert!(done.out.contains(&format!("{before} takes all load back at once")), "{}", done.out);
    assert_eq!(git(&fixture.bare, &["diff", "--stat", &second, "main"]), "");
}

/// What never carried the load is no release to go back to.
#[test]
fn rollback_goes_to_no_release_that_was_never_complete() {
    let (mut fixture, [oldest, before, _]) = three_complete();
    for release in &mut fixture.status.releases {
        if release.name.as_str() == oldest {
            release.complete = None;
        }
    }
    let done = fixture.run(&fixture.bare, &["rollback", "hello", "--to", &oldest]);
    assert_eq!(done.exit, Exit::Failure);
    assert!(
        done.err.contains(&format!("{oldest} was never complete; those that were: {before}")),
        "{}",
        done.err
    );
}

#[test]
fn a_first_release_is_not_aborted_but_explained() {
    let mut fixture = Fixture::new();
    fixture.status.incumbent = None;
    let refused = fixture.run(&fixture.bare, &["abort", "hello"]);
    assert_eq!(refused.exit, Exit::Failure);
    assert!(refused.err.contains("is removing the application"), "{}", refused.err);
}

#[test]
fn a_clone_pushes_to_its_upstream_and_keeps_uncommitted_work() {
    let fixture = Fixture::new();
    write(&fixture.clone, &[(MANIFEST, "work in progress\n")]);
    let done = fixture.run(&fixture.clone, &["promote", "hello"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert_eq!(
        git(&fixture.clone, &["rev-parse", "HEAD"]),
        git(&fixture.bare, &["rev-parse", "main"]),
        "{}",
        done.err
    );
    assert_eq!(std::fs::read_to_string(fixture.clone.join(MANIFEST)).unwrap(), "work in progress\n");
    assert_eq!(git(&fixture.clone, &["status", "--porcelain"]), format!(" M {MANIFEST}"));
}

#[test]
fn a_repository_without_upstream_is_committed_to_where_it_is() {
    let fixture = Fixture::new();
    git(&fixture.clone, &["remote", "remove", "origin"]);
    write(&fixture.clone, &[(MANIFEST, "work in progress\n")]);
    let done = fixture.run(&fixture.clone, &["promote", "hello"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert_eq!(git(&fixture.clone, &["log", "-1", "--format=%s"]), "Promote web/hello to half");
    assert_eq!(
        git(&fixture.clone, &["diff", "--stat", "HEAD", "--", APPLICATION]),
        "",
        "the file on disk is the new one"
    );
    assert_eq!(git(&fixture.clone, &["for-each-ref", "refs/shipper"]), "");
    assert_eq!(std::fs::read_to_string(fixture.clone.join(MANIFEST)).unwrap(), "work in progress\n");
    // Uncommitted work in the very file is not written over.
    write(&fixture.clone, &[(APPLICATION, "mine\n")]);
    let refused = fixture.run(&fixture.clone, &["promote", "hello", "--step", "full on"]);
    assert_eq!(refused.exit, Exit::Repository);
    assert!(refused.err.contains("not committed"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(fixture.clone.join(APPLICATION)).unwrap(), "mine\n");
}

#[test]
fn a_branch_for_a_pull_request_leaves_main_alone() {
    let fixture = Fixture::new();
    let head = git(&fixture.bare, &["rev-parse", "main"]);
    let done = fixture.run(&fixture.bare, &["promote", "hello", "--branch", "go-on", "-m", "Go on"]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert_eq!(git(&fixture.bare, &["rev-parse", "main"]), head);
    assert_eq!(git(&fixture.bare, &["log", "-1", "--format=%s", "go-on"]), "Go on");
    let taken = fixture.run(&fixture.bare, &["promote", "hello", "--branch", "go-on", "--step", "1"]);
    assert_eq!(taken.exit, Exit::Repository, "{}", taken.out);
}

#[test]
fn a_lost_race_is_run_again_on_what_others_pushed() {
    let fixture = Fixture::new();
    let place = shipperctl::repository::find(Some(fixture.bare.to_str().unwrap())).unwrap();
    let ada =
        shipper_git::Identity { name: "Ada".into(), email: "a@b".into(), seconds: 0, offset_minutes: 0 };
    let mut attempts = 0;
    let published = shipperctl::repository::publish(&place, None, false, &ada, |main, _| {
        attempts += 1;
        if attempts == 1 {
            write(&fixture.clone, &[("notes.md", "faster\n")]);
            commit(&fixture.clone, "faster");
        }
        let content = format!("{}\n", main.commit_id()).into_bytes();
        Ok(shipperctl::repository::Change {
            files: vec![("seen.md".to_owned(), shipperctl::repository::FileChange::Write(content))],
            message: "Mine".to_owned(),
            says_something: false,
        })
    });
    assert!(published.is_ok() && attempts == 2, "{published:?}");
    assert_eq!(git(&fixture.bare, &["log", "-2", "--format=%s", "main"]), "Mine\nfaster");
    assert_eq!(git(&fixture.bare, &["show", "main:seen.md"]), git(&fixture.bare, &["rev-parse", "main~"]));
}

#[test]
fn without_a_hub_an_order_in_full_is_committed_unchecked() {
    let fixture = Fixture::new();
    let repository = fixture.bare.display().to_string();
    let base = ["--hub", "http://127.0.0.1:1", "--repository", &repository];
    let done = run([&base[..], &["promote", "hello", "--author", "A <a@b>"]].concat());
    assert_eq!(done.exit, Exit::HubUnreachable);
    let order = |step: &'static str| {
        let full = ["promote", "hello", "--release", "hello-1-0", "--step", step, "--author", "A <a@b>"];
        run([&full[..], &base[..]].concat())
    };
    // Nobody can say which step a number is.
    let numbered = order("2");
    assert!(numbered.exit == Exit::Usage && numbered.err.contains("write its name"), "{}", numbered.err);
    let done = order("half");
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert!(done.err.contains("not checked"), "{}", done.err);
    assert!(git(&fixture.bare, &["show", &format!("main:{APPLICATION}")]).contains("targetStep: half"));
}

/// [M1] What pages and messages hand out may be copied, and pasted when something else rolls out.
#[test]
fn a_command_that_names_its_release_does_nothing_to_another() {
    let fixture = Fixture::new();
    let (contender, incumbent) = (fixture.status.contender.clone(), fixture.status.incumbent.clone());
    let (contender, incumbent) = (contender.unwrap().to_string(), incumbent.unwrap().to_string());
    let head = git(&fixture.bare, &["rev-parse", "main"]);
    let verbs = ["promote", "pause", "resume", "restart", "abort", "rollback"];
    for verb in verbs {
        let stale = fixture.run(&fixture.bare, &[verb, "hello", "--release", &incumbent]);
        assert_eq!(stale.exit, Exit::Failure, "{verb}: {}", stale.err);
        let now = format!(
            "{incumbent} is not the newest release, and nothing was done; the contender of web/hello is {contender}, for which it is: \
             shipperctl {verb} web/hello --release {contender}"
        );
        assert!(stale.err.contains(&now), "{verb}: {}", stale.err);
        let unknown = fixture.run(&fixture.bare, &[verb, "hello", "--release", "hello-x-0"]);
        assert!(
            unknown.exit == Exit::NotFound && unknown.err.contains(&contender),
            "{verb}: {}",
            unknown.err
        );
    }
    assert_eq!(git(&fixture.bare, &["rev-parse", "main"]), head);
    for verb in verbs {
        let meant = fixture.run(&fixture.bare, &[verb, "hello", "--release", &contender]);
        assert_eq!(meant.exit, Exit::Ok, "{verb}: {}", meant.err);
    }
}

/// Serves the repositories in a folder over HTTP, so that their hooks run; the address.
fn over_http(root: &Path) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = shipper_git_http::router(root);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    url
}

#[test]
fn a_protected_main_is_met_with_the_option_that_asks_for_a_pull_request() {
    let fixture = Fixture::new();
    let hook = fixture.bare.join("hooks/pre-receive");
    let refuse = "#!/bin/sh\nwhile read old new ref; do [ $ref != refs/heads/main ] || { echo main is protected; exit 1; }; done\n";
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, refuse).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    git(&fixture.bare, &["config", "http.receivepack", "true"]);
    let name = fixture.bare.file_name().unwrap().to_str().unwrap();
    let served = PathBuf::from(format!("{}/{name}", over_http(fixture.bare.parent().unwrap())));
    let refused = fixture.run(&served, &["pause", "hello"]);
    assert_eq!(refused.exit, Exit::Repository, "{}", refused.err);
    assert!(
        refused.err.contains("main is protected") && refused.err.contains("--pull-request"),
        "{}",
        refused.err
    );
    let proposed = fixture.run(&served, &["pause", "hello", "--pull-request"]);
    assert_eq!(proposed.exit, Exit::Ok, "{}", proposed.err);
    assert!(proposed.out.contains("nothing happens until it is merged"), "{}", proposed.out);
}

/// [M8] When the hub is down is when people want to go back.
#[test]
fn without_a_hub_abort_and_rollback_go_by_what_it_wrote_last() {
    for verb in ["abort", "rollback"] {
        let fixture = Fixture::new();
        git(&fixture.clone, &["checkout", "-q", "--orphan", "shipper/state"]);
        let records: Vec<_> =
            fixture.records.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        write(&fixture.clone, &records);
        git(&fixture.clone, &["add", "-A"]);
        git(&fixture.clone, &["commit", "-qm", "state"]);
        git(&fixture.clone, &["push", "-q", "origin", "shipper/state"]);
        let away = |more: &[&str]| {
            let repository = fixture.bare.display().to_string();
            let base = ["--hub", "http://127.0.0.1:1", "--repository", &repository, "--author", "A <a@b>"];
            run([&[verb, "hello"][..], more, &base].concat())
        };
        let head = git(&fixture.bare, &["rev-parse", "main"]);
        let unnamed = away(&[]);
        assert_eq!(unnamed.exit, Exit::HubUnreachable, "{}", unnamed.err);
        let way = format!("shipperctl {verb} hello --release NAME");
        assert!(unnamed.err.contains(&way), "{}", unnamed.err);
        let incumbent = fixture.status.incumbent.as_ref().unwrap().to_string();
        let stale = away(&["--release", &incumbent]);
        assert!(stale.exit == Exit::Failure && stale.err.contains("nothing was done"), "{}", stale.err);
        assert_eq!(git(&fixture.bare, &["rev-parse", "main"]), head);
        let contender = fixture.status.contender.as_ref().unwrap().to_string();
        let done = away(&["--release", &contender]);
        assert_eq!(done.exit, Exit::Ok, "{}", done.err);
        assert!(done.err.contains("by the branch of the hub"), "{}", done.err);
        assert!(git(&fixture.bare, &["show", &format!("main:{MANIFEST}")]).contains("1.0.0"));
    }
}

/// The records say what the hub says, but for what only clusters know.
#[test]
fn the_records_alone_say_who_is_contender_and_what_each_release_is() {
    let fixture = Fixture::new();
    let read = |(path, text): &(String, String)| path.ends_with("release.yaml").then(|| text.clone());
    let releases: Vec<ReleaseRecord> = fixture
        .records
        .iter()
        .filter_map(read)
        .map(|text| ReleaseRecord::from_yaml(text.as_bytes()).unwrap())
        .collect();
    let record = AppRecord::from_yaml(fixture.records[0].1.as_bytes()).unwrap();
    let told = shipper_core::plan::recorded(&record, &releases);
    assert_eq!((&told.contender, &told.incumbent), (&fixture.status.contender, &fixture.status.incumbent));
    assert_eq!(told.releases, fixture.status.releases);
}

/// [M13]
#[test]
fn pause_and_resume_are_a_line_each() {
    let fixture = Fixture::new();
    let paused = fixture.run(&fixture.bare, &["pause", "hello"]);
    assert!(paused.exit == Exit::Ok && paused.out.contains("Pause hello"), "{}{}", paused.out, paused.err);
    assert!(git(&fixture.bare, &["show", &format!("main:{APPLICATION}")]).contains("paused: true"));
    let again = fixture.run(&fixture.bare, &["pause", "web/hello"]);
    assert!(again.out.contains("Nothing to commit: web/hello is paused already"), "{}", again.out);
    let resumed = fixture.run(&fixture.bare, &["resume", "hello"]);
    assert!(resumed.out.contains("Resume hello"), "{}{}", resumed.out, resumed.err);
    assert!(git(&fixture.bare, &["show", &format!("main:{APPLICATION}")]).contains("paused: false"));
    let unknown = fixture.run(&fixture.bare, &["pause", "hallo"]);
    assert!(unknown.exit == Exit::NotFound && unknown.err.contains("did you mean"), "{}", unknown.err);
}
