//! Every command on a real fleet, in all its forms: for people, wide, JSON, YAML, names.

use std::path::Path;

use crate::demo::{Demo, release};
use crate::every::complete;
use crate::every::shapes::Shapes;
use crate::support::{Outcome, git, run, write};
use serde_json::Value;
use shipper_core::yaml;
use shipperctl::exit::Exit;

/// What has no form for programs: `demo` runs until it is ended, the others write scripts, pages and words for shells. Each has a test of
/// its own.
const WITHOUT: [&str; 4] = ["demo", "completion", "man", "__complete"];

/// What prints objects of its own, and not those of the hub's API or manifests.
const OWN: [&str; 9] = [
    "plan",
    "diff",
    "wait",
    "lint",
    "hub backup",
    "hub restore",
    "hub tokens create",
    "hub tokens list",
    "hub tokens revoke",
];
/// Stands for the whole id of a commit.
const COMMIT: &str = "COMMIT";
/// Reasons of events begin so on this fleet.
const EVENTS: &str = "Created|Step|Cluster|Complete|Order|Placed|Withdrawn";
/// Clusters of this fleet.
const CLUSTERS: &str = "eu-|us-";

/// A command, and what is to be seen of it.
struct Case {
    command: &'static str,
    arguments: Vec<String>,
    /// Words of the text.
    text: &'static str,
    /// Where in the JSON something stands, and what; an empty text stands for anything that is there.
    json: (&'static str, &'static str),
    /// The beginning of every name; empty where there are none.
    name: &'static str,
    /// What people read of it with `-o wide` alone; empty where that is the text.
    wide: &'static str,
    /// It makes a commit: each form on a branch of its own.
    commits: bool,
}

fn case(
    command: &'static str,
    arguments: &[&str],
    text: &'static str,
    json: (&'static str, &'static str),
    name: &'static str,
) -> Case {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Case { command, arguments, text, json, name, wide: "", commits: false }
}

fn change(command: &'static str, arguments: &[&str], subject: &'static str) -> Case {
    Case { commits: true, ..case(command, arguments, "Committed", ("/subject", subject), COMMIT) }
}

impl Case {
    fn wide(self, wide: &'static str) -> Self {
        Self { wide, ..self }
    }
}

fn cases(data: &Path, odd: &Path, incumbent: &str) -> Vec<Case> {
    let (data, odd) = (data.to_str().unwrap(), odd.to_str().unwrap());
    let app = app();
    vec![
        case("status", &[], app, ("/0/application", app), app).wide("INCUMBENT"),
        case("status", &[app], "waits for", ("/application", app), app).wide("Targets"),
        case("why", &[app], "waits for", ("/decisions/0/decision", ""), app),
        case("watch", &[app, "--until-done"], "canary done", ("/application", app), "hello-"),
        case("wait", &[app, "--for", "step=canary"], "is step=canary", ("/for", "step=canary"), "hello-"),
        case("events", &[app], "Achieved", ("/0/application", app), EVENTS).wide(": Roll out 1.1.0)"),
        // The demo has no gate that measures; tests/ctl/measurements.rs has some that did.
        case("measurements", &[app], "Nothing is kept", ("", ""), ""),
        case("history", &[app], "contender", ("/0/role", "contender"), "hello-").wide("PODS"),
        case("diff", &[app], "Deployment hello-<release>", ("/objects/0/change", "changed"), "Deployment"),
        case("plan", &["--head", "next"], "gets the new release", ("/applications/0/application", app), app),
        case("render", &[app], "kind: Deployment", ("/items/0/kind", ""), "Service|Deployment"),
        case("lint", &[odd], "selects no cluster", ("/0/file", "strategies/odd.yaml"), "strategies/"),
        case("blocks list", &[], "shop/incident", ("/0/name", "incident"), "shop/incident").wide("SINCE"),
        case("clusters list", &[], "eu-1", ("/0/name", "eu-1"), CLUSTERS).wide("LAST REPORT"),
        case("clusters show", &["eu-1"], app, ("/name", "eu-1"), "eu-1"),
        case("hub backup", &["--data-dir", data, "FILE"], "Copied", ("/bytes", ""), "/"),
        case("hub restore", &["--data-dir", "DIR", "COPY"], "Restored", ("/events", ""), ""),
        case(
            "hub tokens create",
            &["--data-dir", data, "TOKEN"],
            "shipper_read_",
            ("/token", "shipper_read_"),
            "shipper_read_",
        ),
        case("hub tokens list", &["--data-dir", data], "token-", ("/0/name", "token-"), "token-"),
        case("hub tokens revoke", &["--data-dir", data, "MADE"], "Revoked", ("/0", "token-"), "token-"),
        change("promote", &[app], "Promote web/hello to half"),
        change("abort", &[app], "Abort web/hello: back to hello-"),
        change("rollback", &[app, "--to", incumbent], "Roll web/hello back to hello-"),
        change("restart", &[app], "Restart web/hello"),
        change("pause", &[app], "Pause web/hello"),
        change("remove", &[app], "Remove web/hello"),
        change("blocks add", &["holidays", "--reason", "Holidays"], "Block rollouts of everything: Holidays"),
        change("blocks remove", &["shop/incident"], "Remove the rollout block shop/incident"),
        change("clusters add", &["eu-9", "--region", "eu"], "Add cluster eu-9"),
        change("clusters remove", &["eu-2"], "Remove cluster eu-2"),
        change("clusters cordon", &["eu-1"], "Cordon eu-1"),
        change("clusters uncordon", &["us-1"], "Uncordon us-1"),
        change("clusters drain", &["eu-1"], "Drain eu-1"),
        change("repository accept", &["REFUSED"], "Accept main at"),
        // Paused on main first, and last of all, so that the others find it as it was.
        change("resume", &["PAUSED"], "Resume web/hello"),
    ]
}

fn app() -> &'static str {
    "web/hello"
}

struct Fleet {
    demo: Demo,
    hub: String,
    repository: String,
    desk: tempfile::TempDir,
    files: usize,
}

impl Fleet {
    fn run(&mut self, case: &Case, form: &str) -> Outcome {
        self.files += 1;
        let at = |name: &str| self.desk.path().join(format!("{name}-{}", self.files)).display().to_string();
        let copy = self.desk.path().join("copy.db").display().to_string();
        let mut hub = self.hub.clone();
        let mut words: Vec<String> = case.command.split(' ').map(str::to_owned).collect();
        for argument in &case.arguments {
            words.push(match argument.as_str() {
                "FILE" => at("backup"),
                "DIR" => at("data"),
                "COPY" => copy.clone(),
                "TOKEN" => format!("token-{}", self.files),
                "MADE" => {
                    let name = format!("token-{}", self.files);
                    let made = run(["hub", "tokens", "create", "--data-dir", &case.arguments[1], &name]);
                    assert_eq!(made.exit, Exit::Ok, "{}", made.err);
                    name
                }
                "PAUSED" => {
                    let author = ["--author", "Ada <ada@example.com>", "--repository", &self.repository];
                    let paused = run([&["pause", app()], &author[..]].concat());
                    assert_eq!(paused.exit, Exit::Ok, "{}", paused.err);
                    app().to_owned()
                }
                // A history that is refused is no state that the rest of this test could go on in.
                "REFUSED" => {
                    let newest = git(self.desk.path(), &["ls-remote", &self.repository, "refs/heads/main"]);
                    let newest = newest.split_whitespace().next().unwrap().to_owned();
                    hub = crate::removal::refusing(&newest);
                    newest
                }
                other => other.to_owned(),
            });
        }
        if case.commits {
            let branch = format!("{}-{form}", case.command.replace(' ', "-"));
            words.extend([
                "--author".to_owned(),
                "Ada <ada@example.com>".to_owned(),
                "--branch".to_owned(),
                branch,
            ]);
        }
        words.extend(["--hub".to_owned(), hub, "--repository".to_owned(), self.repository.clone()]);
        words.extend(["-o".to_owned(), form.to_owned()]);
        let done = run(words);
        assert_eq!(done.exit, Exit::Ok, "{} -o {form}: {}{}", case.command, done.out, done.err);
        done
    }
}

#[test]
fn every_command_speaks_to_people_and_to_programs() {
    let desk = tempfile::tempdir().unwrap();
    let mut demo = Demo::without_charts();
    let clone = demo.says(&["git clone "]);
    let repository = clone.split_whitespace().nth(2).unwrap().to_owned();
    demo.says(&["Your turn: "]);
    let first = release(&demo.says(&["web/hello", "step full on done: at rest"]));
    demo.type_in(desk.path(), &clone.replace(" && cd fleet", ""));
    let clone = desk.path().join("fleet");
    // A branch to plan, a block to look at, a cluster to take back.
    git(&clone, &["checkout", "-qb", "next"]);
    let manifest = std::fs::read_to_string(clone.join("apps/hello/deployment.yaml")).unwrap();
    write(&clone, &[("apps/hello/deployment.yaml", &manifest.replace("hello:1.1.0", "hello:1.2.0"))]);
    git(&clone, &["commit", "-qam", "Next"]);
    git(&clone, &["push", "-q", "origin", "next"]);
    git(&clone, &["checkout", "-q", "main"]);
    demo.type_in(&clone, "shipperctl blocks add shop/incident --reason 'Incident 4711'");
    demo.type_in(&clone, "shipperctl clusters cordon us-1");
    demo.type_in(&clone, "until shipperctl blocks list -o name | grep -q incident; do sleep 0.2; done");
    let data = demo.data_dir().join("hub");
    demo.type_in(
        &clone,
        &format!("shipperctl hub backup --data-dir {} {}/copy.db", data.display(), desk.path().display()),
    );
    let hub = demo.hub();
    let mut fleet = Fleet { demo, hub, repository, desk, files: 0 };

    // A folder that something is to be said about.
    let odd = fleet.desk.path().join("odd");
    let selects_none = "apiVersion: shipper.dev/v1alpha1\nkind: Strategy\nmetadata: {name: odd}\n\
                        spec: {steps: [{name: all, clusters: {names: [nowhere]}, capacity: {contender: 100, incumbent: 0}}]}\n";
    write(&odd, &[("strategies/odd.yaml", selects_none)]);
    let cases = cases(&data, &odd, &first);
    let mut shapes = Shapes::default();
    complete(cases.iter().map(|case| case.command), &WITHOUT);
    let mut misnamed = Vec::new();
    for case in &cases {
        let mut told = Vec::new();
        for form in ["text", "wide"] {
            let done = fleet.run(case, form);
            told.push(done.out.contains(case.wide));
            assert!(
                !case.text.is_empty() && done.out.contains(case.text),
                "{} -o {form}: {}",
                case.command,
                done.out
            );
        }
        assert!(told[1] && (case.wide.is_empty() || !told[0]), "{} -o wide: {:?}", case.command, case.wide);
        let json = fleet.run(case, "json").out;
        // What is followed is a line each.
        let first = if case.command == "watch" { json.lines().next().unwrap_or_default() } else { &json };
        let value: Value =
            serde_json::from_str(first).unwrap_or_else(|error| panic!("{}: {error}: {json}", case.command));
        if case.commits {
            shapes.see("commits", &value);
        } else if OWN.contains(&case.command) {
            shapes.see(case.command, &value);
        }
        let (pointer, wanted) = case.json;
        let found = value.pointer(pointer);
        let told = found.and_then(Value::as_str).unwrap_or_default();
        assert!(found.is_some() && told.starts_with(wanted), "{} -o json: {value:#}", case.command);
        // Objects are a list in JSON and documents in YAML, as kubectl takes both.
        if !["watch", "render"].contains(&case.command) {
            let documents = yaml::read_documents(fleet.run(case, "yaml").out.as_bytes()).unwrap();
            let keys =
                |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
            assert_eq!(keys(&documents[0]), keys(&value), "{} -o yaml", case.command);
            assert_eq!(documents[0].is_array(), value.is_array(), "{} -o yaml", case.command);
        }
        let names = fleet.run(case, "name").out;
        let names: Vec<&str> = names.lines().collect();
        let fits = |line: &&str| match case.name {
            COMMIT => line.len() == 40 && line.bytes().all(|byte| byte.is_ascii_hexdigit()),
            beginnings => beginnings.split('|').any(|beginning| line.starts_with(beginning)),
        };
        let some = names.is_empty() == case.name.is_empty();
        if !(some && names.iter().all(fits)) {
            misnamed.push(format!("{} -o name: {names:?}", case.command));
        }
    }
    shapes.held();
    assert!(misnamed.is_empty(), "{misnamed:#?}");
    // What is rendered from main is what the hub committed of it.
    let contender = fleet
        .run(&case("history", &[app()], "", ("", ""), ""), "name")
        .out
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let rendered = |fleet: &mut Fleet, arguments: &[&str]| {
        let done = fleet.run(&case("render", &[&[app()], arguments].concat(), "", ("", ""), ""), "json");
        serde_json::from_str::<Value>(&done.out).unwrap()
    };
    let (fresh, committed) = (rendered(&mut fleet, &[]), rendered(&mut fleet, &["--release", &contender]));
    assert_eq!(fresh, committed);
    assert_eq!(committed, rendered(&mut fleet, &["--release", &contender, "--cluster", "eu-canary"]));
    fleet.demo.interrupt();
}
