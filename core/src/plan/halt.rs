//! What keeps everything as it is: blocks, and people who pause [B1, M13].

use super::blocks::Act;
use super::{Draft, blocks};
use crate::condition::Reason;

/// Why no release is made and nothing moves. The present step goes on converging, and a return is obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// By these rollout blocks.
    Blocked(Vec<String>),
    /// By `rollout.paused`.
    Paused,
}

impl Halt {
    /// The reason of conditions that speak of it.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Blocked(_) => Reason::RolloutsBlocked,
            Self::Paused => Reason::RolloutPaused,
        }
    }

    /// As the end of a sentence: "… while …".
    pub(super) fn words(&self) -> String {
        match self {
            Self::Blocked(blocks) => format!("rollouts are blocked by {}", blocks.join("; ")),
            Self::Paused => "rollout.paused is set".to_owned(),
        }
    }
}

/// What keeps the hub from an act; blocks before a pause [A5].
pub(super) fn halt(draft: &Draft<'_>, act: Act) -> Option<Halt> {
    if blocks::forbids(draft, act) {
        return Some(Halt::Blocked(blocks::that_forbid(draft, act)));
    }
    let frozen = matches!(act, Act::Make | Act::Move | Act::Rollback);
    (frozen && is_paused(draft)).then_some(Halt::Paused)
}

/// Whether people paused the rollout, and no block forbids to.
pub(super) fn is_paused(draft: &Draft<'_>) -> bool {
    draft.rollout().is_some_and(|rollout| rollout.paused) && !blocks::forbids(draft, Act::Pause)
}
