//! What people, failures and machines do in a history, drawn before it begins: each deed has dice of its own, so that leaving others
//! out does not change what it does. A failing history is made smaller by that ([`crate::shrink`]).

use super::SCENE;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// One deed.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    /// When it is done.
    pub at: Duration,
    pub kind: Kind,
    /// What all that is random in it is drawn from.
    pub dice: u64,
}

/// What is done; to which cluster, and how, the dice say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Commit,
    Promote,
    SkipGates,
    WalkBack,
    Revert,
    RollBack,
    AdoptStrategy,
    Pause,
    Remove,
    Absent,
    Block,
    Drain,
    Cordon,
    Join,
    Replace,
    KillAgent,
    KillHub,
    LoseData,
    StopHub,
    Partition,
    FailPod,
    LoseImage,
    Deny,
    Mend,
    Intervene,
}

/// How often each is done, of [`TOTAL`].
const OFTEN: [(Kind, u32); 25] = [
    (Kind::Commit, 12),
    (Kind::Promote, 26),
    (Kind::SkipGates, 4),
    (Kind::WalkBack, 8),
    (Kind::Revert, 7),
    (Kind::RollBack, 4),
    (Kind::AdoptStrategy, 5),
    (Kind::Pause, 4),
    (Kind::Remove, 2),
    (Kind::Absent, 2),
    (Kind::Block, 7),
    (Kind::Drain, 7),
    (Kind::Cordon, 4),
    (Kind::Join, 4),
    (Kind::Replace, 2),
    (Kind::KillAgent, 9),
    (Kind::KillHub, 6),
    (Kind::LoseData, 3),
    (Kind::StopHub, 4),
    (Kind::Partition, 5),
    (Kind::FailPod, 10),
    (Kind::LoseImage, 8),
    (Kind::Deny, 3),
    (Kind::Mend, 5),
    (Kind::Intervene, 5),
];

/// All deeds of a history.
pub fn draw(seed: u64) -> Vec<Deed> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x0dee_d5ee_d000);
    let total = OFTEN.iter().map(|(_, often)| often).sum();
    let mut deeds = Vec::new();
    let mut at = Duration::from_secs(5);
    while at < SCENE {
        let mut left = rng.random_range(0..total);
        let kind = OFTEN.iter().find(|(_, often)| {
            let found = left < *often;
            left = left.saturating_sub(*often);
            found
        });
        let dice = rng.random();
        deeds.extend(kind.map(|(kind, _)| Deed { at, kind: *kind, dice }));
        at += Duration::from_millis(rng.random_range(200..12_000));
    }
    deeds
}
