//! How things stand, in one word. Every page shows a mood by a colour, a shape and the word, so that no one of them carries it alone.

use shipper_core::api::RolloutState;
use shipper_core::status::{ApplicationStatus, ClusterStatus, Liveness, ReleaseStatus, WaitingFor};

/// How an application or a part of it stands, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mood {
    /// Something fails that waiting does not seem to heal.
    Failing,
    /// It waits for a person.
    Yours,
    /// It is on its way.
    Moving,
    /// It soaks or is measured.
    Gate,
    /// Somebody stopped it.
    Stopped,
    /// The agent of the cluster does not report, or of those that are waited for none does.
    Silent,
    /// All is as it should be.
    Settled,
}

impl Mood {
    /// Those that an application can be in, in the order of the filter.
    pub const OF_APPLICATIONS: [Self; 7] =
        [Self::Failing, Self::Yours, Self::Moving, Self::Gate, Self::Stopped, Self::Silent, Self::Settled];

    /// As it stands in addresses and class names, and the name of its shape.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Yours => "yours",
            Self::Moving => "moving",
            Self::Gate => "gate",
            Self::Stopped => "stopped",
            Self::Silent => "silent",
            Self::Settled => "settled",
        }
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Failing => "Failing",
            Self::Yours => "Your turn",
            Self::Moving => "Moving",
            Self::Gate => "Being measured",
            Self::Stopped => "Stopped",
            Self::Silent => "Not heard",
            Self::Settled => "At rest",
        }
    }

    /// Of an application.
    pub fn of(status: &ApplicationStatus) -> Self {
        let contender = contender(status);
        let failed = contender.is_some_and(|release| release.failed.is_some());
        if failed || status.clusters.iter().any(fails) {
            return Self::Failing;
        }
        match status.waiting.state {
            WaitingFor::Blocked | WaitingFor::Paused => Self::Stopped,
            WaitingFor::None | WaitingFor::WaitingForInstallation if is_not_followed(status) => Self::Failing,
            WaitingFor::WaitingForCommand => Self::Yours,
            WaitingFor::WaitingForGate => Self::Gate,
            WaitingFor::WaitingForCluster if is_waiting_for_silence(status) => Self::Silent,
            WaitingFor::WaitingForCluster
            | WaitingFor::WaitingForInstallation
            | WaitingFor::WaitingForCapacity
            | WaitingFor::WaitingForTraffic => Self::Moving,
            WaitingFor::None => Self::Settled,
        }
    }

    /// Of an application in one cluster.
    pub fn within(cluster: &ClusterStatus) -> Self {
        if fails(cluster) {
            return Self::Failing;
        }
        if cluster.liveness == Liveness::Offline {
            return Self::Silent;
        }
        match cluster.waiting {
            WaitingFor::None | WaitingFor::WaitingForCommand => {
                if cluster.departure.is_some() {
                    Self::Moving
                } else {
                    Self::Settled
                }
            }
            WaitingFor::WaitingForGate => Self::Gate,
            WaitingFor::Blocked | WaitingFor::Paused => Self::Stopped,
            WaitingFor::WaitingForCluster
            | WaitingFor::WaitingForInstallation
            | WaitingFor::WaitingForCapacity
            | WaitingFor::WaitingForTraffic => Self::Moving,
        }
    }
}

/// The contender's own status.
pub fn contender(status: &ApplicationStatus) -> Option<&ReleaseStatus> {
    let name = status.contender.as_ref()?;
    status.releases.iter().find(|release| release.name == *name)
}

/// The incumbent's own status.
pub fn incumbent(status: &ApplicationStatus) -> Option<&ReleaseStatus> {
    let name = status.incumbent.as_ref()?;
    status.releases.iter().find(|release| release.name == *name)
}

/// Whether something is in the way of the release that `main` asks for, and it is not that of the contender which waits.
fn is_not_followed(status: &ApplicationStatus) -> bool {
    matches!(RolloutState::of(status), RolloutState::NoRelease | RolloutState::OutOfSync)
}

/// Whether no cluster that is waited for reports.
fn is_waiting_for_silence(status: &ApplicationStatus) -> bool {
    let waited = |one: &&ClusterStatus| status.waiting.clusters.contains(&one.cluster);
    let mut waited = status.clusters.iter().filter(waited).peekable();
    waited.peek().is_some() && waited.all(|one| one.liveness != Liveness::Online)
}

/// Whether something fails there: said by the hub, or to be seen in pods or objects before the deadline is over.
fn fails(cluster: &ClusterStatus) -> bool {
    cluster.failing.is_some()
        || cluster.problems.iter().any(|problem| !problem.heals)
        || cluster.releases.iter().flat_map(|release| &release.pods).any(|group| !group.is_starting())
}
