//! Bad files and charts that do not render stop only themselves [I1, I2, I3].

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::{Context, Result, ensure};
use shipper_core::condition::{ConditionType, Reason};
use shipper_core::intent::Severity;
use shipper_core::protocol::HubStatus;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::{Options, Scene};

use super::neighbours::{NOTES, without_strategy};
use super::story::{APP, SOON};

/// What is wrong with an Application: its name, text in its file, what that becomes, what must be said of it.
const EDITS: [(&str, &str, &str, &str); 16] = [
    ("duplicate-key", "kind: Application\n", "kind: Application\nkind: Application\n", "duplicate"),
    ("unknown-field", "  template:", "  templete:", "template"),
    ("wrong-type", "spec:\n", "spec:\n  revisionHistoryLimit: many\n", "many"),
    ("no-label", "name: no-label", "name: No_Label", "No_Label"),
    ("percentage", "capacity: {contender: 100", "capacity: {contender: 101", "101"),
    ("weight", "traffic: {contender: 100", "traffic: {contender: -1", "-1"),
    ("no-capacity", "capacity: {contender: 100", "capacity: {contender: 0", "capacity"),
    ("surge", "      steps:", "      surge: 0\n      steps:", "surge"),
    (
        "no-steps",
        "      steps:\n      - name: all\n        capacity: {contender: 100, incumbent: 0}\n        traffic: {contender: 100, incumbent: 0}\n",
        "      steps: []\n",
        "steps",
    ),
    ("same-steps", "      steps:\n", "      steps:\n      - name: all\n", "all"),
    ("numeric-step", "name: all", "name: \"7\"", "7"),
    (
        "regions",
        "  template:\n",
        "  template:\n    clusterRequirements: {regions: [{name: eu}, {name: eu}]}\n",
        "eu",
    ),
    ("alias-bomb", "  template:\n", BOMB, "alias"),
    ("nul", "kind: Application\n", "kind: Application\0\n", "NUL"),
    ("lfs", ALL, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "LFS"),
    (
        "warned",
        "capacity: {contender: 100, incumbent: 0}",
        "capacity: {contender: 100, incumbent: 50}",
        "incumbent",
    ),
];
const ALL: &str = "";
const BOMB: &str = "  a: &a [x, x, x, x, x, x, x, x, x, x]\n  b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n  c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n  d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n  e: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n  template:\n";

/// What cannot become a release: its name, its manifests (or template of a chart), what must be said of it.
const RENDERINGS: [(&str, &str, &str); 5] = [
    ("does-not-render", "{{ fail \"the moon is full\" }}\n", "the moon is full"),
    ("nothing", "# nothing\n", "nothing"),
    ("no-service", NO_SERVICE, "Service"),
    ("two-services", TWO_SERVICES, "shipper.dev/traffic"),
    ("outside", "apiVersion: v1\nkind: Namespace\nmetadata: {name: elsewhere}\n", "allowClusterScope"),
];
const NO_SERVICE: &str = include_str!("files/no-service.yaml");
const TWO_SERVICES: &str =
    concat!(include_str!("files/notes.yaml"), include_str!("files/another-service.yaml"));

/// TestInvalidChartApp.
#[tokio::test]
async fn what_is_refused_says_why_and_holds_nobody_up() {
    let scene = Scene::start(Options::named("refused")).await.unwrap();
    write_all(&scene).unwrap();
    scene.commit(&[(&scene.file(APP), &without_strategy(&scene))], "Add good and bad").unwrap();

    // The one that is good goes its way, twice.
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    scene.wait_until(APP, &v1, 0, WaitingFor::None, SOON).await.unwrap();
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::None, SOON).await.unwrap();

    let hub = scene.hub().status().await.unwrap();
    let text = scene.shipperctl(&["status"]).await.unwrap();
    let lint = scene.shipperctl_output(&["lint"]).await.unwrap();
    assert!(!lint.status.success(), "lint accepts all of this");
    let lint = String::from_utf8_lossy(&lint.stdout).into_owned() + &String::from_utf8_lossy(&lint.stderr);
    let mut wrong = Vec::new();
    for (file, said) in expected(&scene) {
        let severity = if file.contains("warned") { Severity::Warning } else { Severity::Error };
        wrong.extend(problem(&hub, &file, severity, said).err().map(|error| format!("hub: {error:#}")));
        for (teller, text) in [("status", &text), ("lint", &lint)] {
            let line = text.lines().find(|line| line.contains(&file));
            let told = line.is_some_and(|line| line.contains(said));
            wrong.extend((!told).then(|| format!("{teller} says of {file}: {line:?}, not {said:?}")));
        }
    }
    assert!(wrong.is_empty(), "{}\n\n{text}\n\n{lint}", wrong.join("\n"));
    scene.reached(&format!("{} files are refused or warned about:\n{text}", expected(&scene).len()));

    for (app, _, said) in RENDERINGS {
        let failed = eventually(SOON, async || {
            let status = scene.status(app).await?;
            let release = status.releases.first().context("no release")?;
            Ok::<_, anyhow::Error>(release.failed.clone().context("it has not failed")?.message)
        })
        .await;
        scene.reached(&format!("{app}: {failed}"));
        assert!(failed.contains(said), "{app}: {failed}");
        let shown = scene.shipperctl(&["status", app]).await.unwrap();
        assert!(shown.contains(said), "{shown}");
    }
}

#[tokio::test]
async fn the_last_good_version_stays_in_force() {
    let scene = Scene::start(Options::named("last-good")).await.unwrap();
    scene.commit(&[(&scene.file(APP), &without_strategy(&scene))], "Add the shop").unwrap();
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    scene.wait_until(APP, &v1, 0, WaitingFor::None, SOON).await.unwrap();

    let broken = scene.edit(APP, "      tag: v1", "      tag: v2\n      tag: v3").unwrap();
    eventually(SOON, async || {
        let status = scene.status(APP).await?;
        let valid = status.conditions.iter().find(|condition| condition.kind == ConditionType::Valid);
        let valid = valid.context("no condition")?;
        ensure!(valid.reason == Reason::InvalidFile, "{valid:?}");
        ensure!(valid.observed_revision.as_ref() == Some(&broken), "{valid:?}");
        ensure!(status.releases.len() == 1, "{:?}", status.releases);
        anyhow::Ok(())
    })
    .await;
    scene.edit(APP, "      tag: v2\n      tag: v3", "      tag: v3").unwrap();
    let v3 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v3, 0, WaitingFor::None, SOON).await.unwrap();
}

/// Every file that is refused, or warned about, and what must be said of it.
fn expected(scene: &Scene) -> Vec<(String, &'static str)> {
    let edits = EDITS.iter().map(|(app, .., said)| (scene.file(app), *said));
    let others = [
        ("symlink", "symbolic link"),
        ("submodule", "submodule"),
        ("large", "1048576"),
        ("deep", "64"),
        ("not-utf8", "UTF-8"),
        ("twice", "twice.yml"),
    ];
    edits.chain(others.map(|(app, said)| (scene.file(app), said))).collect()
}

fn write_all(scene: &Scene) -> Result<()> {
    let good = |app: &str| application(scene, app, "manifests:\n      path: apps/notes");
    scene.desk.write("apps/notes/all.yaml", NOTES)?;
    for (app, old, new, _) in EDITS {
        let text = good(app);
        let text = if old == ALL { new.to_owned() } else { text.replacen(old, new, 1) };
        ensure!(text != good(app), "{old:?} is not in {text}");
        scene.desk.write(&scene.file(app), &text)?;
    }
    for app in ["twice", "large", "deep"] {
        let more = match app {
            "large" => format!("# {}\n", "x".repeat(1 << 20)),
            "deep" => format!("  deep: {}{}\n", "[".repeat(80), "]".repeat(80)),
            _ => String::new(),
        };
        scene.desk.write(&scene.file(app), &(good(app) + &more))?;
    }
    scene.desk.write(&scene.file("twice").replace(".yaml", ".yml"), &good("twice"))?;
    let path = |app: &str| scene.desk.path().join(scene.file(app));
    fs::write(path("not-utf8"), [good("not-utf8").as_bytes(), b"# \xff\xfe\n"].concat())?;
    symlink("shop.yaml", path("symlink"))?;
    let commit = scene.desk.git(["rev-parse", "HEAD"])?;
    fs::create_dir(path("submodule"))?;
    scene.desk.git(["update-index", "--add", "--cacheinfo", "160000", &commit, &scene.file("submodule")])?;

    for (app, text, _) in RENDERINGS {
        if app == "does-not-render" {
            let chart = format!("apiVersion: v2\nname: {app}\nversion: 1.0.0\n");
            scene.desk.write(&format!("charts/{app}/Chart.yaml"), &chart)?;
            scene.desk.write(&format!("charts/{app}/templates/all.yaml"), text)?;
            let source = format!("chart:\n      path: charts/{app}");
            scene.desk.write(&scene.file(app), &application(scene, app, &source))?;
        } else {
            scene.desk.write(&format!("apps/{app}/all.yaml"), text)?;
            let source = format!("manifests:\n      path: apps/{app}");
            scene.desk.write(&scene.file(app), &application(scene, app, &source))?;
        }
    }
    Ok(())
}

fn application(scene: &Scene, app: &str, source: &str) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata:\n  name: {app}\n  namespace: {}\nspec:\n  template:\n    {source}\n    strategy:\n      steps:\n      - name: all\n        capacity: {{contender: 100, incumbent: 0}}\n        traffic: {{contender: 100, incumbent: 0}}\n",
        scene.namespace
    )
}

fn problem(hub: &HubStatus, file: &str, severity: Severity, said: &str) -> Result<()> {
    let problems: Vec<String> = hub
        .problems
        .iter()
        .filter(|p| p.file == file && p.severity == severity)
        .map(ToString::to_string)
        .collect();
    ensure!(problems.iter().any(|problem| problem.contains(said)), "{file}: {problems:?}, not {said:?}");
    Ok(())
}
