//! What hubs do: plan, and push what they planned.

use super::{Happening, History};
use crate::hub::is;
use rand::RngExt;
use shipper_core::condition::Reason;
use shipper_core::plan::EventReason;
use shipper_core::status::WaitingFor;
use std::time::Duration;

impl History {
    /// Wakes a hub when a cluster goes online or offline, and listens again when the next one may.
    pub(super) fn listen(&mut self, i: usize) {
        let (turned, next) = self.hubs[i].turn(&self.fleet, self.now);
        if turned {
            self.soon(10, Happening::Think(i));
        }
        if let Some(at) = next {
            self.once(at, Happening::Listen(i));
        }
    }

    pub(super) fn think(&mut self, i: usize) -> Result<(), String> {
        if self.hubs[i].paused || self.hubs[i].push.is_some() {
            return Ok(());
        }
        let (push, status, wake_at) = self.hubs[i].think(&self.git, &self.fleet, self.now, self.wall());
        let blocked = status.as_ref().is_some_and(|status| status.waiting.state == WaitingFor::Blocked);
        if i == 0 {
            let conditions = status.iter().flat_map(|status| &status.conditions);
            let held = conditions.into_iter().any(|condition| condition.reason == Reason::RolloutHeld);
            self.outcome.holds += u64::from(held && !self.held);
            self.held = held;
        }
        if blocked && !self.blocking.in_force(self.wall()) {
            return Err("B1: the hub waits for a block that is not in force".to_owned());
        }
        self.outcome.blocked += u64::from(blocked);
        if let Some(push) = &push {
            self.blocking.judge(self.wall(), self.git.state.last().map(AsRef::as_ref), &push.state)?;
            self.judge_pause(&push.state)?;
            self.judge_order(&push.state)?;
            self.judge_failing(i, &push.state)?;
        }
        if push.is_some() {
            self.hubs[i].push = push;
            let most = if self.rng.random_bool(0.1) { 3000 } else { 60 };
            self.soon(most, Happening::Push(i));
        }
        if let Some(at) = wake_at {
            let left = Duration::try_from(at.duration_since(self.wall())).unwrap_or_default();
            self.once(self.now + left.max(Duration::from_millis(1)), Happening::Think(i));
        }
        Ok(())
    }

    pub(super) fn push(&mut self, i: usize) -> Result<(), String> {
        if self.hubs[i].paused {
            // Stopped between its read and its push: it goes on where it was.
            self.soon(500, Happening::Push(i));
            return Ok(());
        }
        let Some(push) = self.hubs[i].push.take() else { return Ok(()) };
        let before = self.git.state.last().map(|state| state.releases.clone()).unwrap_or_default();
        if self.git.push(push.expected, push.state) {
            self.last_change = self.now;
            for event in &push.events {
                self.say(|| format!("hub{} {}", i + 1, event.message));
                self.outcome.releases += u64::from(is(event, EventReason::Created));
                self.outcome.completions += u64::from(is(event, EventReason::Completed));
                self.outcome.achieved += u64::from(is(event, EventReason::StepAchieved));
                self.outcome.withdrawals += u64::from(is(event, EventReason::Withdrawn));
                self.outcome.joined += u64::from(is(event, EventReason::ClusterChosen));
                self.outcome.released += u64::from(is(event, EventReason::ClusterReleased));
                self.outcome.left += u64::from(is(event, EventReason::ClusterLeft));
                self.outcome.removed += u64::from(is(event, EventReason::Removed));
                self.outcome.failing += u64::from(is(event, EventReason::ClusterFailing));
                self.outcome.recovered += u64::from(is(event, EventReason::ClusterRecovered));
                self.outcome.taken_back += u64::from(is(event, EventReason::RolledBack));
                let without = is(event, EventReason::StepAchieved) && event.message.contains(" without ");
                self.outcome.excused += u64::from(without);
                self.outcome.adopted += u64::from(is(event, EventReason::StrategyAdopted));
            }
            self.judge_commit(&before)?;
            if let Some(state) = self.git.state.last().cloned() {
                self.note_soaking(&state);
            }
            let empty = |state: &crate::git::State| state.releases.is_empty();
            let came_back = self.git.state.iter().rev().nth(1).is_some_and(|previous| {
                empty(previous) && previous.record.as_ref().is_some_and(|record| record.generation > 0)
            });
            let removing = |state: &crate::git::State| {
                let missing = state.record.as_ref().and_then(|record| record.missing.as_ref());
                missing.is_some_and(|missing| missing.removal.is_some())
            };
            let previous = self.git.state.iter().rev().nth(1);
            let called_off = previous.is_some_and(|state| removing(state))
                && self.git.state.last().is_some_and(|state| !removing(state) && !empty(state));
            self.outcome.called_off += u64::from(called_off);
            let made = self.git.state.last().is_some_and(|state| !empty(state));
            self.outcome.recreated += u64::from(came_back && made);
            for agent in 0..self.agents.len() {
                self.soon(200, Happening::Fetch(agent));
            }
        } else {
            self.outcome.races_lost += 1;
        }
        for hub in 0..self.hubs.len() {
            self.soon(50, Happening::Think(hub));
        }
        Ok(())
    }
}
