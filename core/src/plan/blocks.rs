//! Rollout blocks: what stops an application's rollout, and what goes on all the same [B1, B2].

use super::{Draft, Fleet};
use crate::AppKey;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::intent::{Allowance, Application, GLOBAL_BLOCKS_NAMESPACE, RolloutBlock};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Annotations on an Application that name the blocks it overrides; the second is the original's.
pub const OVERRIDES: [&str; 2] =
    ["shipper.dev/rollout-block.override", "shipper.booking.com/rollout-block.override"];

/// What the hub may do with an application. While a block is in force everything is forbidden that it does not allow [B1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Make a release [R2].
    Make,
    /// Move the contender to another step, in any direction, by an order or because its gates are passed [M1, M12].
    Move,
    /// Choose other clusters than those that are chosen [S2].
    Place,
    /// Remove the application [X1].
    Remove,
    /// Return to the incumbent by a commit [M8].
    Abort,
    /// Obey `rollout.paused` [M13].
    Pause,
    /// Withdraw a failing contender [A3].
    #[allow(dead_code, reason = "asked by the failure budget")]
    Rollback,
    /// Leave a cluster that is drained [S4].
    Drain,
}

impl Act {
    /// What a block calls it in `allow`; `None` = no block allows it.
    fn allowance(self) -> Option<Allowance> {
        match self {
            Self::Make | Self::Move | Self::Place | Self::Remove => None,
            Self::Abort => Some(Allowance::Abort),
            Self::Pause => Some(Allowance::Pause),
            Self::Rollback => Some(Allowance::Rollback),
            Self::Drain => Some(Allowance::Drain),
        }
    }
}

/// The blocks as they concern one application at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// In force and not overridden.
    blocks: Vec<Block>,
    /// Names of blocks that an override names [B2].
    overridden: Vec<String>,
    /// Overrides that name no block [B2].
    unknown: Vec<String>,
    /// When a schedule next begins or ends.
    change: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Block {
    /// `namespace/name`, or the file that cannot be read.
    name: String,
    /// `name: message`, for people.
    words: String,
    /// Whether its file can be read.
    readable: bool,
    allowed: BTreeSet<Allowance>,
}

impl Standing {
    /// Judges all blocks for one application.
    pub(super) fn of(fleet: &Fleet, key: &AppKey, application: Option<&Application>, now: Timestamp) -> Self {
        let overrides = application.map(overrides).unwrap_or_default();
        let mut standing = Self::default();
        let concerns = |scope: Option<&String>| scope.is_none_or(|scope| *scope == key.namespace);
        for ((scope, name), block) in fleet.blocks.iter().filter(|((scope, _), _)| concerns(scope.as_ref())) {
            standing.add(scope.as_deref(), name, block, &overrides, now);
        }
        for unreadable in fleet.unreadable_blocks.values().filter(|block| concerns(block.namespace.as_ref()))
        {
            if names(&overrides, unreadable.namespace.as_deref(), &unreadable.name) {
                standing.overridden.push(unreadable.problem.file.clone());
                continue;
            }
            let scope = match &unreadable.namespace {
                Some(namespace) => format!("namespace {namespace}"),
                None => "everything".to_owned(),
            };
            let name = unreadable.problem.file.clone();
            let words = format!(
                "{name} cannot be read and blocks {scope} until it is mended or removed: {}",
                unreadable.problem.message
            );
            standing.blocks.push(Block { name, words, readable: false, allowed: Allowance::DEFAULT.into() });
        }
        standing.unknown = overrides.into_iter().filter(|name| !exists(fleet, name)).collect();
        standing
    }

    fn add(
        &mut self,
        scope: Option<&str>,
        name: &str,
        block: &RolloutBlock,
        overrides: &BTreeSet<String>,
        now: Timestamp,
    ) {
        if names(overrides, scope, name) {
            self.overridden.push(qualified(scope, name));
            return;
        }
        let name = qualified(scope, name);
        let mut words = format!("{name}: {}", block.spec.message);
        if let Some(schedule) = &block.spec.schedule {
            let period = schedule.period(now);
            let change = period.map_or_else(|| schedule.next(now), |period| Some(period.until));
            self.change = [self.change, change].into_iter().flatten().min();
            let Some(period) = period else { return };
            words.push_str(&format!(" (until {})", period.until));
        }
        self.blocks.push(Block { name, words, readable: true, allowed: block.spec.allowed() });
    }

    /// When a schedule next begins or ends.
    pub(super) fn change(&self) -> Option<Timestamp> {
        self.change
    }

    /// What people are told of blocks and overrides; nothing where there are none.
    pub(super) fn condition(&self) -> Option<Condition> {
        let unknown = match self.unknown.as_slice() {
            [] => None,
            names => Some(format!(
                "the annotation {} names {}, and there is no such block; remove it, so that it does not override a block to come",
                OVERRIDES[0],
                names.join(", ")
            )),
        };
        let blocked = (!self.blocks.is_empty())
            .then(|| format!("rollouts are blocked by {}", words(&self.blocks).join("; ")));
        let (status, reason) = match (&blocked, &unknown) {
            (None, None) => return None,
            (Some(_), _) => (Status::True, Reason::RolloutsBlocked),
            (None, Some(_)) => (Status::False, Reason::OverrideNotFound),
        };
        let message = [blocked, unknown].into_iter().flatten().collect::<Vec<_>>().join("; ");
        Some(Condition::new(ConditionType::Blocked, status, reason, message))
    }
}

/// Whether a block in force forbids the act.
pub(super) fn forbids(draft: &Draft<'_>, act: Act) -> bool {
    draft.blocks.blocks.iter().any(|block| forbidding(block, act))
}

/// The blocks in force that forbid the act, in words; empty = it is not forbidden.
pub(super) fn that_forbid(draft: &Draft<'_>, act: Act) -> Vec<String> {
    words(draft.blocks.blocks.iter().filter(|block| forbidding(block, act)))
}

/// Blocks as what something is blocked by: `namespace/name: message` each. Those that cannot be read are told as one, since every
/// application in their scope tells it.
fn words<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Vec<String> {
    let (readable, others): (Vec<&Block>, Vec<&Block>) = blocks.into_iter().partition(|block| block.readable);
    let others = match others.as_slice() {
        [] => None,
        [only] => Some(format!("{}, which cannot be read", only.name)),
        [first, other] => Some(format!("{} and {}, which cannot be read", first.name, other.name)),
        [first, more @ ..] => {
            Some(format!("{} and {} more files, which cannot be read", first.name, more.len()))
        }
    };
    readable.into_iter().map(|block| block.words.clone()).chain(others).collect()
}

fn forbidding(block: &Block, act: Act) -> bool {
    act.allowance().is_none_or(|allowance| !block.allowed.contains(&allowance))
}

/// What blocks the application, and what people can do about it; `None` = nothing does.
pub(super) fn in_force(draft: &Draft<'_>) -> Option<String> {
    let blocks = &draft.blocks.blocks;
    let remove = format!("remove the block, or name it in the annotation {}", OVERRIDES[0]);
    let mend = "mend or remove what cannot be read: shipperctl blocks list says what is wrong with it";
    let next = match (blocks.iter().any(|block| block.readable), blocks.iter().all(|block| block.readable)) {
        (false, true) => return None,
        (true, true) => remove,
        (true, false) => format!("{remove}; {mend}"),
        (false, false) => mend.to_owned(),
    };
    Some(format!("rollouts are blocked by {}; {next}", words(blocks).join("; ")))
}

/// The blocks in force, by name and in words.
pub(super) fn standing<'a>(draft: &'a Draft<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    draft.blocks.blocks.iter().map(|block| (block.name.as_str(), block.words.as_str()))
}

/// The blocks that the application overrides.
pub(super) fn overridden<'a>(draft: &'a Draft<'_>) -> &'a [String] {
    &draft.blocks.overridden
}

/// `namespace/name`; the original keeps global blocks in a namespace of their own.
pub(super) fn qualified(scope: Option<&str>, name: &str) -> String {
    format!("{}/{name}", scope.unwrap_or(GLOBAL_BLOCKS_NAMESPACE))
}

/// Whether an override names the block, with its namespace or without.
pub(super) fn names(overrides: &BTreeSet<String>, scope: Option<&str>, name: &str) -> bool {
    overrides.contains(name) || overrides.contains(&qualified(scope, name))
}

/// Whether the name in an override is that of a block, with its namespace or without [B2].
pub fn names_block(name: &str, scope: Option<&str>, block: &str) -> bool {
    block == name || qualified(scope, block) == name
}

fn exists(fleet: &Fleet, name: &str) -> bool {
    fleet.blocks.keys().any(|(scope, block)| names_block(name, scope.as_deref(), block))
        || fleet
            .unreadable_blocks
            .values()
            .any(|block| names_block(name, block.namespace.as_deref(), &block.name))
}

/// The names of blocks in the application's annotations [B2].
pub fn overrides(application: &Application) -> BTreeSet<String> {
    OVERRIDES
        .iter()
        .filter_map(|annotation| application.metadata.annotations.get(*annotation))
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}
