//! What may happen, in words.

use super::decide::Act;
use super::search::Event;
use super::world::{Face, Set};
use std::fmt;

/// What may happen. Pods, releases and targets go by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The next target is there. `under_way`: requests for the last one are, and will arrive.
    Target {
        number: u8,
        under_way: bool,
    },
    /// Controllers.
    LearnPods,
    LearnServices,
    ListForService {
        listed: Set,
    },
    ListForShadow {
        listed: Set,
    },
    LookAtDeployment(usize),
    LearnCount {
        number: usize,
        count: u8,
    },
    Make {
        number: usize,
        pods: Set,
    },
    Take {
        number: usize,
        pods: Set,
    },
    Collect(usize),
    /// Machines.
    Ready(usize),
    Fail(usize),
    /// The agent.
    SeePods,
    SeeSlices,
    SeeObjects,
    Decide {
        actions: usize,
    },
    Do(Act),
    /// Its object has changed since.
    DoInVain(Act),
    Kill,
    /// Time.
    Tick,
    Long,
}

/// The pods of a set.
struct Pods(Set);

impl fmt::Display for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = (0..Set::BITS as usize).filter(|slot| super::world::has(self.0, *slot));
        write!(f, "{:?}", of.collect::<Vec<_>>())
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target { number, under_way: true } => write!(f, "target {number}, with requests under way"),
            Self::Target { number, .. } => write!(f, "target {number}"),
            Self::LearnPods => write!(f, "controllers see the pods"),
            Self::LearnServices => write!(f, "the endpoint controller sees the Services"),
            Self::ListForService { listed } => write!(f, "the Service's slice lists {}", Pods(*listed)),
            Self::ListForShadow { listed } => write!(f, "the shadow's slice lists {}", Pods(*listed)),
            Self::LookAtDeployment(number) => write!(f, "its controller looks at Deployment {number}"),
            Self::LearnCount { number, count } => write!(f, "ReplicaSet {number} is known to be {count}"),
            Self::Make { number, pods } => write!(f, "ReplicaSet {number} makes {}", Pods(*pods)),
            Self::Take { number, pods } => write!(f, "ReplicaSet {number} deletes {}", Pods(*pods)),
            Self::Collect(number) => write!(f, "the pods of release {number} are collected"),
            Self::Ready(slot) => write!(f, "pod {slot} gets ready"),
            Self::Fail(slot) => write!(f, "pod {slot} fails"),
            Self::SeePods => write!(f, "the agent sees the pods"),
            Self::SeeSlices => write!(f, "the agent sees the slices"),
            Self::SeeObjects => write!(f, "the agent sees the objects"),
            Self::Decide { actions } => write!(f, "the agent decides on {actions} actions"),
            Self::Do(act) => write!(f, "  {act}"),
            Self::DoInVain(act) => write!(f, "  {act}: refused"),
            Self::Kill => write!(f, "the agent is killed and starts anew"),
            Self::Tick => write!(f, "time passes"),
            Self::Long => write!(f, "much time passes"),
        }
    }
}

impl Event for What {
    fn kind(self) -> &'static str {
        match self {
            Self::Target { under_way: true, .. } => "target with requests under way",
            Self::Target { .. } => "target",
            Self::LearnPods => "pods learned",
            Self::LearnServices => "services learned",
            Self::ListForService { .. } => "slice",
            Self::ListForShadow { .. } => "slice of the shadow",
            Self::LookAtDeployment(_) => "deployment",
            Self::LearnCount { .. } => "count learned",
            Self::Make { .. } => "pods made",
            Self::Take { .. } => "pods deleted",
            Self::Collect(_) => "pods collected",
            Self::Ready(_) => "pod ready",
            Self::Fail(_) => "pod fails",
            Self::SeePods => "pods seen",
            Self::SeeSlices => "slices seen",
            Self::SeeObjects => "objects seen",
            Self::Decide { .. } => "decision",
            Self::Do(Act::Label { serve: true, .. }) => "label given",
            Self::Do(Act::Label { .. }) => "label taken",
            Self::Do(Act::Scale { .. }) => "scaled",
            Self::Do(Act::Select(super::world::Selector::Label)) => "selects by label",
            Self::Do(Act::Select(_)) => "selects by release",
            Self::Do(Act::Shadow) => "shadow",
            Self::Do(Act::Unshadow) => "shadow deleted",
            Self::Do(Act::Remove(_)) => "removal",
            Self::DoInVain(_) => "refused",
            Self::Kill => "kill",
            Self::Tick => "time",
            Self::Long => "much time",
        }
    }

    fn is_failure(self) -> bool {
        matches!(self, Self::Target { .. } | Self::Fail(_) | Self::Kill)
    }
}

/// A world in a few lines, for whoever reads a way to a broken rule.
pub fn describe(world: &super::world::World) -> String {
    let there: Vec<(usize, Face, Face)> = (0..world.pods.len())
        .map(|slot| (slot, world.pods[slot], world.known.pods[slot]))
        .filter(|(_, pod, known)| pod.is_there() || known.is_there())
        .collect();
    format!(
        "target {}; pods (number, are, known to be): {there:?}; Deployments {:?}; ReplicaSets {:?}; Services {:?}; {:?}",
        world.target, world.deployments, world.sets, world.services, world.slices
    )
}
