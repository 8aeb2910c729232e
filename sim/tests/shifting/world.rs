//! One state of everything: what is there, what each controller knows of it, and what the agent has seen and is about to do.

use super::objects::SLOTS;
use super::script::{RELEASES, SETTLE};
use super::seen::Seen;
use std::fmt;

/// What can be told of a pod; the default is none at all.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Face(u8);

impl Face {
    const THERE: u8 = 1;
    const READY: u8 = 2;
    const LABELLED: u8 = 4;
    /// It has a deletion cost: 1 with the label, -1 without.
    const MARKED: u8 = 8;

    /// As a ReplicaSet makes it.
    pub const NEW: Self = Self(Self::THERE);

    pub fn is_there(self) -> bool {
        self.0 & Self::THERE > 0
    }

    pub fn is_ready(self) -> bool {
        self.0 & Self::READY > 0
    }

    /// It carries the traffic label.
    pub fn is_labelled(self) -> bool {
        self.0 & Self::LABELLED > 0
    }

    /// Its deletion cost.
    pub fn cost(self) -> i8 {
        match (self.0 & Self::MARKED > 0, self.is_labelled()) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => -1,
        }
    }

    /// The same, ready or not.
    pub fn ready(self, ready: bool) -> Self {
        Self(if ready { self.0 | Self::READY } else { self.0 & !Self::READY })
    }

    /// The same once it was given the traffic label, or that was taken.
    pub fn labelled(self, serve: bool) -> Self {
        let label = if serve { Self::LABELLED } else { 0 };
        Self(self.0 & !Self::LABELLED | Self::MARKED | label)
    }
}

impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_there() {
            return write!(f, "-");
        }
        let (ready, label) = (if self.is_ready() { "ready" } else { "unready" }, self.is_labelled());
        write!(
            f,
            "{ready}{}{}",
            if label { "+label" } else { "" },
            if self.cost() < 0 { "+mark" } else { "" }
        )
    }
}

/// A set of pods, by their number.
pub type Set = u16;

/// Whether a set has a pod.
pub fn has(set: Set, slot: usize) -> bool {
    set & 1 << slot > 0
}

/// What the traffic Service selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Pods with the traffic label.
    Label,
    /// Pods of a release.
    Release(u8),
}

/// A Deployment as the API server tells of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Deployment {
    pub there: bool,
    /// `spec.replicas`.
    pub replicas: u8,
    /// Its controller has seen that.
    pub observed: bool,
    /// Pods, and ready ones, as its status tells.
    pub status: (u8, u8),
}

/// The ReplicaSet of a Deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReplicaSet {
    /// `spec.replicas`.
    pub replicas: u8,
    /// What its controller knows that to be.
    pub known: u8,
    /// Pods, and ready ones, as its status tells.
    pub status: (u8, u8),
}

/// The Services, of both kinds: what the traffic Service selects, and which shadow there is.
pub type Services = (Option<Selector>, Option<u8>);

/// EndpointSlices: the ready pods that are listed for the traffic Service, and for which shadow which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Slices {
    pub service: Option<Set>,
    pub shadow: Option<(u8, Set)>,
}

/// What the controllers know, of all pods at once and of all Services at once; each may be behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Known {
    pub pods: [Face; SLOTS],
    pub services: Services,
    /// How many steps of time each has been behind: pods, Services, Deployments, counts of ReplicaSets.
    pub late: [u8; 2 + 2 * RELEASES],
}

/// The agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Agent {
    pub seen: Seen,
    /// Pods of which it has not seen the newest version.
    pub stale: Set,
    /// Deployments of which it has not.
    pub stale_deployments: u8,
    /// The slices as it has seen them.
    pub slices: Slices,
    /// It has still to see that a shadow is gone.
    pub leaving: Option<u8>,
    /// What it has decided to do, by number, what of that is still to be done, and what was decided on something that has not changed since.
    pub plan: u32,
    pub left: u16,
    pub valid: u16,
}

/// Everything at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The target in force.
    pub target: u8,
    pub pods: [Face; SLOTS],
    /// Steps of time since each was last listed for the traffic Service; no more are counted than matter.
    pub out: [u8; SLOTS],
    pub deployments: [Deployment; RELEASES],
    pub sets: [ReplicaSet; RELEASES],
    pub services: Services,
    /// How many shadows there were, as far as they have to be told apart.
    pub shadows: u8,
    pub slices: Slices,
    pub known: Known,
    pub agent: Agent,
    /// Pods that were without the label when the Service began to select by it: nothing is to bring them traffic.
    pub bare: Set,
    /// Pods that failed by themselves.
    pub failed: Set,
    /// Steps of time since a pod failed whose place in traffic has not been taken.
    pub missing: Option<u8>,
    /// One has failed.
    pub struck: bool,
    pub killed: bool,
}

impl World {
    /// Nothing is there.
    pub fn nothing() -> Self {
        Self {
            target: 0,
            pods: Default::default(),
            out: [SETTLE; SLOTS],
            deployments: Default::default(),
            sets: Default::default(),
            services: (None, None),
            shadows: 0,
            slices: Slices::default(),
            known: Known::default(),
            agent: Agent::default(),
            bare: 0,
            failed: 0,
            missing: None,
            struck: false,
            killed: false,
        }
    }

    /// The ready pods with traffic.
    pub fn served(&self) -> Set {
        let listed = self.slices.service.unwrap_or_default();
        self.which(|slot| has(listed, slot) && self.pods[slot].is_ready())
    }

    /// The pods of which this is so.
    pub fn which(&self, is: impl Fn(usize) -> bool) -> Set {
        (0..SLOTS)
            .filter(|slot| self.pods[*slot].is_there() && is(*slot))
            .fold(0, |set, slot| set | 1 << slot)
    }
}
