//! [C2] Pods never come above the ceiling, although controllers act on what they saw a moment ago.

use super::monitor::{AFTERMATH, Truth};
use std::collections::VecDeque;
use std::time::Duration;

/// Watches the pods of one cluster.
#[derive(Debug, Default)]
pub struct Pods {
    /// A Deployment went: what its controllers do until they all know is not ours.
    deleted: Option<Duration>,
    /// What was asked for until lately, and until when: pods of it that fail are replaced.
    lowered: VecDeque<(Duration, u32)>,
}

impl Pods {
    /// Judges an event by what was before and is now. `scaled`: a person set the replicas.
    pub fn check(
        &mut self,
        (before, truth): (&Truth, &Truth),
        ceiling: u32,
        scaled: bool,
        now: Duration,
    ) -> Result<(), String> {
        if !before.deployments.is_subset(&truth.deployments) {
            self.deleted = Some(now);
        } else if self.deleted.is_some_and(|at| at + AFTERMATH < now) {
            self.deleted = None;
        }
        if truth.replicas < before.replicas {
            self.lowered.push_back((now, before.replicas));
        }
        while self.lowered.front().is_some_and(|(at, _)| *at + AFTERMATH < now) {
            self.lowered.pop_front();
        }
        let lately = self.lowered.iter().map(|(_, replicas)| *replicas).max().unwrap_or(0);
        let most = ceiling.max(lately).max(truth.replicas) as usize;
        let (was, is) = (before.pods.len(), truth.pods.len());
        if is > most && is > was && !scaled && self.deleted.is_none() {
            return Err(format!("C2 ceiling: pods from {was} to {is}, at most {ceiling}"));
        }
        Ok(())
    }
}
