//! Files keep their comments and their style, whatever that is.

use shipper_core::intent::StepRef;
use shipper_core::yaml::read_documents;
use shipperctl::edit::{EditError, Order, restore_environment, set_paused, set_rollout};

fn promote(text: &str, release: &str, step: &str) -> String {
    let step = StepRef::Name(step.to_owned());
    set_rollout(text, Order { release, step: &step, request: None, skip_gates: false }).unwrap()
}

/// The lines that differ, as a patch would show them.
fn changed(before: &str, after: &str) -> String {
    let old: Vec<&str> = before.lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[same..].iter().rev().zip(new[same..].iter().rev()).take_while(|(a, b)| a == b).count();
    let removed = old[same..old.len() - tail].iter().map(|line| format!("-{line}"));
    let added = new[same..new.len() - tail].iter().map(|line| format!("+{line}"));
    removed.chain(added).collect::<Vec<_>>().join("\n")
}

const COMMENTED: &str = "\
# who to ask: the web team
apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {name: hello, namespace: web}  # short
spec:
  template:
    manifests: {path: apps/hello}
    strategyRef: careful   # asks before every step
  # moved by shipperctl
  rollout:
    release: \"hello-aaaaaaaa-0\"   # the contender
    targetStep: canary  # see strategies/careful.yaml
  revisionHistoryLimit: 5

# the end
";

#[test]
fn comments_order_and_line_ends_stay() {
    let after = promote(COMMENTED, "hello-bbbbbbbb-0", "full on");
    insta::assert_snapshot!(changed(COMMENTED, &after), @r#"
    -    release: "hello-aaaaaaaa-0"   # the contender
    -    targetStep: canary  # see strategies/careful.yaml
    +    release: hello-bbbbbbbb-0   # the contender
    +    targetStep: full on  # see strategies/careful.yaml
    "#);
    let windows = COMMENTED.replace('\n', "\r\n");
    assert_eq!(promote(&windows, "hello-bbbbbbbb-0", "full on"), after.replace('\n', "\r\n"));
    assert_eq!(promote(&after, "hello-bbbbbbbb-0", "full on"), after, "a repeated order changes nothing");
}

#[test]
fn a_first_promotion_is_put_at_the_end_of_spec_before_what_follows() {
    let text = COMMENTED.replace("  # moved by shipperctl\n", "");
    let start = text.find("  rollout:").unwrap();
    let end = text.find("  revisionHistoryLimit").unwrap();
    let without = format!("{}{}", &text[..start], &text[end..]);
    let after = promote(&without, "hello-bbbbbbbb-0", "50/50");
    insta::assert_snapshot!(changed(&without, &after), @"
    +  rollout:
    +    release: hello-bbbbbbbb-0
    +    targetStep: 50/50
    ");
    assert!(after.ends_with("  revisionHistoryLimit: 5\n  rollout:\n    release: hello-bbbbbbbb-0\n    targetStep: 50/50\n\n# the end\n"));
}

#[test]
fn braces_indentation_and_literal_text_are_kept() {
    let cases = [
        ("spec: {template: {strategyRef: a}, rollout: {release: x-1, targetStep: s}}\nkind: A\n", "x-2"),
        ("spec: {template: {strategyRef: a}}\n", "x-2"),
        (
            "spec:\n    template: {strategyRef: a}\n    rollout: {release: x-1, targetStep: 'it''s'}   # why\n",
            "x-2",
        ),
        (
            "spec:\n    template:\n        values:\n            text: |\n                # no comment\n                \n",
            "x-2",
        ),
        ("spec:\n  template: {}\n  rollout:\n", "x-2"),
        ("spec:\n  template: {}\n  rollout: ~\nstatus: {}\n", "x-2"),
        (
            "spec:\n  rollout:\n    release: >-\n      x-1\n    targetStep: 0\n    request: again\n  template: {}\n",
            "x-2",
        ),
        ("\u{feff}spec:\n  template: {}", "x-2"),
        ("---\nspec:\n  template: {}\n...\n", "x-2"),
    ];
    for (text, release) in cases {
        let after = promote(text, release, "yes");
        let mut wanted = read_documents(text.as_bytes()).unwrap().remove(0);
        let request = wanted["spec"]["rollout"]["request"].clone();
        wanted["spec"]["rollout"] = serde_json::json!({"release": release, "targetStep": "yes"});
        if !request.is_null() {
            wanted["spec"]["rollout"]["request"] = request;
        }
        assert_eq!(read_documents(after.as_bytes()).unwrap(), [wanted], "{text}\n{after}");
    }
}

#[test]
fn an_index_stays_a_number_and_a_request_is_added() {
    let order =
        Order { release: "x-2", step: &StepRef::Index(1), request: Some("again: 2"), skip_gates: false };
    let after = set_rollout("spec:\n  rollout:\n    release: x-1 # c\n    targetStep: a", order).unwrap();
    assert_eq!(
        after,
        "spec:\n  rollout:\n    release: x-2 # c\n    targetStep: 1\n    request: \"again: 2\"\n"
    );
}

#[test]
fn what_cannot_be_edited_safely_is_left_alone_and_explained() {
    let step = StepRef::Index(0);
    let order = Order { release: "x-2", step: &step, request: None, skip_gates: false };
    let aliased = "a: &r {release: x-1, targetStep: 0}\nspec: {template: {}, rollout: *r}\n";
    let error = set_rollout(aliased, order).unwrap_err();
    assert!(matches!(&error, EditError::Style { by_hand } if by_hand.contains("release: x-2")), "{error}");
    assert!(matches!(set_rollout("spec: {a: 1, a: 2}", order), Err(EditError::Yaml(_))));
    assert!(matches!(set_rollout("kind: Application", order), Err(EditError::Shape { .. })));
    assert!(matches!(set_rollout("spec: {a: 1}\n---\nspec: {a: 1}", order), Err(EditError::Shape { .. })));
}

#[test]
fn an_environment_comes_back_with_its_comments_and_nothing_else_does() {
    let now = COMMENTED
        .replace(
            "    manifests: {path: apps/hello}\n",
            "    chart: {path: charts/x}  # try this\n    values:\n      n: 2\n",
        )
        .replace("revisionHistoryLimit: 5", "revisionHistoryLimit: 7\n  restart: again");
    let back = restore_environment(&now, COMMENTED).unwrap();
    assert_eq!(back, COMMENTED.replace("revisionHistoryLimit: 5", "revisionHistoryLimit: 7"));
    // The other way round, a field that was not there before is put in.
    let forth = restore_environment(COMMENTED, &now).unwrap();
    assert!(forth.contains("chart: {path: charts/x}  # try this") && forth.contains("restart: again"));
    assert!(forth.contains("revisionHistoryLimit: 5") && forth.contains("# moved by shipperctl"));
}

#[test]
fn an_environment_comes_back_into_another_indentation() {
    let then = "spec:\n  template:\n    # why\n    values:\n      text: |\n        a\n\n        b\n";
    let now = "spec:\n      template: {values: {}}\n      restart: x\n";
    let back = restore_environment(now, then).unwrap();
    insta::assert_snapshot!(back, @"
    spec:
          template:
            # why
            values:
              text: |
                a

                b
    ");
    let braces = "spec: {template: {values: {a: 1}}}\n";
    assert!(restore_environment(now, braces).unwrap().contains("      template: {\"values\":{\"a\":1}}\n"));
}

#[test]
fn placement_and_strategy_stay_as_they_are() {
    let then = "\
spec:
  template:
    chart: {path: charts/web}   # the good one
    values:
      # few
      n: 1
    clusterRequirements: {regions: [{name: eu}]}
    strategyRef: careful
";
    let now = "\
spec:
  template:
    manifests: {path: apps/web}
    overrides:
    - clusters: {names: [a]}
      values: {n: 9}
    clusterRequirements: {regions: [{name: eu}, {name: us}]}   # us since May
    # slower than before
    strategy:
      steps:
      - {name: all, capacity: {contender: 100}}
  revisionHistoryLimit: 3
  restart: again
";
    let back = restore_environment(now, then).unwrap();
    insta::assert_snapshot!(back, @"
    spec:
      template:
        clusterRequirements: {regions: [{name: eu}, {name: us}]}   # us since May
        # slower than before
        strategy:
          steps:
          - {name: all, capacity: {contender: 100}}
        chart: {path: charts/web}   # the good one
        values:
          # few
          n: 1
      revisionHistoryLimit: 3
    ");
    assert_eq!(restore_environment(&back, then).unwrap(), back);
    // Where the style allows no less, on one line.
    let braces = "spec:\n  template: {values: {n: 2}, strategyRef: b}\n";
    let read = |text: &str| read_documents(text.as_bytes()).unwrap().remove(0);
    assert_eq!(
        read(&restore_environment(braces, then).unwrap()),
        serde_json::json!({"spec": {"template": {"chart": {"path": "charts/web"}, "values": {"n": 1}, "strategyRef": "b"}}})
    );
}

/// [M14] An order that skips gates does not make later orders skip theirs.
#[test]
fn skipping_gates_ends_with_the_order_that_asked_for_it() {
    let step = StepRef::Name("half".to_owned());
    let order = Order { release: "x-1", step: &step, request: None, skip_gates: true };
    let skipping = set_rollout("spec:\n  strategyRef: a\n", order).unwrap();
    insta::assert_snapshot!(skipping, @"
    spec:
      strategyRef: a
      rollout:
        release: x-1
        targetStep: half
        skipGates: true
    ");
    let later = promote(&skipping, "x-1", "full on");
    assert_eq!(later, skipping.replace("half", "full on").replace("skipGates: true", "skipGates: false"));
}

/// [M13]
#[test]
fn a_pause_and_an_order_stand_beside_each_other() {
    let text = "spec:\n  strategyRef: a\n";
    let paused = set_paused(text, true).unwrap();
    assert_eq!(paused, "spec:\n  strategyRef: a\n  rollout:\n    paused: true\n");
    assert_eq!(set_paused(&paused, true).unwrap(), paused);
    let ordered = promote(&paused, "x-1", "half");
    assert_eq!(
        ordered,
        "spec:\n  strategyRef: a\n  rollout:\n    paused: true\n    release: x-1\n    targetStep: half\n"
    );
    assert_eq!(set_paused(&ordered, false).unwrap(), ordered.replace("paused: true", "paused: false"));
    assert_eq!(set_paused(text, false).unwrap(), text, "what is not paused needs no edit to go on");
    let braces = "spec: {rollout: {paused: true}, strategyRef: a}\n";
    assert_eq!(
        promote(braces, "x-1", "half"),
        "spec: {rollout: {paused: true, release: x-1, targetStep: half}, strategyRef: a}\n"
    );
}
