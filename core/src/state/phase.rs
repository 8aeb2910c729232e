//! The life of a release, told by its record: where it may be, and how it gets from there to elsewhere.
//!
//! The book's diagram is made from [`MOVES`], and the random histories hold every commit to it.

use super::ReleaseRecord;
use std::fmt;

/// Where in its life a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// It cannot be rendered and goes nowhere [I3].
    Failed,
    /// On its way to the numbers of a step.
    UnderWay,
    /// Everywhere as the step asks [A1].
    Achieved,
    /// It has gone all the way [M7].
    Complete,
    /// It is taken back, or another took its place before it was achieved [M8, M10].
    Withdrawn,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Failed, Self::UnderWay, Self::Achieved, Self::Complete, Self::Withdrawn];

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "cannot be rendered, goes nowhere",
            Self::UnderWay => "on its way to the numbers of its step",
            Self::Achieved => "every placed cluster is as the step asks; waits for its gate or an order",
            Self::Complete => "has gone all the way, and is the incumbent of the next one",
            Self::Withdrawn => "taken back; its pods go once others carry the load",
        }
    }
}

impl Phase {
    /// Whether a way leads there, over however many moves; `None` = the record goes.
    pub fn leads_to(self, there: Option<Self>) -> bool {
        leads(Some(self), there)
    }

    /// Whether a release may be there in the first commit that has it.
    pub fn is_first(self) -> bool {
        leads(None, Some(self))
    }
}

fn leads(from: Option<Phase>, there: Option<Phase>) -> bool {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(at) = seen.get(next).copied() {
        next += 1;
        for step in MOVES.iter().filter(|step| step.from == at && (at.is_some() || next == 1)) {
            if step.to == there {
                return true;
            }
            if step.to.is_some() && !seen.contains(&step.to) {
                seen.push(step.to);
            }
        }
    }
    false
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One way from a phase to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// `None` = the release is made.
    pub from: Option<Phase>,
    /// `None` = its record goes: nothing of it is left, and newer ones fill the history.
    pub to: Option<Phase>,
    /// What moves it.
    pub by: &'static str,
    /// The rules.
    pub rules: &'static str,
}

const fn from(from: Phase, to: Phase, by: &'static str, rules: &'static str) -> Move {
    Move { from: Some(from), to: Some(to), by, rules }
}

const fn made(to: Phase, by: &'static str, rules: &'static str) -> Move {
    Move { from: None, to: Some(to), by, rules }
}

const fn gone(from: Phase, by: &'static str, rules: &'static str) -> Move {
    Move { from: Some(from), to: None, by, rules }
}

/// Every way there is, but for an application that is removed, with which its releases go wherever they are [X1]. A plan may take several
/// at once: a commit shows where they end.
pub const MOVES: [Move; 14] = [
    made(Phase::UnderWay, "the environment on main changed", "R2"),
    made(Phase::Failed, "its manifests cannot be rendered", "I3"),
    from(Phase::UnderWay, Phase::Achieved, "every placed cluster reported it", "A1"),
    from(
        Phase::Achieved,
        Phase::UnderWay,
        "an order, a gate that is passed, a report that takes it back, another strategy",
        "M1, M12, A1, R4",
    ),
    from(Phase::Achieved, Phase::Complete, "the gates of the last step are passed", "M7"),
    from(Phase::Complete, Phase::UnderWay, "walked back by an order", "M7"),
    from(
        Phase::UnderWay,
        Phase::Withdrawn,
        "a return, a newer release, or the hub where onFailure says so",
        "M8, M10, A3",
    ),
    from(
        Phase::Achieved,
        Phase::Withdrawn,
        "a return, a newer release, or the hub where onFailure says so",
        "M8, M10, A3",
    ),
    from(Phase::Complete, Phase::Withdrawn, "a return to the one before", "M8"),
    from(Phase::Failed, Phase::Withdrawn, "a return, or a newer release", "M8, M10"),
    from(
        Phase::UnderWay,
        Phase::Complete,
        "carried, because it carries the load when a newer release comes",
        "R5",
    ),
    gone(Phase::Withdrawn, "the history is full", "R7"),
    gone(Phase::Complete, "the history is full", "R7"),
    gone(Phase::Failed, "the history is full", "R7"),
];

impl ReleaseRecord {
    /// Where in its life it is.
    pub fn phase(&self) -> Phase {
        if self.withdrawn.is_some() {
            Phase::Withdrawn
        } else if self.failed.is_some() {
            Phase::Failed
        } else if self.complete.is_some() {
            Phase::Complete
        } else if self.achieved.as_ref().is_some_and(|achieved| achieved.step == self.position.step) {
            Phase::Achieved
        } else {
            Phase::UnderWay
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_withdrawn_or_failed_does_not_come_back() {
        use Phase::{Achieved, Complete, Failed, UnderWay, Withdrawn};
        for phase in [UnderWay, Achieved, Complete, Failed] {
            assert!(!Withdrawn.leads_to(Some(phase)), "{phase}");
            assert!(phase == Failed || !Failed.leads_to(Some(phase)), "{phase}");
            assert!(phase.leads_to(Some(Withdrawn)), "{phase}");
        }
        assert!(Complete.leads_to(Some(UnderWay)) && Complete.leads_to(Some(Complete)));
        assert!(Withdrawn.leads_to(None));
        assert!(Phase::ALL.into_iter().all(Phase::is_first), "a commit may come late");
    }
}
