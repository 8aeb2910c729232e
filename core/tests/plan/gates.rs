//! Rule A4: what lets a rollout leave a step.

use crate::support::{World, broken, strategy};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shipper_core::intent::{MaxFailedClusters, Measure, Rollout, StepRef, StrategySpec};
use shipper_core::report::{AnalysisReport, MeasureReport, Outcome, Sample};
use shipper_core::status::WaitingFor;

/// First the vanguard, which is c1, where errors are measured three times; then all.
fn measured(approval: &str) -> StrategySpec {
    strategy(json!({"progressDeadline": "10m", "steps": [
        {
            "name": "vanguard", "clusters": {"matchLabels": {"tier": "vanguard"}},
            "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0},
            "gate": {"approval": approval, "analysis": [{
                "name": "errors",
                "prometheus": {"address": "http://prometheus", "query": "rate(errors{release=\"{{release}}\"}[1m])"},
                "failIf": "> 0.01", "interval": "1m", "count": 3,
            }]},
        },
        {"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
    ]}))
}

/// Everywhere, two clusters may fail.
pub fn everywhere() -> StrategySpec {
    let mut strategy = measured("auto");
    strategy.steps[0].clusters = None;
    strategy.max_failed_clusters = MaxFailedClusters::Number(2);
    strategy
}

fn soaking() -> StrategySpec {
    strategy(json!({"steps": [
        {
            "name": "half", "capacity": {"contender": 50, "incumbent": 50},
            "traffic": {"contender": 50, "incumbent": 50}, "gate": {"approval": "auto", "soak": "10m"},
        },
        {"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
    ]}))
}

/// v1 is complete, and v2 has achieved the first step of `strategy` everywhere it goes.
pub fn at_its_gate(strategy: StrategySpec) -> World {
    let mut world = World::at_v1();
    world.commit("v2", strategy);
    world.settle();
    assert_eq!(world.contender().position.step, 0);
    assert!(world.contender().achieved.is_some(), "{:?}", world.look().status.waiting);
    world
}

pub fn run(world: &World, cluster: &str) -> Timestamp {
    world.targets[cluster].analysis.as_ref().expect("something to measure").run
}

/// A cluster reports what it measured in this run: samples that passed and failed, and what the last one was.
pub fn samples(world: &mut World, cluster: &str, run: Timestamp, (passed, failed): (u32, u32), last: &str) {
    let release = world.contender().name.clone();
    let outcome = if failed > 0 { Outcome::Failed } else { Outcome::Passed };
    let sample = Sample {
        // The clocks of clusters are worth nothing.
        at: Timestamp::UNIX_EPOCH,
        outcome,
        measured: last.to_owned(),
    };
    world.report(cluster, |report| {
        report.analysis = Some(AnalysisReport {
            release,
            run,
            measures: vec![MeasureReport {
                name: "errors".to_owned(),
                passed,
                failed,
                samples: vec![sample],
                ..MeasureReport::default()
            }],
        });
    });
}

fn pass_time(world: &mut World, seconds: i64) {
    world.now += SignedDuration::from_secs(seconds);
}

fn version_in(world: &World, cluster: &str) -> Vec<String> {
    world.target(cluster)
}

/// [A4] [M3] What is to be measured comes with the step being achieved, with placeholders filled in, and to its clusters alone.
#[test]
fn a4_a_step_is_measured_from_when_it_is_achieved_and_in_its_clusters_alone() {
    let mut world = World::at_v1();
    let untouched = world.targets["c2"].clone();
    world.commit("v2", measured("auto"));
    world.plan();
    assert_eq!(world.targets["c1"].analysis, None, "not achieved yet");
    world.settle();
    let asked = world.targets["c1"].analysis.clone().expect("something to measure");
    assert_eq!(Some(asked.run), world.contender().achieved.as_ref().map(|achieved| achieved.at));
    assert_eq!(asked.release, world.contender().name);
    let Measure::Prometheus(query) = &asked.measures[0].measure else { panic!("{asked:?}") };
    assert_eq!(query.query, format!("rate(errors{{release=\"{}\"}}[1m])", asked.release));
    assert_eq!(world.targets["c2"], untouched);
    // Asking once more asks for nothing else.
    assert!(!world.plan());
}

/// [A4] Each cluster by itself, and only what was measured: the gate opens with the last sample that has to pass.
#[test]
fn a4_enough_samples_open_the_gate() {
    let mut world = at_its_gate(measured("auto"));
    let run = run(&world, "c1");
    samples(&mut world, "c1", run, (2, 0), "0.004");
    world.plan();
    assert_eq!(world.contender().position.step, 0);
    let waiting = world.look().status.waiting;
    assert_eq!(waiting.state, WaitingFor::WaitingForGate);
    assert_eq!(waiting.clusters, ["c1".into()]);
    assert!(
        waiting
            .message
            .contains("c1: analysis \"errors\" has 2 of 3 samples, 0.004 at last (fails if > 0.01)"),
        "{}",
        waiting.message
    );
    samples(&mut world, "c1", run, (3, 0), "0.004");
    world.plan();
    assert_eq!(world.contender().position.step, 1);
    // What nobody waits for is not measured.
    assert_eq!(world.targets["c1"].analysis, None);
    world.settle();
    assert!(world.contender().complete.is_some());
}

/// [A4] Approval comes after the analysis, and the analysis is not asked for again while a person thinks.
#[test]
fn a4_approval_comes_last() {
    let mut world = at_its_gate(measured("manual"));
    let run = run(&world, "c1");
    samples(&mut world, "c1", run, (3, 0), "0");
    world.settle();
    assert_eq!(world.look().status.waiting.state, WaitingFor::WaitingForCommand);
    assert_eq!(world.targets["c1"].analysis, None);
    assert!(world.contender().gate.as_ref().is_some_and(|gate| gate.passed.is_some()));
    // An agent that forgot everything changes nothing any more.
    pass_time(&mut world, 100_000);
    assert!(!world.plan());
    assert_eq!(world.look().status.waiting.state, WaitingFor::WaitingForCommand);
}

/// [A4] A failure counts at once, before the other samples are in; nothing goes on, and a lost report does not undo it.
#[test]
fn a4_a_failure_holds_the_rollout_where_it_is() {
    let mut world = at_its_gate(measured("auto"));
    let others = [world.targets["c2"].clone(), world.targets["c3"].clone()];
    let run = run(&world, "c1");
    samples(&mut world, "c1", run, (1, 1), "0.42");
    world.plan();
    let waiting = world.look().status.waiting;
    assert_eq!(waiting.state, WaitingFor::WaitingForGate);
    assert!(
        waiting.message.contains("c1: analysis \"errors\" failed: 0.42 (fails if > 0.01)")
            && waiting.message.contains("rollout.request"),
        "{}",
        waiting.message
    );
    assert!(world.events.iter().any(|event| event.contains("analysis \"errors\" failed: 0.42")));
    world.settle();
    pass_time(&mut world, 100_000);
    samples(&mut world, "c1", run, (3, 0), "0");
    world.plan();
    assert_eq!(world.contender().position.step, 0);
    assert_eq!([world.targets["c2"].clone(), world.targets["c3"].clone()], others);
    assert_eq!(version_in(&world, "c2"), ["v1 100/100"]);
}

/// [A4] [M12] Another request orders the step again: it is measured from nothing, and may pass.
#[test]
fn a4_another_request_measures_again() {
    let mut world = at_its_gate(measured("auto"));
    let first = run(&world, "c1");
    samples(&mut world, "c1", first, (0, 1), "1");
    world.plan();
    let release = world.contender().name.to_string();
    let target_step = StepRef::Name("vanguard".to_owned());
    world.intent.as_mut().unwrap().application.spec.rollout = Some(Rollout {
        release: Some(release),
        target_step: Some(target_step),
        request: Some("again".to_owned()),
        ..Rollout::default()
    });
    world.settle();
    let second = run(&world, "c1");
    assert_ne!(first, second);
    // What was measured before is worth nothing.
    samples(&mut world, "c1", first, (3, 0), "0");
    world.plan();
    assert_eq!(world.contender().position.step, 0);
    samples(&mut world, "c1", second, (3, 0), "0");
    world.plan();
    assert_eq!(world.contender().position.step, 1);
}

/// [A4] No sample is unknown and never a pass, and unknown for longer than the deadline is a failure.
#[test]
fn a4_unknown_is_no_pass_and_after_the_deadline_a_failure() {
    let mut world = at_its_gate(measured("auto"));
    let began = run(&world, "c1");
    let planned = world.look();
    let wake = planned.wake_at.expect("a wake-up for the deadline");
    assert!(planned.status.waiting.message.contains("0 of 3 samples"), "{}", planned.status.waiting.message);
    // Three samples at one a minute with ten seconds for the last, and ten minutes without an answer.
    assert_eq!(wake.duration_since(began), SignedDuration::from_secs(3 * 60 + 10 + 600));
    world.now = wake - SignedDuration::from_secs(1);
    world.plan();
    assert_eq!(world.contender().gate.as_ref().unwrap().failed.len(), 0);
    world.now = wake;
    world.plan();
    let waiting = world.look().status.waiting;
    assert!(waiting.message.contains("unknown for longer than 10m"), "{}", waiting.message);
    assert_eq!(world.contender().position.step, 0);
}

/// [A4] An agent that had no answer for too long says so, and that is a failure with its reason.
#[test]
fn a4_what_an_agent_finds_overdue_is_a_failure() {
    let mut world = at_its_gate(measured("auto"));
    let run = run(&world, "c1");
    samples(&mut world, "c1", run, (1, 0), "0");
    let report = world.reports.get_mut("c1").unwrap().analysis.as_mut().unwrap();
    report.measures[0].overdue = true;
    report.measures[0].samples[0].outcome = Outcome::Unknown;
    report.measures[0].samples[0].measured = "connection refused".to_owned();
    world.plan();
    let waiting = world.look().status.waiting;
    assert!(
        waiting.message.contains("unknown for longer than 10m: connection refused"),
        "{}",
        waiting.message
    );
}

/// [A4] [A2] A failed analysis counts against `maxFailedClusters`, and never do all clusters count as excused.
#[test]
fn a4_failures_count_against_the_budget() {
    for (failing, step) in [(2, 1), (3, 0)] {
        let mut world = at_its_gate(everywhere());
        let run = run(&world, "c1");
        for (index, cluster) in ["c1", "c2", "c3"].into_iter().enumerate() {
            let counts = if index < failing { (0, 1) } else { (3, 0) };
            samples(&mut world, cluster, run, counts, "x");
        }
        world.plan();
        assert_eq!(world.contender().position.step, step, "{failing} of three clusters failed");
    }
}

/// [A4] A soak outlives a moment in which a cluster is not well, and starts again after a minute of that.
#[test]
fn a4_a_soak_starts_again_after_a_minute_unachieved() {
    let mut world = at_its_gate(soaking());
    let since = world.contender().gate.as_ref().unwrap().since;
    for (away, same) in [(59, true), (61, false)] {
        world.report("c2", broken);
        world.plan();
        assert!(world.contender().achieved.is_none());
        pass_time(&mut world, away - 1);
        world.report("c2", |_| {});
        world.plan();
        assert!(world.contender().achieved.is_some());
        let gate = world.contender().gate.clone().unwrap();
        assert_eq!(gate.since == since, same, "unachieved for {away} s: {gate:?}");
    }
    let since = world.contender().gate.as_ref().unwrap().since;
    let wake = world.look().wake_at.expect("a wake-up when the soak ends");
    assert_eq!(wake.duration_since(since), SignedDuration::from_mins(10));
    assert!(world.look().status.waiting.message.contains("soaks for another"));
    world.now = wake;
    world.plan();
    assert_eq!(world.contender().position.step, 1);
}

/// [A4] A step that is left forgets its gate: walked back to, it is judged from the beginning.
#[test]
fn a4_a_step_that_is_walked_back_to_is_measured_again() {
    let mut world = at_its_gate(measured("auto"));
    let first = run(&world, "c1");
    samples(&mut world, "c1", first, (3, 0), "0");
    world.settle();
    assert!(world.contender().complete.is_some());
    world.promote("vanguard");
    world.settle();
    let second = run(&world, "c1");
    assert!(second > first);
    assert_eq!(world.contender().position.step, 0);
    assert_eq!(world.look().status.waiting.state, WaitingFor::WaitingForGate);
}
