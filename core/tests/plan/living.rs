//! Lives, lived: every deed done to a world, every decision told.

use crate::life::{ALLOW, Begins, CLUSTERS, Deed, Life, Names, OVERRIDE, Said, strategy_of};
use crate::placement::Placing;
use crate::reached::Reached;
use crate::support::{World, broken};
use jiff::SignedDuration;
use serde_json::json;
use shipper_core::catalogue::Trouble;
use shipper_core::intent::{Metadata, RolloutBlock, StepRef};
use shipper_core::report::{AnalysisReport, AppReport, MeasureReport, ObjectProblem, Outcome, Sample};
use shipper_core::status::Liveness;

/// Lives it, and tells of every decision on the way: the world before it and after.
pub fn live_and_tell(life: &Life, names: &Names, told: &mut dyn FnMut(&World, &World)) -> World {
    let mut world = World::new();
    let known = std::mem::take(&mut world.fleet.clusters);
    for (name, mut info) in names.clusters.iter().zip(known.into_values()) {
        info.cluster.metadata.name = (*name).to_owned();
        world.fleet.clusters.insert((*name).into(), info);
    }
    world.liveness = names.clusters.iter().map(|name| ((*name).into(), Liveness::Online)).collect();
    let version = |number: usize| format!("{}{number}", names.version);
    world.commit(&version(1), strategy_of(0));
    let order = |step| Deed::Order { step, skip_gates: true };
    let complete = [Deed::Settle, order(2), Deed::Settle];
    let begun: Vec<Deed> = match life.begins {
        Begins::New => Vec::new(),
        Begins::Complete => complete.to_vec(),
        Begins::UnderWay { strategy, step } => {
            let under_way = [Deed::Commit { version: 2, strategy }, Deed::Settle, order(step), Deed::Settle];
            complete.into_iter().chain(under_way).collect()
        }
    };
    for deed in begun.into_iter().chain(life.deeds.iter().copied()) {
        match deed {
            Deed::Plan => decide(&mut world, told),
            Deed::Settle => {
                for _ in 0..4 {
                    for name in world.targets.keys().cloned().collect::<Vec<_>>() {
                        report(&mut world, name.as_str(), Said::Met);
                    }
                    decide(&mut world, told);
                }
            }
            Deed::Commit { version: number, strategy } => commit(&mut world, &version(number), strategy),
            Deed::Block(allow) => block(&mut world, names.block, ALLOW[allow]),
            Deed::Override(on) => {
                let annotations = &mut world.intent.as_mut().unwrap().application.metadata.annotations;
                annotations.clear();
                annotations.extend(on.then(|| (OVERRIDE.to_owned(), names.block.to_owned())));
            }
            other => happen(&mut world, other, names),
        }
    }
    world
}

/// One thing more happens, in a world with the usual names; the block of lives has its own.
pub fn go_on(world: &mut World, deed: Deed) {
    let names = Names::default();
    match deed {
        Deed::Settle | Deed::Plan => drop(world.plan()),
        Deed::Commit { version, strategy } => commit(world, &format!("v{version}"), strategy),
        Deed::Unblock | Deed::Block(_) | Deed::Override(_) => {}
        other => happen(world, other, &names),
    }
}

/// Lives it.
pub fn live(life: &Life, names: &Names) -> World {
    live_and_tell(life, names, &mut |_, _| {})
}

fn happen(world: &mut World, deed: Deed, names: &Names) {
    let name = |cluster: usize| names.clusters[cluster];
    let known = |world: &World, cluster: usize| world.fleet.clusters.contains_key(name(cluster));
    match deed {
        Deed::Order { step, skip_gates } => {
            if let Some(contender) = world.look().status.contender {
                world.order(contender.as_str(), StepRef::Index(step));
                world.rollout(|rollout| rollout.skip_gates = skip_gates);
            }
        }
        Deed::StaleOrder => world.order("app-00000000-9", StepRef::Index(1)),
        Deed::Pause(paused) => world.rollout(|rollout| rollout.paused = paused),
        Deed::Require(replicas) => {
            world.require(json!({"regions": [{"name": "eu", "replicas": replicas}], "allowFewer": true}));
        }
        Deed::Unblock => world.fleet.blocks.clear(),
        Deed::Drain(cluster, drain) if known(world, cluster) => world.drain(name(cluster), drain),
        Deed::Cordon(cluster, cordon) if known(world, cluster) => {
            world.scheduler(name(cluster), |scheduler| scheduler.unschedulable = cordon);
        }
        Deed::Join => world.add(name(CLUSTERS - 1), json!({"region": "eu"})),
        Deed::Report(cluster, said) => report(world, name(cluster), said),
        Deed::Silent(cluster) => drop(world.reports.remove(name(cluster))),
        Deed::Hears(cluster, liveness) => drop(world.liveness.insert(name(cluster).into(), liveness)),
        Deed::Pass(seconds) => world.now += SignedDuration::from_secs(seconds),
        _ => {}
    }
}

fn decide(world: &mut World, told: &mut dyn FnMut(&World, &World)) {
    let before = world.clone();
    world.plan();
    told(&before, world);
}

/// Another version with another strategy; what else is in the file stays.
fn commit(world: &mut World, version: &str, strategy: usize) {
    let before = world.intent.clone().unwrap().application;
    world.commit(version, strategy_of(strategy));
    let after = &mut world.intent.as_mut().unwrap().application;
    after.metadata.annotations = before.metadata.annotations;
    after.spec.template.cluster_requirements = before.spec.template.cluster_requirements;
}

/// A block over everything.
pub fn block(world: &mut World, name: &str, allow: &[&str]) {
    let spec = json!({"message": "frozen", "author": {"type": "user", "name": "ada"}, "allow": allow});
    let metadata = Metadata { name: name.to_owned(), ..Metadata::default() };
    let block = RolloutBlock { metadata, spec: serde_json::from_value(spec).unwrap() };
    world.fleet.blocks.insert((None, name.to_owned()), block);
    world.commits += 1;
}

/// A cluster reports, if it has a target at all.
pub fn report(world: &mut World, cluster: &str, said: Said) {
    let Some(target) = world.targets.get(cluster) else { return };
    let measured = target.analysis.clone();
    let measured = |report: &mut AppReport, passed: bool| {
        let Some(asked) = &measured else { return };
        let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
        let sample = Sample { at: jiff::Timestamp::UNIX_EPOCH, outcome, measured: "1".to_owned() };
        let measures = asked.measures.iter().map(|measure| MeasureReport {
            name: measure.name.clone(),
            passed: if passed { measure.count } else { 0 },
            failed: u32::from(!passed),
            samples: vec![sample.clone()],
            ..MeasureReport::default()
        });
        report.analysis = Some(AnalysisReport {
            release: asked.release.clone(),
            run: asked.run,
            measures: measures.collect(),
        });
    };
    world.report(cluster, |report| match said {
        Said::Met => {}
        Said::Broken => broken(report),
        Said::Rejected => report.problems.push(ObjectProblem {
            object: "Deployment web/app".into(),
            heals: false,
            reason: Trouble::Rejected,
            message: "spec.replicas: wrong".into(),
        }),
        Said::Stale => report.target_generation -= 1,
        Said::Measured(passed) => measured(report, passed),
    });
}

/// Counts what has happened in a life.
pub fn count_all(reached: &Reached, world: &World) {
    let mut all = world.seen.clone();
    all.extend(world.happened.iter().map(|event| format!("{:?}", event.reason)));
    let withdrawn = world.releases.values().filter_map(|release| release.withdrawn.as_ref());
    all.extend(withdrawn.map(|withdrawal| format!("{:?}", withdrawal.reason)));
    all.into_iter().for_each(|what| reached.count(what));
}
