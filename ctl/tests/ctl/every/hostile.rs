//! Whoever writes names, values, messages, files, branches or answers of servers: on the terminal it is text, and moves nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use clap::Parser;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shipper_core::api::{
    ApplicationSummary, EvidenceOfMany, Measurement, ReleaseView, TimelineEvent, Waited,
};
use shipper_core::protocol::{ClusterView, HubStatus};
use shipper_core::status::{ApplicationStatus, BlockStatus};
use shipper_core::why::Why;
use shipper_test_hostile::{HOSTILE as EVIL, acts, quoted};
use shipperctl::cli::Cli;
use shipperctl::demo::FILES;
use shipperctl::exit::Exit;
use shipperctl::terminal::{Look, Terminal};

use crate::every::{complete, prints_in_forms};
use crate::rollout::{World, broken_image};
use crate::served::{Answer, served};
use crate::support::{commit, git, repository, well, write};

/// What a repository may be called; Git takes no control characters in names of branches.
const BRANCH: &str = "evil\u{202e}\u{200b}`@all";

/// The answers of a hub whose every word is hostile, as far as a word may be anything; `kept`: fields that stay as they are.
fn poisoned<T: Serialize + DeserializeOwned>(value: &T, kept: &[&str]) -> Value {
    fn leaves(value: &Value, at: &str, kept: &[&str], found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at.to_owned()),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    leaves(item, &format!("{at}/{index}"), kept, found);
                }
            }
            Value::Object(fields) => {
                for (key, item) in fields.iter().filter(|(key, _)| !kept.contains(&key.as_str())) {
                    leaves(item, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), kept, found);
                }
            }
            _ => {}
        }
    }
    let mut value = json!(value);
    let mut found = Vec::new();
    leaves(&value, "", kept, &mut found);
    for pointer in found {
        let leaf = value.pointer_mut(&pointer).unwrap();
        let was = leaf.clone();
        *leaf = Value::from(format!("{}{EVIL}", was.as_str().unwrap()));
        // A time, or a word of a list, is no place for text.
        if serde_json::from_value::<T>(value.clone()).is_err() {
            *value.pointer_mut(&pointer).unwrap() = was;
        }
    }
    value
}

/// The application that commands follow.
const FOLLOWED: &str = "applications/web/hello";

/// How the hub is hostile.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    /// In every word, names included.
    Words,
    /// In every word but the names that commands look for.
    Messages,
    /// It fails, with a page of somebody else.
    Page,
    /// It refuses, with a problem document.
    Problem,
    /// What it says is no JSON.
    Nonsense,
}

struct Fixture {
    directory: tempfile::TempDir,
    bare: PathBuf,
    clone: PathBuf,
    /// By whether names are hostile too.
    answers: BTreeMap<bool, Vec<(&'static str, String)>>,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (bare, clone) = repository(directory.path(), FILES);
        let first = commit(&clone, &format!("first\n\n{EVIL}"));
        let quoted = quoted(EVIL);
        let manifest = std::fs::read_to_string(clone.join("apps/hello/deployment.yaml")).unwrap();
        let annotated =
            manifest.replacen("metadata:", &format!("metadata:\n  annotations: {{evil: {quoted}}}"), 1);
        write(&clone, &[("apps/hello/deployment.yaml", &annotated)]);
        let second = commit(&clone, EVIL);
        let mut world = World::new(&first);
        world.settle().order("full on").settle().change("2222222222", &second).settle().order("half");
        let release = world.status().contender.unwrap().to_string();
        world.report(broken_image(&release)).lose("us-1");
        let mut status = world.status();
        let refused = json!({"object": "Deployment web/hello", "heals": false, "reason": "Rejected", "message": "denied"});
        status.clusters[0].problems.push(serde_json::from_value(refused).unwrap());
        Self::state(&clone, &status, &quoted);
        // A branch with an application, a block, a cluster and a file that are not what they should be.
        git(&clone, &["checkout", "-qfB", BRANCH, "main"]);
        write(
            &clone,
            &[
                ("applications/web/ev\u{1b}[2J\u{202e}il.yaml", &format!("kind: {quoted}\n{quoted}: [\n")),
                (
                    "blocks/evil.yaml",
                    &format!(
                        "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {{name: evil, namespace: other}}\nspec: {{message: {quoted}, author: {{type: user, name: {quoted}}}}}\n"
                    ),
                ),
                (
                    "strategies/evil.yaml",
                    &format!(
                        "apiVersion: shipper.dev/v1alpha1\nkind: Strategy\nmetadata: {{name: evil}}\nspec: {{steps: [{{name: {quoted}}}]}}\n"
                    ),
                ),
                (
                    "apps/hello/more.yaml",
                    &format!(
                        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: more, annotations: {{evil: {quoted}}}}}\ndata: {{more: {quoted}}}\n"
                    ),
                ),
            ],
        );
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "-m", EVIL]);
        git(&clone, &["push", "-q", "origin", &format!("HEAD:refs/heads/{BRANCH}")]);
        let answers = [true, false].map(|names| (names, answers(&mut world, &status, names)));
        Self { directory, bare, clone, answers: answers.into() }
    }

    /// The hub's branch, with manifests that say what they like.
    fn state(clone: &std::path::Path, status: &ApplicationStatus, quoted: &str) {
        git(clone, &["checkout", "-q", "--orphan", "state"]);
        git(clone, &["rm", "-rqf", "."]);
        for (number, name) in
            [status.incumbent.as_ref(), status.contender.as_ref()].into_iter().flatten().enumerate()
        {
            let text = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {quoted}}}\ndata: {{{quoted}: \"{number}\", more: {quoted}}}\n"
            );
            write(clone, &[(&format!("releases/web/hello/{name}/manifests.yaml"), &text)]);
        }
        git(clone, &["add", "-A"]);
        git(clone, &["commit", "-q", "-m", "state"]);
        git(clone, &["push", "-q", "origin", "HEAD:refs/heads/shipper/state"]);
    }

    /// A hub of that mood, for as long as the test runs.
    fn hub(&self, mood: Mood) -> String {
        let answers = self.answers[&(mood == Mood::Words)].clone();
        // Who follows the application hears once how it is, and then that it is gone: else it would be followed for ever.
        let mut followed = false;
        served(move |path, query| {
            let path = path.trim_start_matches("/api/v1/");
            let watched = query.contains("watch=true");
            let gone = path == FOLLOWED && !watched && std::mem::take(&mut followed);
            followed |= path == FOLLOWED && watched;
            let known = answers.iter().find(|(route, _)| path.starts_with(route) && !gone);
            match (mood, known) {
                (Mood::Page, _) => Answer {
                    code: format!("500 {}", EVIL.replace(['\r', '\n'], "")),
                    kind: "text/html",
                    ..Answer::of(EVIL)
                },
                (Mood::Problem, _) => Answer::problem("503 No", &json!({"detail": EVIL})),
                (Mood::Nonsense, _) => Answer::of(EVIL),
                (_, Some((_, body))) if watched => {
                    Answer { kind: "text/event-stream", ..Answer::of(format!("data: {body}\n\n")) }
                }
                (_, Some((_, body))) => Answer::of(body.clone()),
                (_, None) => Answer::problem("404 No", &json!({"detail": EVIL})),
            }
        })
    }
}

/// What a hub knows, route by route; the first that fits answers.
fn answers(world: &mut World, status: &ApplicationStatus, names: bool) -> Vec<(&'static str, String)> {
    let kept: &[&str] = if names {
        &[]
    } else {
        &["application", "name", "contender", "incumbent", "source", "steps", "stepName", "branch", "commit"]
    };
    let page = |items: Vec<Value>| json!({"items": items}).to_string();
    let event = json!({"at": "2026-11-22T10:03:00Z", "application": "web/hello", "cluster": "eu-1", "reason": "ClusterFailing", "message": "x".repeat(20_000),
        "commit": {"id": "1d5ce5cd9e", "author": "Ada", "subject": "Greet"}});
    let event = poisoned(&serde_json::from_value::<TimelineEvent>(event).unwrap(), kept);
    let cluster = json!({
        "name": "eu-1", "region": "eu", "liveness": "offline", "lastReport": "2026-01-01T00:00:00Z", "agentVersion": "0.1.0", "commit": "a",
        "problems": ["bad"], "capabilities": ["gpu"], "free": {"cpu": "1"},
        "applications": [{"application": "web/hello", "departure": {"why": "drained", "stage": "held", "message": "no"}}],
    });
    let cluster: ClusterView = serde_json::from_value(cluster).unwrap();
    let block = json!({
        "name": "incident", "namespace": "web", "message": "why", "author": {"type": "user", "name": "Ada"}, "allow": [], "inForce": true,
        "applications": ["web/hello"], "overriddenBy": ["web/other"],
    });
    let block: BlockStatus = serde_json::from_value(block).unwrap();
    let mut whole = well(Vec::new(), vec![cluster.clone().overview().cluster]);
    whole.problems.push(shipper_core::intent::Problem::of_file("applications/web/x.yaml", "bad"));
    whole.conditions = status.conditions.clone();
    whole.refused = Some(shipper_core::protocol::RefusedHistory {
        branch: "refs/heads/main".to_owned(),
        commit: status.releases[0].source.clone(),
        supersedes: vec!["a".to_owned()],
    });
    let reports = |app: &str| json!({"application": app, "reports": {}});
    let of_both = [reports("web/hello"), reports("web/ev\u{1b}[2J\u{202e}il")];
    let evidence: EvidenceOfMany = serde_json::from_value(
        json!({"at": "2026-11-22T10:03:00Z", "liveness": {}, "free": {}, "items": of_both}),
    )
    .unwrap();
    let measured: Measurement = serde_json::from_value(json!({
        "at": "2026-11-22T10:03:00Z", "application": "web/hello", "release": "hello-1", "step": 0, "stepName": "half", "run": "2026-11-22T10:00:00Z",
        "cluster": "eu-1", "outcome": "failed", "gate": "failed", "wanted": [{"name": "errors", "condition": "fails if > 0.01", "count": 1}],
        "measures": [{"name": "errors", "passed": 0, "failed": 1, "unknown": 0,
            "samples": [{"at": "2026-11-22T10:01:00Z", "outcome": "failed", "measured": "0.3"}]}],
    }))
    .unwrap();
    let waited = Waited { met: true, goal: Some("failed".to_owned()), decided: None, status: status.clone() };
    let releases = ReleaseView::all(status);
    vec![
        ("applications/web/hello/events", page(vec![event.clone()])),
        ("applications/web/hello/measurements", page(vec![poisoned(&measured, kept)])),
        ("applications/web/hello/releases", page(releases.iter().map(|one| poisoned(one, kept)).collect())),
        ("evidence", json!(evidence).to_string()),
        ("applications/web/hello/wait", poisoned(&waited, kept).to_string()),
        ("applications/web/hello/why", poisoned::<Why>(&world.why(), kept).to_string()),
        ("applications/web/hello", poisoned(status, kept).to_string()),
        ("applications", page(vec![poisoned(&ApplicationSummary::of(status), kept)])),
        ("events", page(vec![event])),
        ("blocks", page(vec![poisoned(&block, kept)])),
        ("clusters/", poisoned(&cluster, kept).to_string()),
        ("clusters", page(vec![poisoned(&cluster.clone().overview(), kept)])),
        ("status", poisoned::<HubStatus>(&whole, kept).to_string()),
    ]
}

/// What a command is asked, of the hub, the repository and the folder that there are.
fn cases() -> Vec<(&'static str, Vec<&'static str>)> {
    let author = ["--author", "E\u{1b}[2Jvil <e@example.com>"];
    let commit = |arguments: &[&'static str]| [arguments, &author].concat();
    vec![
        ("status", vec![]),
        ("status", vec!["web/hello"]),
        ("status", vec![EVIL]),
        ("why", vec!["web/hello"]),
        ("watch", vec!["web/hello", "--until-done"]),
        ("wait", vec!["web/hello", "--timeout", "0s"]),
        ("wait", vec!["web/hello", "--for", "failed", "--timeout", "0s"]),
        ("events", vec![]),
        ("events", vec!["web/hello", "--watch"]),
        ("measurements", vec!["web/hello"]),
        ("measurements", vec!["web/hello", "--failed", "--release", EVIL, "--cluster", EVIL]),
        ("history", vec!["web/hello"]),
        ("diff", vec!["web/hello"]),
        ("diff", vec!["web/hello", EVIL]),
        ("promote", commit(&["web/hello", "--step", "full on"])),
        ("promote", commit(&["web/hello", "--step", EVIL])),
        ("promote", commit(&["web/hello", "--step", "full on", "--branch", BRANCH])),
        ("abort", commit(&["web/hello"])),
        ("rollback", commit(&["web/hello"])),
        ("rollback", commit(&["web/hello", "--to", EVIL])),
        ("restart", commit(&["web/hello", "-m", EVIL])),
        ("pause", commit(&["web/hello"])),
        ("resume", commit(&[EVIL])),
        ("blocks list", vec![]),
        ("blocks add", commit(&["evil", "--reason", EVIL])),
        ("blocks remove", commit(&[EVIL])),
        ("clusters list", vec![]),
        ("clusters show", vec!["eu-1"]),
        ("clusters add", commit(&[EVIL, "--region", EVIL])),
        ("clusters remove", commit(&[EVIL])),
        ("clusters cordon", commit(&["eu-1"])),
        ("clusters uncordon", commit(&[EVIL])),
        ("clusters drain", commit(&["eu-2", "-m", EVIL])),
        ("remove", commit(&["web/hello", "--branch", "bye"])),
        ("repository accept", commit(&["abcdef0123"])),
        ("plan", vec!["--head", BRANCH]),
        ("plan", vec!["--head", BRANCH, "--format", "markdown"]),
        ("plan", vec!["--head", EVIL]),
        ("hub backup", vec!["--data-dir", "/nowhere\u{1b}[2J", EVIL]),
        ("hub tokens create", vec!["--data-dir", "/nowhere\u{1b}[2J", "evil"]),
        ("hub tokens list", vec!["--data-dir", "/nowhere\u{1b}[2J"]),
        ("hub tokens revoke", vec!["--data-dir", "/nowhere\u{1b}[2J", EVIL]),
        ("hub restore", vec!["--data-dir", "/nowhere", "/nowhere\u{1b}[2J"]),
        ("render", vec!["web/hello", "--revision", BRANCH]),
        ("render", vec!["web/hello"]),
        ("render", vec![EVIL]),
        ("render", vec!["web/hello", "--release", EVIL]),
        ("lint", vec!["CLONE"]),
        ("lint", vec!["/nowhere\u{1b}[2J"]),
        ("__complete", vec!["--", "status", ""]),
    ]
}

/// What hears no word of others: its own scripts and pages, and a fleet of its own making.
const WITHOUT: [&str; 3] = ["completion", "man", "demo"];

/// Both outputs as one terminal would get them.
#[derive(Clone, Default)]
struct Both(Rc<RefCell<Vec<u8>>>);

impl Write for Both {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        // Who watches has seen enough.
        let seen = String::from_utf8_lossy(&self.0.borrow()).matches("\u{1b}[J").count();
        if seen > 1 { Err(std::io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a terminal of eighty columns, or a pipe, gets of a command.
fn printed(words: &[String], look: Look) -> (Exit, String) {
    let cli = Cli::try_parse_from(["shipperctl".to_owned()].iter().chain(words)).unwrap();
    let both = Both::default();
    let width = look.alive.then_some(80);
    let exit = shipperctl::run(&cli, &mut Terminal::new(both.clone(), both.clone(), [look; 2], width));
    let bytes = both.0.borrow().clone();
    (exit, String::from_utf8(bytes).unwrap())
}

/// Whether all of it is text, but for colours of this program and a picture that is drawn in its place; `may_break`: lines may begin
/// within text of others.
fn is_text(text: &str, may_break: bool) -> Result<(), String> {
    let own = ["0", "1", "2", "4", "31", "32", "33", "39", "38;5;9", "38;5;10", "38;5;11"]
        .map(|code| format!("\u{1b}[{code}m"));
    if text.contains("\u{1b}[31mRED") {
        return Err("colours of others are obeyed".to_owned());
    }
    let mut bare = text.to_owned();
    // A picture begins with these, each further one after the end of the last.
    bare = bare.strip_prefix("\u{1b}[2J\u{1b}[H").unwrap_or(&bare).to_owned();
    bare = bare
        .replace("\u{1b}[J\u{1b}[H", "\n")
        .replace("\u{1b}[K\n", "\n")
        .replace("\r\u{1b}[K", "\n")
        .replacen("\u{1b}[J", "", 1);
    own.iter().for_each(|sequence| bare = bare.replace(sequence, ""));
    if let Some(at) = bare.find(acts) {
        let around: String = bare[at..].chars().take(20).collect();
        return Err(format!("something acts: {around:?}"));
    }
    match bare.lines().find(|line| line.starts_with("FORGED")) {
        Some(_) if !may_break => Err("a line is of others".to_owned()),
        _ => Ok(()),
    }
}

#[test]
fn nothing_that_others_wrote_is_obeyed_by_the_terminal() {
    let fixture = Fixture::new();
    complete(cases().into_iter().map(|(name, _)| name), &WITHOUT);
    let clone = fixture.clone.display().to_string();
    let repository = fixture.bare.display().to_string();
    let looks = [Look { colours: true, alive: true }, Look::default()];
    let (mut shown, mut wrong) = (0, Vec::new());
    for mood in [Mood::Words, Mood::Messages, Mood::Page, Mood::Problem, Mood::Nonsense] {
        let hub = fixture.hub(mood);
        for (name, arguments) in cases() {
            let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
            words.splice(
                0..0,
                ["--hub".to_owned(), hub.clone(), "--repository".to_owned(), repository.clone()],
            );
            words.extend(
                arguments
                    .iter()
                    .map(|word| if *word == "CLONE" { clone.clone() } else { (*word).to_owned() }),
            );
            let mut forms = vec![None];
            let told = arguments.contains(&"--format") || !matches!(mood, Mood::Words | Mood::Messages);
            if prints_in_forms(name) && !told {
                forms.extend(["wide", "json", "yaml", "name"].map(Some));
            }
            for form in forms {
                for look in looks {
                    let output = form.map(|form| format!("--output={form}"));
                    let at = if name == "__complete" { 4 } else { 4 + name.split(' ').count() };
                    let mut words = words.clone();
                    words.splice(at..at, output);
                    let (_, text) = printed(&words, look);
                    // A long cell goes on in the next line of its column, and YAML has lines of its own.
                    let lines = look.alive || matches!(form, Some("yaml"));
                    if let Err(why) = is_text(&text, lines) {
                        wrong.push(format!("{mood:?} {name} {form:?} {look:?}: {why}\n{text}"));
                    }
                    shown += usize::from(text.contains("FORGED"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of others act:\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(shown > 200, "what others wrote is shown, as text: {shown}");
    drop(fixture.directory);
}

/// What people put into blocks and values, and agents and API servers into problems, is told to the letter, and harmless.
#[test]
fn values_blocks_and_problems_are_shown_as_text() {
    let fixture = Fixture::new();
    let hub = fixture.hub(Mood::Messages);
    let repository = fixture.bare.display().to_string();
    for (arguments, words) in [
        (["blocks", "list"].as_slice(), "why"),
        (&["clusters", "show", "eu-1"], "bad"),
        (&["status", "web/hello"], "denied"),
        (&["measurements", "web/hello"], "0.3"),
        (&["diff", "web/hello"], "more: \""),
        (&["render", "web/hello", "--revision", BRANCH], "more: \""),
        (&["plan", "--head", BRANCH], "more: \""),
    ] {
        let common = ["--hub", &hub, "--repository", &repository];
        let line: Vec<String> = common.iter().chain(arguments).map(|word| (*word).to_owned()).collect();
        let (_, text) = printed(&line, Look::default());
        // YAML has an escape of its own for what it cannot hold.
        let escapes = ["\\u{1b}[2J", "\\e[2J", "\\x1B[2J"];
        let told = text.lines().filter_map(|line| line.split_once(words));
        let told = told.filter(|(_, rest)| escapes.iter().any(|escape| rest.contains(escape))).count();
        assert!(told > 0, "{arguments:?}: {text}");
        is_text(&text, false).unwrap_or_else(|why| panic!("{arguments:?}: {why}\n{text}"));
    }
}

/// A live picture is drawn over itself, whatever it says, and never grows beyond the screen.
#[test]
fn a_live_picture_stays_in_its_place() {
    let fixture = Fixture::new();
    let hub = fixture.hub(Mood::Messages);
    let words = ["--hub", &hub, "status", "web/hello", "--watch"].map(str::to_owned);
    let (exit, text) = printed(&words, Look { colours: true, alive: true });
    assert_eq!(exit, Exit::Ok, "{text}");
    assert_eq!(text.matches("\u{1b}[2J").count(), 1, "{text:?}");
    assert!(text.contains("FORGED"), "{text}");
}

/// What programs read is what was written, to the letter.
#[test]
fn json_and_yaml_lose_nothing() {
    let fixture = Fixture::new();
    let hub = fixture.hub(Mood::Words);
    let event = |form: &str| {
        let words = ["--hub", &hub, "events", "-o", form].map(str::to_owned);
        printed(&words, Look::default()).1
    };
    let json: Value = serde_json::from_str(&event("json")).unwrap();
    assert!(json[0]["message"].as_str().unwrap().ends_with(EVIL), "{json:#}");
    let yaml = shipper_core::yaml::read_documents(event("yaml").as_bytes()).unwrap();
    assert_eq!(yaml[0], json);
}

/// Servers of others: what they answer is told as text. So is what was typed.
#[test]
fn errors_of_servers_and_of_the_command_line_are_text() {
    let fixture = Fixture::new();
    let server = fixture.hub(Mood::Page);
    let author = ["--author", "Ada <ada@example.com>"];
    for repository in [format!("{server}/fleet\u{1b}[2J.git"), format!("{server}/fleet.git"), EVIL.to_owned()]
    {
        let words = ["pause", "web/hello", "--repository", &repository].map(str::to_owned);
        let words: Vec<String> = words.into_iter().chain(author.map(str::to_owned)).collect();
        let (exit, text) = printed(&words, Look::default());
        assert_ne!(exit, Exit::Ok);
        is_text(&text, false).unwrap_or_else(|why| panic!("{why}: {text:?}"));
    }
    for hub in ["http://e\u{1b}[2Jvil\u{202e}".to_owned(), "http://127.0.0.1:1/\u{9b}5A".to_owned()] {
        let (_, text) = printed(&["status".to_owned(), "--hub".to_owned(), hub], Look::default());
        is_text(&text, false).unwrap_or_else(|why| panic!("{why}: {text:?}"));
    }
    let slip = Command::new(env!("CARGO_BIN_EXE_shipperctl")).arg(EVIL).output().unwrap();
    let said = String::from_utf8(slip.stderr).unwrap();
    assert_eq!(slip.status.code(), Some(i32::from(Exit::Usage as u8)));
    assert!(said.contains("RED"), "{said}");
    is_text(&said, true).unwrap_or_else(|why| panic!("{why}: {said:?}"));
}

/// A plan becomes a comment: nothing of others is a link, a mention, a heading or the end of a fence in it.
#[test]
fn a_comment_has_no_mark_of_others() {
    let fixture = Fixture::new();
    let hub = fixture.hub(Mood::Messages);
    let repository = fixture.bare.display().to_string();
    let words =
        ["--hub", &hub, "--repository", &repository, "plan", "--head", BRANCH, "--format", "markdown"];
    let (_, text) = printed(&words.map(str::to_owned), Look::default());
    assert!(text.contains("everyone") && text.contains("`diff\n"), "{text}");
    let (mut fence, mut inside) = (String::new(), false);
    for line in text.lines() {
        if inside {
            inside = line != fence;
            continue;
        }
        if line.starts_with("```") {
            fence = line.trim_end_matches("diff").to_owned();
            inside = true;
            continue;
        }
        assert!(!line.contains("<script"), "{line}");
        let outside = without_code(line);
        assert!(!outside.contains(['@', '`', '[']), "{line}");
    }
    assert!(!inside, "a fence is left open");
}

/// A line without its code spans.
fn without_code(line: &str) -> String {
    let mut rest = line.to_owned();
    while let Some(start) = rest.find('`') {
        let run = rest[start..].chars().take_while(|c| *c == '`').count();
        let fence = "`".repeat(run);
        let after = &rest[start + run..];
        let Some(end) = after.find(&fence) else { return rest };
        let tail = after[end + run..].to_owned();
        rest.truncate(start);
        rest.push_str(&tail);
    }
    rest
}
