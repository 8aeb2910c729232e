//! `lint` finds what the hub would refuse, and what does not fit together.

use std::path::Path;

use crate::support::{git, run, write};
use shipper_core::intent::Problem;
use shipperctl::demo::FILES;
use shipperctl::exit::Exit;

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/demo")
}

fn files_below(root: &Path, at: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(root.join(at)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        if root.join(&path).is_dir() { files_below(root, &path, found) } else { found.push(path) }
    }
}

/// [A4] The examples of docs/analysis.md.
#[test]
fn the_example_of_analyses_is_clean() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/analysis");
    let done = run(["lint", example.to_str().unwrap()]);
    assert_eq!((done.exit, done.out.as_str()), (Exit::Ok, ""), "{}", done.err);
}

#[test]
fn the_example_is_clean_and_all_of_it_is_in_the_demo() {
    let done = run(["lint", example().to_str().unwrap()]);
    assert_eq!((done.exit, done.out.as_str()), (Exit::Ok, ""), "{}", done.err);
    let mut files = Vec::new();
    files_below(&example(), "", &mut files);
    files.sort();
    let mut built_in: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
    built_in.sort_unstable();
    assert_eq!(files, built_in);
}

#[test]
fn the_example_of_placement_is_clean() {
    let placement = example().with_file_name("placement");
    let done = run(["lint", placement.to_str().unwrap()]);
    assert_eq!((done.exit, done.out.as_str()), (Exit::Ok, ""), "{}", done.err);
}

const APPLICATION: &str = "\
apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {name: shop, namespace: web}
spec:
  template:
    chart: {path: charts/shop}
    strategyRef: carefull
    overrides:
    - clusters: {names: [mars]}
      values: {a: 1}
    clusterRequirements: {regions: [{name: eu, replicas: 9}]}
";

#[test]
fn references_that_lead_nowhere_are_errors_and_empty_selections_warnings() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), FILES);
    write(
        directory.path(),
        &[("applications/web/shop.yaml", APPLICATION), ("applications/stray.yaml", "a: 1\n")],
    );
    let done = run(["lint", directory.path().to_str().unwrap()]);
    assert_eq!(done.exit, Exit::Failure);
    insta::assert_snapshot!(done.out);
    let json = run(["lint", directory.path().to_str().unwrap(), "-o", "json"]);
    let problems: Vec<Problem> = serde_json::from_str(&json.out).unwrap();
    assert_eq!(problems.len(), done.out.lines().count());
}

/// [B2] An override that names no block is found before the commit.
#[test]
fn an_override_without_its_block_is_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), FILES);
    let path = "applications/web/hello.yaml";
    let text = FILES.iter().find(|(name, _)| *name == path).unwrap().1;
    let annotated = "metadata:\n  annotations: {shipper.dev/rollout-block.override: 'freeze, web/gone'}\n";
    let block = "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: freeze}\nspec: {message: m, author: {type: user, name: jo}}\n";
    let text = text.replacen("metadata:\n", annotated, 1);
    write(directory.path(), &[(path, &text), ("blocks/freeze.yaml", block)]);
    let done = run(["lint", directory.path().to_str().unwrap()]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    let expected =
        "metadata.annotations.shipper.dev/rollout-block.override: there is no rollout block web/gone;";
    assert!(done.out.contains(expected) && done.out.lines().count() == 1, "{}", done.out);
}

/// [M1] A misspelt order is found before the commit; one for a release that has other steps is the hub's to judge, and only a warning.
#[test]
fn an_order_to_a_step_that_the_strategy_does_not_have_is_a_warning() {
    let path = "applications/web/hello.yaml";
    let text = FILES.iter().find(|(name, _)| *name == path).unwrap().1;
    let linted = |step: &str, strategy: &str| {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), FILES);
        let order = format!("spec:\n  rollout: {{release: hello-nope-0, targetStep: {step}}}\n");
        let text = text.replacen("spec:\n", &order, 1).replace("    strategyRef: careful\n", strategy);
        write(directory.path(), &[(path, &text)]);
        let done = run(["lint", directory.path().to_str().unwrap()]);
        assert_eq!(done.exit, Exit::Ok, "{}{}", done.out, done.err);
        done.out
    };
    let shared = "    strategyRef: careful\n";
    let misspelt = linted("hlaf", shared);
    let words =
        "warning: spec.rollout.targetStep: strategies/careful.yaml has no step \"hlaf\"; did you mean half?";
    assert!(misspelt.contains(words) && misspelt.lines().count() == 1, "{misspelt}");
    assert!(linted("3", shared).contains("has no step 3; indices count from 0, and the last is 2"));
    assert!(linted("half", "").contains("without a strategy has no step \"half\"; there are full on"));
    assert_eq!(linted("half", shared) + &linted("2", shared) + &linted("full on", ""), "");
}

/// [B1]
#[test]
fn a_block_that_cannot_be_read_is_told_with_what_it_stops() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), FILES);
    let of_web = "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: a, namespace: web}\nspec: {}\n";
    write(directory.path(), &[("blocks/bad.yaml", "a: [1\n"), ("blocks/web/a.yaml", of_web)]);
    let done = run(["lint", directory.path().to_str().unwrap()]);
    assert_eq!(done.exit, Exit::Failure);
    for expected in [
        "blocks/bad.yaml: cannot be read, and on main stops every application of the fleet until",
        "blocks/web/a.yaml: cannot be read, and on main stops every application of the namespace web until",
    ] {
        assert!(done.out.contains(expected), "{expected} is not in\n{}", done.out);
    }
}

#[test]
fn links_twins_and_files_that_do_not_parse_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), FILES);
    let twin = FILES.iter().find(|(path, _)| *path == "clusters/eu-1.yaml").unwrap().1;
    write(directory.path(), &[("clusters/eu-1.yml", twin), ("strategies/bad.yaml", "a: [1\n")]);
    std::os::unix::fs::symlink("eu-1.yaml", directory.path().join("clusters/link.yaml")).unwrap();
    let done = run(["lint", directory.path().to_str().unwrap()]);
    assert_eq!(done.exit, Exit::Failure);
    for expected in [
        "clusters/eu-1.yml: is Cluster eu-1",
        "clusters/link.yaml: is a symbolic link",
        "strategies/bad.yaml",
    ] {
        assert!(done.out.contains(expected), "{expected} is not in\n{}", done.out);
    }
}

#[test]
fn a_commit_and_a_bare_repository_are_checked_without_a_work_tree() {
    let directory = tempfile::tempdir().unwrap();
    let (work, bare) = (directory.path().join("work"), directory.path().join("bare.git"));
    write(&work, FILES);
    git(&work, &["init", "-q", "-b", "main"]);
    git(&work, &["add", "-A"]);
    git(&work, &["commit", "-q", "-m", "good"]);
    write(&work, &[("applications/web/shop.yaml", APPLICATION)]);
    assert_eq!(run(["lint", work.to_str().unwrap()]).exit, Exit::Failure, "as it is on disk");
    assert_eq!(run(["lint", work.to_str().unwrap(), "--revision", "HEAD"]).exit, Exit::Ok);
    git(directory.path(), &["clone", "-q", "--bare", work.to_str().unwrap(), bare.to_str().unwrap()]);
    assert_eq!(run(["lint", bare.to_str().unwrap()]).exit, Exit::Ok);
    let unknown = run(["lint", bare.to_str().unwrap(), "--revision", "nowhere"]);
    assert!(unknown.exit == Exit::Failure && unknown.err.contains("no commit nowhere"), "{}", unknown.err);
}

#[test]
fn a_folder_that_is_no_fleet_repository_is_no_success() {
    let directory = tempfile::tempdir().unwrap();
    let done = run(["lint", directory.path().to_str().unwrap()]);
    assert!(done.exit == Exit::Failure && done.err.contains("is it a fleet repository?"), "{}", done.err);
}
