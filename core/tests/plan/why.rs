//! Every decision says why: its rule, what it is about, and the reports that it rests on.

use crate::support::{World, broken, vanguard};
use shipper_core::plan::plan;
use shipper_core::why::{Because, Rule, Why};

fn of(why: &Why, rule: Rule) -> Vec<&Because> {
    why.decisions.iter().filter(|because| because.rule == rule).collect()
}

fn says(why: &Why, rule: Rule, words: &str) {
    assert!(
        of(why, rule).iter().any(|because| because.decision.contains(words)),
        "{rule} {words:?}: {why:#?}"
    );
}

/// Who asks changes nothing: the plan is the same.
#[test]
fn asking_why_decides_nothing_else() {
    let mut world = World::at_v1();
    world.commit("v2", vanguard());
    for _ in 0..4 {
        let (asked, why) = world.ask(shipper_core::plan::why);
        let alone = world.ask(plan);
        assert_eq!(
            (asked.record, asked.releases, asked.events),
            (alone.record, alone.releases, alone.events)
        );
        assert_eq!((&asked.targets, asked.wake_at), (&alone.targets, alone.wake_at));
        assert_eq!((&asked.status, &why.waiting), (&alone.status, &alone.status.waiting));
        world.plan();
        world.report_all();
    }
}

/// Releases, orders, steps, placement and targets are each told under their rule.
#[test]
fn a_rollout_under_way_is_explained_step_by_step() {
    let mut world = World::at_v1();
    world.commit("v2", vanguard());
    world.plan();
    let v2 = world.contender().name.clone();
    let why = world.ask(shipper_core::plan::why).1;
    says(&why, Rule::R2, &format!("is that of the contender {v2}"));
    says(&why, Rule::R5, &format!("{v2} is the contender"));
    says(&why, Rule::S2, "stays in c1, c2, c3");
    assert_eq!(of(&why, Rule::M3).len(), 3, "a target for each cluster");
    says(&why, Rule::M3, "capacity 1% traffic 0");

    // Evidence: the reports are on the target before.
    let waiting = of(&why, Rule::A5).last().copied().unwrap();
    assert_eq!(waiting.because.len(), 3);
    let evidence = &waiting.because[0].evidence[0];
    assert!(evidence.reported_generation < evidence.target_generation, "{evidence:?}");

    world.report_all();
    world.report("c2", broken);
    let why = world.ask(shipper_core::plan::why).1;
    let waiting = of(&why, Rule::A5).last().copied().unwrap();
    assert_eq!(waiting.clusters, ["c2".into()]);
    let c2 = waiting.because.iter().find(|because| because.clusters == ["c2".into()]).unwrap();
    assert!(c2.decision.contains("ImagePullBackOff"), "{c2:?}");
    assert_eq!(c2.evidence[0].reported_generation, c2.evidence[0].target_generation);
    assert!(c2.evidence[0].says.iter().any(|says| says.contains("0 of 1 pods available")), "{c2:?}");

    world.settle();
    world.order("app-00000000-9", shipper_core::intent::StepRef::Index(1));
    says(&world.ask(shipper_core::plan::why).1, Rule::M1, "StaleRelease");
    world.promote("50/50");
    says(&world.ask(shipper_core::plan::why).1, Rule::M1, "goes to step \"50/50\"");
    world.plan();
    says(&world.ask(shipper_core::plan::why).1, Rule::M1, "ordered it");
    world.commit("v1", vanguard());
    says(&world.ask(shipper_core::plan::why).1, Rule::M8, &format!("{v2} is withdrawn"));
}

/// [X1] The removal, and who ordered it, is told as that rule.
#[test]
fn a_removal_is_told_by_its_rule() {
    let mut world = World::at_v1();
    world.intent = None;
    world.absence = Some(shipper_core::plan::Absence { confirmed: Some("b".repeat(40)), others: 0 });
    world.commits += 1;
    world.plan();
    let why = world.ask(shipper_core::plan::why).1;
    says(&why, Rule::X1, &format!("commit {} confirmed it", "b".repeat(40)));
    assert_eq!(of(&why, Rule::M12).len(), 0, "{why:#?}");
}
