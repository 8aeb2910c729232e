//! What every block stops and what overrides it [B4]: kept from the last look at `main`, told for the moment at which somebody asks.

use super::Fleet;
use super::blocks::{names, overrides};
use crate::AppKey;
use crate::intent::{Allowance, Application, RolloutBlock, UnreadableBlock};
use crate::status::BlockStatus;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The blocks of a fleet and the overrides of its applications.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlockSurvey {
    blocks: Vec<RolloutBlock>,
    unreadable: Vec<UnreadableBlock>,
    /// What each application overrides; empty where there are no blocks.
    applications: BTreeMap<AppKey, BTreeSet<String>>,
}

impl BlockSurvey {
    /// Keeps what matters of a fleet and its applications; nothing where there are no blocks.
    pub fn of<'a>(fleet: &Fleet, applications: impl Iterator<Item = (&'a AppKey, &'a Application)>) -> Self {
        let any = !(fleet.blocks.is_empty() && fleet.unreadable_blocks.is_empty());
        Self {
            blocks: fleet.blocks.values().cloned().collect(),
            unreadable: fleet.unreadable_blocks.values().cloned().collect(),
            applications: applications
                .filter(|_| any)
                .map(|(key, application)| (key.clone(), overrides(application)))
                .collect(),
        }
    }

    /// The status of every block at `now`, those that cannot be read first.
    pub fn statuses(&self, now: Timestamp) -> Vec<BlockStatus> {
        let unreadable = self.unreadable.iter().map(|block| BlockStatus {
            message: block.problem.message.clone(),
            allow: Allowance::DEFAULT.into(),
            in_force: true,
            problem: Some(block.problem.clone()),
            ..self.status(block.namespace.as_deref(), &block.name)
        });
        let blocks = self.blocks.iter().map(|block| {
            let schedule = block.spec.schedule.as_ref();
            let period = schedule.and_then(|schedule| schedule.period(now));
            BlockStatus {
                message: block.spec.message.clone(),
                author: Some(block.spec.author.clone()),
                allow: block.spec.allowed(),
                schedule: schedule.cloned(),
                in_force: schedule.is_none() || period.is_some(),
                since: period.map(|period| period.from),
                until: period.map(|period| period.until),
                next: schedule.filter(|_| period.is_none()).and_then(|schedule| schedule.next(now)),
                ..self.status(block.metadata.namespace.as_deref(), &block.metadata.name)
            }
        });
        unreadable.chain(blocks).collect()
    }

    fn status(&self, namespace: Option<&str>, name: &str) -> BlockStatus {
        let concerned = self
            .applications
            .iter()
            .filter(|(key, _)| namespace.is_none_or(|namespace| namespace == key.namespace));
        let (overriding, blocked): (Vec<_>, Vec<_>) =
            concerned.partition(|(_, overrides)| names(overrides, namespace, name));
        let keys = |found: Vec<(&AppKey, &BTreeSet<String>)>| {
            found.into_iter().map(|(key, _)| key.clone()).collect()
        };
        BlockStatus {
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            message: String::new(),
            author: None,
            allow: BTreeSet::new(),
            schedule: None,
            in_force: false,
            since: None,
            until: None,
            next: None,
            problem: None,
            applications: keys(blocked),
            overridden_by: keys(overriding),
        }
    }
}
