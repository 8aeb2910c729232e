//! Who asked for what happened: each thing that people ask for names their commit, and nothing else names one.

use crate::support::{World, vanguard};
use shipper_core::intent::Approval;
use shipper_core::plan::{Absence, EventReason};

#[test]
fn what_people_ask_for_names_the_commit_and_what_follows_from_reports_names_none() {
    let mut world = World::new();
    world.commit("v1", vanguard());
    world.settle();
    world.promote("50/50");
    world.settle();
    world.promote("full on");
    world.settle();
    assert_eq!(world.asked_by(EventReason::Created), ["commit-1"]);
    assert_eq!(world.asked_by(EventReason::StepAsked), ["commit-2", "commit-3"], "each its own");
    world.commit("v2", vanguard());
    world.settle();
    world.commit("v1", vanguard());
    world.settle();
    assert_eq!(world.asked_by(EventReason::Withdrawn), ["commit-5"]);
    for reason in [EventReason::StepAchieved, EventReason::Completed] {
        let by = world.asked_by(reason);
        assert!(!by.is_empty() && by.iter().all(|commit| commit.is_empty()), "{reason:?}: {by:?}");
    }
}

#[test]
fn a_step_after_a_gate_is_nobodys_order() {
    let mut automatic = vanguard();
    automatic.steps.iter_mut().for_each(|step| step.gate.approval = Approval::Auto);
    let mut world = World::new();
    world.commit("v1", automatic);
    world.settle();
    assert_eq!(world.asked_by(EventReason::StepAsked), ["", ""]);
}

#[test]
fn a_removal_names_the_commit_that_confirms_it_or_the_one_without_the_file() {
    let removed = |absence: Absence| {
        let mut world = World::at_v1();
        world.intent = None;
        world.absence = Some(Absence::default());
        world.commits = 7;
        world.plan();
        (world.absence, world.commits) = (Some(absence), 9);
        world.now += shipper_core::plan::REMOVAL_PATIENCE;
        world.plan();
        world.asked_by(EventReason::Removing).join(" ")
    };
    assert_eq!(removed(Absence::default()), "commit-7");
    assert_eq!(removed(Absence { confirmed: Some("c0ffee".to_owned()), others: 4 }), "c0ffee");
}
