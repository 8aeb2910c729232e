//! Every refusal of [I2] that a single file can show, in the words a person reads.

use super::*;

/// [I1] All of it at once, in the order of the file.
#[test]
fn everything_wrong_with_a_file_is_told_at_once() {
    insta::assert_snapshot!(application("\
apiVersion: shipper.dev/v1alpha1
kind: Application
metadata:
  name: Other_App
  namespace: webb
  labels: {team: 7, good: yes}
spec:
  revisionHistoryLimit: 0
  template:
    chart: {name: nginx, version: 1.2, repoURL: https://charts.example.com}
    strategy:
      steps:
      - name: half
        capasity: {contender: 50}
        traffic: {contender: ten}
      - name: half
        capacity: {contender: 101, incumbent: 0}
        name: third
  rolout: {}
"), @r#"
    applications/web/app.yaml:4:9: metadata.name: "Other_App" is not a DNS label: at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit
    applications/web/app.yaml:5:14: metadata.namespace: "webb" does not agree with the path, which says "web"
    applications/web/app.yaml:6:18: metadata.labels.team: expected text, found the number 7; put it in quotes
    applications/web/app.yaml:6:27: metadata.labels.good: expected text, found true; put it in quotes
    applications/web/app.yaml:8:25: spec.revisionHistoryLimit: expected a whole number from 1 to 1000, found 0
    applications/web/app.yaml:10:12: spec.template.chart.repoUrl: is missing; a chart with a `name` comes from a repository
    applications/web/app.yaml:10:35: spec.template.chart.version: expected text, found the number 1.2; put it in quotes
    applications/web/app.yaml:10:40: spec.template.chart.repoURL: unknown field `repoURL`, did you mean `repoUrl`?
    applications/web/app.yaml:14:9: spec.template.strategy.steps[0].capasity: unknown field `capasity`, did you mean `capacity`?
    applications/web/app.yaml:15:30: spec.template.strategy.steps[0].traffic.contender: expected a whole number of at least 0, found text "ten"
    applications/web/app.yaml:17:31: spec.template.strategy.steps[1].capacity.contender: expected a whole number from 0 to 100, found 101
    applications/web/app.yaml:18:9: spec.template.strategy.steps[1].name: duplicate key "name", first given on line 16; keep one
    applications/web/app.yaml:19:3: spec.rolout: unknown field `rolout`, did you mean `rollout`?
    "#);
}

#[test]
fn unknown_fields_name_the_nearest_known_one_or_where_they_belong() {
    insta::assert_snapshot!(spec(&format!("{{tmplate: {{}}, template: {{{CHART}}}}}")), @"applications/web/app.yaml:2:8: spec.tmplate: unknown field `tmplate`, did you mean `template`?");
    insta::assert_snapshot!(spec(&format!("{{template: {{{CHART}}}, strategyRef: a}}")), @"applications/web/app.yaml:2:47: spec.strategyRef: unknown field `strategyRef` here; it belongs into `spec.template`");
    insta::assert_snapshot!(template(&format!("{{{CHART}, zzz: 1}}")), @"applications/web/app.yaml:2:46: spec.template.zzz: unknown field `zzz`; known here: chart, manifests, values, overrides, clusterRequirements, strategy, strategyRef");
    insta::assert_snapshot!(template("{chart: {path: charts/app, RepoURL: 'https://a'}}"), @"applications/web/app.yaml:2:45: spec.template.chart.RepoURL: unknown field `RepoURL`, did you mean `repoUrl`?");
    insta::assert_snapshot!(problems("clusters/eu.yaml", "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu, label: {}}\nspec: {region: eu, unschedulable: true}\n"), @r#"
    clusters/eu.yaml:3:22: metadata.label: unknown field `label`, did you mean `labels`?
    clusters/eu.yaml:4:20: spec.unschedulable: unknown field `unschedulable` here; it belongs into `spec.scheduler`
    "#);
}

/// [M1, M13] An order names a release and a step; a pause needs neither.
#[test]
fn an_order_is_whole_and_a_pause_stands_by_itself() {
    let rollout = |fields: &str| spec(&format!("{{template: {{{CHART}}}, rollout: {{{fields}}}}}"));
    assert_eq!(rollout("paused: true"), "");
    assert_eq!(
        rollout("release: a, targetStep: 1, paused: true, skipGates: true, adoptStrategy: s-0a1b2c3d"),
        ""
    );
    insta::assert_snapshot!(rollout("release: a"), @"applications/web/app.yaml:2:56: spec.rollout.targetStep: is missing beside `release`; name the step to go to, or the one the release is at");
    insta::assert_snapshot!(rollout("targetStep: half"), @"applications/web/app.yaml:2:56: spec.rollout.release: is missing beside `targetStep`; name the release that is to go there");
    insta::assert_snapshot!(rollout("paused: yes please, skipGates: true, adoptStrategy: s-0a1b2c3d, request: again"), @r#"
    applications/web/app.yaml:2:65: spec.rollout.paused: expected true or false, found text "yes please"
    applications/web/app.yaml:2:88: spec.rollout.skipGates: says nothing without `release` and `targetStep`; give both
    applications/web/app.yaml:2:109: spec.rollout.adoptStrategy: says nothing without `release` and `targetStep`; give both
    applications/web/app.yaml:2:130: spec.rollout.request: says nothing without `release` and `targetStep`; give both
    "#);
    insta::assert_snapshot!(spec(&format!("{{template: {{{CHART}}}, rollback: slowly}}")), @r#"applications/web/app.yaml:2:57: spec.rollback: expected atOnce or steps, found text "slowly""#);
}

#[test]
fn wrong_types_are_told_in_words() {
    insta::assert_snapshot!(spec("[]"), @"applications/web/app.yaml:2:7: spec: expected a mapping, found a list");
    insta::assert_snapshot!(spec("{template: }"), @"applications/web/app.yaml:2:16: spec.template: is empty; `template` is required");
    insta::assert_snapshot!(spec("{}"), @"applications/web/app.yaml:2:7: spec.template: is required and missing");
    insta::assert_snapshot!(
        spec(&format!("{{template: {{{CHART}, values: [1], overrides: {{}}, clusterRequirements: {{regions: [eu], capabilities: gpu}}}}, restart: 2026, createNamespace: 'true', traffic: mesh}}")), @r#"
    applications/web/app.yaml:2:54: spec.template.values: expected a mapping, found a list
    applications/web/app.yaml:2:70: spec.template.overrides: expected a list, found a mapping
    applications/web/app.yaml:2:106: spec.template.clusterRequirements.regions[0]: expected a mapping, found text "eu"
    applications/web/app.yaml:2:125: spec.template.clusterRequirements.capabilities: expected a list, found text "gpu"
    applications/web/app.yaml:2:141: spec.restart: expected text, found the number 2026; put it in quotes
    applications/web/app.yaml:2:164: spec.createNamespace: expected true or false, found text "true"
    applications/web/app.yaml:2:181: spec.traffic: expected podLabels or none, found text "mesh"
    "#);
    insta::assert_snapshot!(
        spec(&format!("{{template: {{{CHART}}}, rollout: {{release: '', targetStep: -1}}}}")), @r#"
    applications/web/app.yaml:2:66: spec.rollout.release: expected text, found empty text
    applications/web/app.yaml:2:82: spec.rollout.targetStep: expected the name of a step, or its index from 0, found the number -1
    "#);
    insta::assert_snapshot!(
        spec(&format!("{{template: {{{CHART}, strategyRef: Big}}, rollout: {{release: [a], targetStep: 1.5}}}}")), @r#"
    applications/web/app.yaml:2:59: spec.template.strategyRef: "Big" is not a DNS label: at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit
    applications/web/app.yaml:2:84: spec.rollout.release: expected text, found a list
    applications/web/app.yaml:2:101: spec.rollout.targetStep: expected the name of a step, or its index from 0, found the number 1.5
    "#);
    insta::assert_snapshot!(template(&format!("{{{CHART}, clusterRequirements: {{regions: [{{}}, {{name: eu, replicas: -1}}]}}}}")), @r#"
    applications/web/app.yaml:2:78: spec.template.clusterRequirements.regions[0].name: is required and missing
    applications/web/app.yaml:2:103: spec.template.clusterRequirements.regions[1].replicas: expected a whole number of at least 0, found -1
    "#);
}

#[test]
fn a_template_has_a_chart_or_manifests_and_at_most_one_strategy() {
    insta::assert_snapshot!(template("{values: {a: 1}}"), @"applications/web/app.yaml:2:18: spec.template: has neither `chart` nor `manifests`; give one of them");
    insta::assert_snapshot!(template(&format!("{{{CHART}, manifests: {{path: apps/app}}}}")), @"applications/web/app.yaml:2:57: spec.template.manifests: given beside `chart`; keep one of them");
    insta::assert_snapshot!(template("{manifests: {path: apps/app}, values: {a: 1}, overrides: [{clusters: {}}]}"), @r#"
    applications/web/app.yaml:2:56: spec.template.values: is for charts; plain manifests take no values
    applications/web/app.yaml:2:75: spec.template.overrides: is for charts; plain manifests take no values
    "#);
    insta::assert_snapshot!(template("{manifests: {}}"), @"applications/web/app.yaml:2:30: spec.template.manifests.path: is required and missing");
    insta::assert_snapshot!(template("{chart: {version: '1'}}"), @"applications/web/app.yaml:2:26: spec.template.chart: has neither `path` (a folder of this repository) nor `name` (in the repository `repoUrl`); give one of them");
    insta::assert_snapshot!(template("{chart: {name: nginx}}"), @"applications/web/app.yaml:2:26: spec.template.chart.repoUrl: is missing; a chart with a `name` comes from a repository");
    insta::assert_snapshot!(template("{chart: {path: a, name: nginx, version: '1'}}"), @r#"
    applications/web/app.yaml:2:42: spec.template.chart.name: given beside `path`; a chart of this repository has only a path
    applications/web/app.yaml:2:58: spec.template.chart.version: given beside `path`; a chart of this repository has only a path
    "#);
    insta::assert_snapshot!(template("{chart: {name: nginx, repoUrl: 'file:///charts'}}"), @r#"applications/web/app.yaml:2:49: spec.template.chart.repoUrl: expected a URL that begins with https://, http:// or oci://, found "file:///charts""#);
    insta::assert_snapshot!(template(&format!("{{{CHART}, strategy: {{steps: [{{name: a}}]}}, strategyRef: b}}")), @"applications/web/app.yaml:2:91: spec.template.strategyRef: given beside `strategy`; keep one of them");
    insta::assert_snapshot!(template(&format!("{{{CHART}, strategy: {{steps: []}}}}")), @"applications/web/app.yaml:2:64: spec.template.strategy.steps: has no steps; leave `strategy` out to roll out in one step");
    insta::assert_snapshot!(template(&format!("{{{CHART}, strategy: {{}}}}")), @"applications/web/app.yaml:2:56: spec.template.strategy.steps: is required and missing");
}

#[test]
fn paths_stay_in_the_repository() {
    let path = |path: &str| template(&format!("{{chart: {{path: '{path}'}}}}"));
    insta::assert_snapshot!(path("/etc"), @r#"applications/web/app.yaml:2:33: spec.template.chart.path: "/etc" is absolute; a path begins at the root of the repository, without `/`"#);
    insta::assert_snapshot!(path("charts/../../etc"), @r#"applications/web/app.yaml:2:33: spec.template.chart.path: "charts/../../etc" is not a path within the repository: no part may be empty, `.` or `..`, or have a backslash"#);
    insta::assert_snapshot!(path("a//b"), @r#"applications/web/app.yaml:2:33: spec.template.chart.path: "a//b" is not a path within the repository: no part may be empty, `.` or `..`, or have a backslash"#);
    insta::assert_snapshot!(path("a\\b"), @r#"applications/web/app.yaml:2:33: spec.template.chart.path: "a\\b" is not a path within the repository: no part may be empty, `.` or `..`, or have a backslash"#);
    insta::assert_snapshot!(path("."), @r#"applications/web/app.yaml:2:33: spec.template.chart.path: "." is not a path within the repository: no part may be empty, `.` or `..`, or have a backslash"#);
    insta::assert_snapshot!(path(""), @r#"applications/web/app.yaml:2:33: spec.template.chart.path: "" is not a path within the repository: no part may be empty, `.` or `..`, or have a backslash"#);
    insta::assert_snapshot!(template("{manifests: {path: ..}}"), @r#"applications/web/app.yaml:2:37: spec.template.manifests.path: ".." is not a path within the repository: no part may be empty, `.` or `..`, or have a backslash"#);
}

#[test]
fn regions_and_capabilities_are_listed_once() {
    insta::assert_snapshot!(
        template(&format!("{{{CHART}, clusterRequirements: {{regions: [{{name: eu}}, {{name: us}}, {{name: eu}}],\n capabilities: [gpu, ssd, gpu]}}}}")), @r#"
    applications/web/app.yaml:2:109: spec.template.clusterRequirements.regions[2].name: "eu" is listed twice, first on line 2
    applications/web/app.yaml:3:27: spec.template.clusterRequirements.capabilities[2]: "gpu" is listed twice, first on line 3
    "#);
    insta::assert_snapshot!(
        template(&format!("{{{CHART}, overrides: [{{clusters: {{names: [a, a], regions: [eu, eu]}}}}]}}")), @r#"
    applications/web/app.yaml:2:81: spec.template.overrides[0].clusters.names[1]: "a" is listed twice, first on line 2
    applications/web/app.yaml:2:99: spec.template.overrides[0].clusters.regions[1]: "eu" is listed twice, first on line 2
    "#);
    insta::assert_snapshot!(
        problems("clusters/eu.yaml", "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu}\nspec: {capabilities: [a, b, a]}\n"), @r#"clusters/eu.yaml:4:29: spec.capabilities[2]: "a" is listed twice, first on line 4"#);
}

#[test]
fn the_history_limit_has_a_range() {
    insta::assert_snapshot!(spec(&format!("{{template: {{{CHART}}}, revisionHistoryLimit: 0}}")), @"applications/web/app.yaml:2:69: spec.revisionHistoryLimit: expected a whole number from 1 to 1000, found 0");
    insta::assert_snapshot!(spec(&format!("{{template: {{{CHART}}}, revisionHistoryLimit: 1001}}")), @"applications/web/app.yaml:2:69: spec.revisionHistoryLimit: expected a whole number from 1 to 1000, found 1001");
    insta::assert_snapshot!(spec(&format!("{{template: {{{CHART}}}, revisionHistoryLimit: many}}")), @r#"applications/web/app.yaml:2:69: spec.revisionHistoryLimit: expected a whole number from 1 to 1000, found text "many""#);
}

#[test]
fn names_are_dns_labels_and_agree_with_the_path() {
    let metadata = |path: &str, metadata: &str| {
        problems(
            path,
            &format!(
                "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {metadata}\nspec: {{template: {{{CHART}}}}}\n"
            ),
        )
    };
    let path = "applications/web/app.yaml";
    insta::assert_snapshot!(metadata(path, "{name: app2}"), @r#"applications/web/app.yaml:3:18: metadata.name: "app2" does not agree with the path, which says "app""#);
    insta::assert_snapshot!(metadata(path, "{name: app, namespace: web2}"), @r#"applications/web/app.yaml:3:34: metadata.namespace: "web2" does not agree with the path, which says "web""#);
    insta::assert_snapshot!(metadata(path, "{name: my.app}"), @r#"applications/web/app.yaml:3:18: metadata.name: "my.app" is not a DNS label: at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit"#);
    insta::assert_snapshot!(metadata(path, "{name: -app}"), @r#"applications/web/app.yaml:3:18: metadata.name: "-app" is not a DNS label: at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit"#);
    insta::assert_snapshot!(metadata(path, "{namespace: web}"), @"applications/web/app.yaml:3:11: metadata.name: is required and missing");
    insta::assert_snapshot!(metadata(path, "{name: }"), @"applications/web/app.yaml:3:16: metadata.name: is empty; `name` is required");
    insta::assert_snapshot!(metadata(path, "{name: 1}"), @"applications/web/app.yaml:3:18: metadata.name: expected text, found the number 1; put it in quotes");
    insta::assert_snapshot!(metadata("applications/Web/app.yaml", "{name: app}"), @r#"applications/Web/app.yaml:1:1: metadata.namespace: the path says "Web" is not a DNS label: at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit"#);
    let long = "a".repeat(51);
    insta::assert_snapshot!(metadata(&format!("applications/web/{long}.yaml"), &format!("{{name: {long}}}")), @"applications/web/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.yaml:3:18: metadata.name: has 51 characters; at most 50, because release names add to it");
    let longest = "a".repeat(50);
    assert_eq!(metadata(&format!("applications/web/{longest}.yaml"), &format!("{{name: {longest}}}")), "");
    insta::assert_snapshot!(
        problems("clusters/eu.yaml", "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu, namespace: web}\nspec: {region: eu}\n"), @"clusters/eu.yaml:3:33: metadata.namespace: a Cluster belongs to the whole fleet and has no namespace");
}

#[test]
fn version_and_kind_are_those_of_the_path() {
    insta::assert_snapshot!(application("apiVersion: apps/v1\nkind: Deployment\nmetadata: {}\n"), @r#"
    applications/web/app.yaml:1:13: apiVersion: expected shipper.dev/v1alpha1 or shipper.booking.com/v1alpha1, found "apps/v1"
    applications/web/app.yaml:2:7: kind: expected Application, found "Deployment"; applications/ holds nothing else
    "#);
    insta::assert_snapshot!(application("metadata: {}\n"), @r#"
    applications/web/app.yaml:1:1: apiVersion: expected shipper.dev/v1alpha1 or shipper.booking.com/v1alpha1
    applications/web/app.yaml:1:1: kind: expected Application; applications/ holds nothing else
    "#);
    insta::assert_snapshot!(
        problems("strategies/s.yaml", "apiVersion: shipper.booking.com/v1alpha1\nkind: Strategy\nmetadata: {name: s}\nspec: {steps: []}\n"), @r#"strategies/s.yaml:1:13: apiVersion: expected shipper.dev/v1alpha1, found "shipper.booking.com/v1alpha1""#);
    insta::assert_snapshot!(application("[1, 2]"), @"applications/web/app.yaml:1:1: expected an object of kind Application, found a list");
    insta::assert_snapshot!(application("just text"), @r#"applications/web/app.yaml:1:1: expected an object of kind Application, found text "just text""#);
    insta::assert_snapshot!(problems("notes/x.yaml", "a: 1"), @"notes/x.yaml: is not where an object may stand");
}

#[test]
fn blocks_are_checked_and_keep_their_scope_when_refused() {
    let block = "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: freeze, namespace: web}\nspec: {message: 1, author: {name: jdoe}, allow: [abort, abort, deploy], schedule: {cron: '* * *', duration: 0s}}\n";
    insta::assert_snapshot!(problems("blocks/freeze.yaml", block), @r#"
    blocks/freeze.yaml:4:17: spec.message: expected text, found the number 1; put it in quotes
    blocks/freeze.yaml:4:28: spec.author.type: is required and missing
    blocks/freeze.yaml:4:57: spec.allow[1]: "abort" is listed twice, first on line 4
    blocks/freeze.yaml:4:64: spec.allow[2]: expected abort, pause, rollback or drain, found text "deploy"
    blocks/freeze.yaml:4:90: spec.schedule.cron: expected the five fields minute, hour, day, month, weekday, as in 0 18 * * FRI; found 3 in "* * *"
    blocks/freeze.yaml:4:109: spec.schedule.duration: must be longer than nothing
    "#);
    assert_eq!(load("blocks/freeze.yaml", block.as_bytes()).namespace.as_deref(), Some("web"));
    assert_eq!(load("blocks/freeze.yaml", b"metadata: {namespace: web").namespace, None);
}

#[test]
fn one_file_holds_one_object() {
    insta::assert_snapshot!(application(""), @"applications/web/app.yaml: is empty; delete it, or write an object");
    insta::assert_snapshot!(application("# later\n---\n"), @"applications/web/app.yaml: is empty; delete it, or write an object");
    insta::assert_snapshot!(application("a: 1\n---\n# two\n\nb: 2\n"), @"applications/web/app.yaml:5:1: holds 2 YAML documents; give each object a file of its own");
}

/// Duplicate keys anywhere, in values too.
#[test]
fn duplicate_keys() {
    insta::assert_snapshot!(template(&format!("{{{CHART}, values: {{a: {{b: 1, b: 2}}, list: [{{x: 1,\n x: 2}}]}}}}")), @r#"
    applications/web/app.yaml:2:65: spec.template.values.a.b: duplicate key "b", first given on line 2; keep one
    applications/web/app.yaml:3:2: spec.template.values.list[0].x: duplicate key "x", first given on line 2; keep one
    "#);
}

#[test]
fn files_that_are_no_yaml_or_too_much_of_it() {
    let refused = |bytes: &[u8]| {
        let loaded = load("clusters/eu.yaml", bytes);
        assert_eq!((loaded.object, loaded.problems.len()), (None, 1));
        loaded.problems[0].to_string()
    };
    insta::assert_snapshot!(refused(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"), @"clusters/eu.yaml: is a Git LFS pointer, not the object itself; take the file out of LFS (.gitattributes)");
    insta::assert_snapshot!(refused(&vec![b' '; MAX_FILE_BYTES + 1]), @"clusters/eu.yaml: has 1048577 bytes; at most 1048576 (1 MiB) are read");
    insta::assert_snapshot!(refused(b"a: 1\nb: \0\n"), @"clusters/eu.yaml:2:4: a NUL byte; this is a binary file, or UTF-16");
    insta::assert_snapshot!(refused(b"a: 1\nb: \xff\n"), @"clusters/eu.yaml:2:4: not UTF-8; save it as UTF-8");
    insta::assert_snapshot!(refused(b"a: [1\nb: 2\n"), @"clusters/eu.yaml:2:2: illegal placement of ':' indicator");
    insta::assert_snapshot!(refused(format!("{}{}", "[".repeat(65), "]".repeat(65)).as_bytes()), @"clusters/eu.yaml:1:65: nested deeper than 64 levels");
    let bomb: String = ('b'..='i')
        .zip('a'..='h')
        .map(|(name, before)| format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(",")))
        .collect();
    insta::assert_snapshot!(refused(format!("a: &a [x, x]\n{bomb}").as_bytes()), @"clusters/eu.yaml:6:11: aliases that expand to more than 100000 nodes");
}

#[test]
fn only_regular_files_are_read() {
    let mode = |mode| refuse_mode("clusters/eu.yaml", mode).map(|problem| problem.to_string());
    assert_eq!((mode(0o100_644), mode(0o100_755)), (None, None));
    insta::assert_snapshot!(mode(0o120_000).unwrap(), @"clusters/eu.yaml: is a symbolic link; objects must be regular files");
    insta::assert_snapshot!(mode(0o160_000).unwrap(), @"clusters/eu.yaml: is a submodule; objects must be regular files");
    insta::assert_snapshot!(mode(0o040_000).unwrap(), @"clusters/eu.yaml: is not a regular file; objects must be regular files");
}

#[test]
fn two_files_that_name_one_object_are_both_refused() {
    let block = |namespace: &str| {
        let yaml = format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {{name: freeze{namespace}}}\nspec: {{message: m, author: {{type: user, name: j}}}}\n"
        );
        load("blocks/freeze.yaml", yaml.as_bytes()).object.unwrap()
    };
    let (web, global) = (block(", namespace: web"), block(""));
    let files =
        [("blocks/b/freeze.yaml", &web), ("blocks/a/freeze.yml", &web), ("blocks/freeze.yaml", &global)];
    let problems = duplicates(files).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(problems, @r#"
    blocks/a/freeze.yml: names the RolloutBlock web/freeze, and so does blocks/b/freeze.yaml; keep one
    blocks/b/freeze.yaml: names the RolloutBlock web/freeze, and so does blocks/a/freeze.yml; keep one
    "#);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Pieces that make up files, right and wrong.
    const PIECES: &[&str] = &[
        "apiVersion: shipper.dev/v1alpha1\n",
        "kind: Application\n",
        "metadata:\n",
        "  name: app\n",
        "spec:\n",
        "  template:\n",
        "    chart: {path: a}\n",
        "    strategy:\n",
        "      steps:\n",
        "      - name: a\n",
        "        capacity: {contender: 5}\n",
        "        traffic: {contender: 5}\n",
        "        clusters: {names: [a]}\n",
        "- ",
        "  ",
        "x: ",
        "null\n",
        "\n",
        "---\n",
        "&a ",
        "*a\n",
        "[",
        "]",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_file_is_loaded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let loaded = load("clusters/a.yaml", &bytes);
            prop_assert_eq!(loaded.object.is_some(), loaded.problems.iter().all(|p| p.severity == Severity::Warning));
        }

        #[test]
        fn any_mixture_of_lines_is_loaded_or_refused(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..30)) {
            let loaded = load("applications/web/app.yaml", pieces.concat().as_bytes());
            prop_assert_eq!(loaded.object.is_some(), loaded.problems.iter().all(|p| p.severity == Severity::Warning));
        }
    }
}
