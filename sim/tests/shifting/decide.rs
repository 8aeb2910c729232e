//! What the agent decides: the real decision, made once for everything that it may have seen, with its actions as this model does them.

use super::objects::{Objects, slot_of};
use super::script::{NAME, RELEASES, Script, release, wanted};
use super::seen::{NOW, Seen, Sights};
use super::world::Selector;
use serde_json::Value;
use shipper_core::ReleaseName;
use shipper_core::converge::{Action, Apply, Convergence, converge};
use shipper_core::labels;
use shipper_core::manifest::Manifests;
use shipper_core::report::AppReport;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    Label {
        slot: usize,
        serve: bool,
    },
    /// `make`: there was none.
    Scale {
        number: usize,
        replicas: u8,
        make: bool,
    },
    Select(Selector),
    Shadow,
    Unshadow,
    Remove(usize),
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label { slot, serve: true } => write!(f, "label pod {slot}"),
            Self::Label { slot, .. } => write!(f, "take the label of pod {slot}"),
            Self::Scale { number, replicas, .. } => write!(f, "scale release {number} to {replicas}"),
            Self::Select(selector) => write!(f, "select by {selector:?}"),
            Self::Shadow => write!(f, "make the shadow"),
            Self::Unshadow => write!(f, "delete the shadow"),
            Self::Remove(number) => write!(f, "delete the Deployment of release {number}"),
        }
    }
}

/// What is to be done, in groups one after another, each side by side.
pub type Plan = Vec<(u8, Act)>;

/// One decision.
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    /// What is to be done, by number; 0 = nothing.
    pub plan: u32,
    /// Everything is as the target asks [C4].
    pub achieved: bool,
    /// It is to be made again after a while.
    pub wakes: bool,
}

/// Sights, and the decisions made so far.
pub struct Memory {
    pub script: Script,
    manifests: BTreeMap<ReleaseName, Manifests>,
    pub sights: Sights,
    plans: Vec<Plan>,
    numbers: HashMap<Plan, u32>,
    decided: HashMap<(u8, Seen), Decision>,
}

impl Memory {
    pub fn new(script: Script) -> Self {
        let (objects, base) = Objects::of(&script, NOW);
        Self {
            manifests: script.manifests(),
            sights: Sights::new(objects, base),
            plans: vec![Plan::new()],
            numbers: HashMap::from([(Plan::new(), 0)]),
            decided: HashMap::new(),
            script,
        }
    }

    /// What is to be done.
    pub fn plan(&self, plan: u32) -> &Plan {
        &self.plans[plan as usize]
    }

    /// What the agent decides that has seen this.
    pub fn decide(&mut self, target: u8, seen: Seen) -> Decision {
        if let Some(known) = self.decided.get(&(target, seen)) {
            return *known;
        }
        let asked = &self.script.targets[usize::from(target)];
        let mut manifests = self.manifests.clone();
        manifests
            .retain(|name, _| asked.releases.iter().any(|listed| listed.name == *name && !listed.absent));
        let convergence = converge(wanted(asked, &manifests), &self.sights.observed(&seen), NOW);
        let achieved = is_met(&convergence.report);
        let wakes = convergence.wake_at.is_some();
        let plan = self.keep(convergence);
        let decision = Decision { plan, achieved, wakes };
        self.decided.insert((target, seen), decision);
        decision
    }

    /// How many decisions were made.
    pub fn decisions(&self) -> usize {
        self.decided.len()
    }

    fn keep(&mut self, convergence: Convergence) -> u32 {
        // As the agent: applies upwards, deletions downwards, labels with the first.
        let mut ranked: BTreeMap<(u8, usize), Vec<Act>> = BTreeMap::new();
        for action in convergence.actions {
            let (rank, act) = match action {
                Action::Label(label) => {
                    ((0, 0), Act::Label { slot: slot_of(&label.pod), serve: label.serve })
                }
                Action::Apply(apply) => ((1, apply.rank), self.apply(&apply)),
                Action::Delete(delete) => {
                    let act = match delete.key.kind.as_str() {
                        "Deployment" => Act::Remove(number_of(&delete.key.name)),
                        "Service" if delete.key.name != NAME => Act::Unshadow,
                        _ => panic!("nobody asked for that: {delete:?}"),
                    };
                    ((2, usize::MAX - delete.rank), act)
                }
            };
            ranked.entry(rank).or_default().push(act);
        }
        if ranked.len() > 1
            && let Some(labels) = ranked.remove(&(0, 0))
            && let Some(mut first) = ranked.first_entry()
        {
            first.get_mut().extend(labels);
        }
        let groups = (0..).zip(ranked.into_values());
        let plan: Plan =
            groups.flat_map(|(group, acts)| acts.into_iter().map(move |act| (group, act))).collect();
        if let Some(number) = self.numbers.get(&plan) {
            return *number;
        }
        let number = u32::try_from(self.plans.len()).expect("a small model");
        self.plans.push(plan.clone());
        self.numbers.insert(plan, number);
        number
    }

    fn apply(&mut self, apply: &Apply) -> Act {
        let spec = &apply.object["spec"];
        match apply.key.kind.as_str() {
            "Deployment" => {
                let replicas = spec["replicas"].as_u64().and_then(|n| n.try_into().ok()).expect("replicas");
                Act::Scale { number: number_of(&apply.key.name), replicas, make: apply.uid.is_none() }
            }
            "Service" if apply.key.name == NAME => {
                let release = spec["selector"].get(labels::RELEASE).and_then(Value::as_str);
                let number = |name| (0..RELEASES).position(|number| release_is(number, name));
                let number = release.map(|name| number(name).expect("a release of this model") as u8);
                Act::Select(number.map_or(Selector::Label, Selector::Release))
            }
            "Service" => {
                self.sights.objects.shadow_is(&apply.object);
                Act::Shadow
            }
            _ => panic!("nobody asked for that: {apply:?}"),
        }
    }
}

fn release_is(number: usize, name: &str) -> bool {
    release(number).as_str() == name
}

/// The release whose Deployment has this name.
fn number_of(deployment: &str) -> usize {
    (0..RELEASES).find(|number| release_is(*number, deployment)).expect("a Deployment of this model")
}

/// As the agent tells it.
fn is_met(report: &AppReport) -> bool {
    report.releases.iter().all(|release| {
        let there = release.installed && release.capacity.achieved;
        let gone = !release.present && release.capacity.desired == 0;
        gone || (there && release.traffic.as_ref().is_none_or(|traffic| traffic.achieved))
    })
}
