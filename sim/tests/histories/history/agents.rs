//! What agents do: look, act, fetch, report.

use super::{Happening, History};
use crate::hub::{Taken, has_everything};
use rand::RngExt;
use shipper_core::ReleaseName;
use shipper_core::converge::Action;
use shipper_core::report::ReleaseReport;
use std::time::Duration;

impl History {
    pub(super) fn look(&mut self, i: usize) {
        // While an action is under way nothing is decided, as in the agent.
        let wall = self.wall();
        let look = self.agents[i].look(&mut self.clusters[i], wall, &mut self.rng);
        if !self.agents[i].actions.is_empty() {
            self.soon(20, Happening::Act(i));
        }
        if self.agents[i].report != self.agents[i].sent {
            self.post(i);
        }
        if let Some(again) = look.again {
            self.once(again, Happening::Look(i));
        }
    }

    pub(super) fn act(&mut self, i: usize) -> Result<(), String> {
        if self.agents[i].actions.is_empty() {
            return Ok(());
        }
        let action = self.agents[i].actions.front().cloned();
        self.say(|| format!("c{} {}", i + 1, brief(action.as_ref())));
        let wall = self.wall();
        if let Some(deleted) = self.agents[i].act(&mut self.clusters[i], wall) {
            self.outcome.objects_removed += 1;
            if deleted.key.kind == "Deployment" {
                let target = self.agents[i].target.as_ref();
                let suffix = |release: &ReleaseName| release.as_str().trim_start_matches("app").to_owned();
                let tombstone = target
                    .into_iter()
                    .flat_map(|t| &t.releases)
                    .find(|r| deleted.key.name.ends_with(&suffix(&r.name)));
                let whole = target.is_some_and(|target| target.absent);
                match tombstone {
                    Some(release) if release.absent && (whole || !self.monitors[i].serves(&release.name)) => {
                    }
                    _ => {
                        return Err(format!(
                            "absence deletes nothing: {} was deleted without a tombstone",
                            deleted.key
                        ));
                    }
                }
            }
        }
        self.last_change = self.now;
        self.check(i)?;
        if self.agents[i].actions.is_empty() {
            self.soon(10, Happening::Look(i));
        } else {
            let pause = if self.rng.random_bool(0.05) { 2000 } else { 30 };
            self.soon(pause, Happening::Act(i));
        }
        Ok(())
    }

    pub(super) fn fetch(&mut self, i: usize) -> Result<(), String> {
        // News are told; at rest the slow poll is left.
        self.soon(if self.silent { 60_000 } else { 1000 }, Happening::Fetch(i));
        let newest = self.git.state.len();
        if !self.agents[i].sees_git || newest <= self.agents[i].accepted {
            return Ok(());
        }
        let state = self.git.state[newest - 1].clone();
        let before = self.agents[i].target.clone();
        self.agents[i].accept(newest, &state);
        self.judge_fleet(i, before.as_ref(), &state)?;
        if let Some(target) = &self.agents[i].target {
            self.monitors[i].target(target, self.now);
            self.say(|| format!("c{} accepts {target:?}", i + 1));
        }
        self.soon(10, Happening::Look(i));
        Ok(())
    }

    /// Puts the agent's newest report into the mail, sometimes twice, sometimes late.
    pub(super) fn post(&mut self, i: usize) {
        let agent = &mut self.agents[i];
        let Some(report) = agent.report.clone() else { return };
        if !agent.sees_hub {
            return;
        }
        agent.sequence += 1;
        agent.sent = Some(report.clone());
        let (session, sequence) = (agent.session, agent.sequence);
        let counts = |r: &&ReleaseReport| {
            r.capacity.desired > 0 || r.traffic.as_ref().is_some_and(|traffic| traffic.wanted > 0)
        };
        let whole = report.releases.iter().filter(|release| has_everything(release));
        let whole = whole.map(|release| (report.target_generation, release.name.clone()));
        self.had.entry(agent.name.clone()).or_default().extend(whole);
        if report.releases.iter().all(has_everything) {
            self.replaced.remove(&agent.name);
            self.met.entry(agent.name.clone()).or_default().insert(report.target_generation);
        }
        if report.releases.iter().filter(counts).all(has_everything) {
            self.served.entry(agent.name.clone()).or_default().insert(report.target_generation);
        }
        let copies = 1 + usize::from(self.rng.random_bool(0.1));
        for _ in 0..copies {
            let late = if self.rng.random_bool(0.1) { 3000 } else { 40 };
            let at = self.now + Duration::from_millis(self.rng.random_range(1..=late));
            self.mail.push((at, i, session, sequence, report.clone()));
        }
    }

    /// Agents report to the first hub; a second one decides without reports.
    pub(super) fn deliver(&mut self) {
        let mut due: Vec<_> = Vec::new();
        let now = self.now;
        self.mail.retain(|mail| {
            if mail.0 <= now {
                due.push(mail.clone());
                false
            } else {
                true
            }
        });
        for (_, i, session, sequence, report) in due {
            if !self.agents[i].sees_hub {
                continue;
            }
            let name = self.agents[i].name.clone();
            match self.hubs[0].report(&name, session, sequence, &report, now) {
                Taken::News => self.soon(10, Happening::Think(0)),
                Taken::Refused if self.agents[i].session == session => {
                    // Another session: everything is said again.
                    self.agents[i].session = self.hubs[0].open(&name);
                    self.agents[i].sequence = 0;
                    self.agents[i].sent = None;
                    self.post(i);
                }
                Taken::Known | Taken::Refused => {}
            }
            self.listen(0);
        }
    }
}

/// An action in one line.
fn brief(action: Option<&Action>) -> String {
    match action {
        Some(Action::Apply(apply)) => {
            let spec = apply.object.get("spec");
            let part = |name: &str| {
                spec.and_then(|spec| spec.get(name)).map(|v| format!(" {name} {v}")).unwrap_or_default()
            };
            let selector = if apply.key.kind == "Service" { part("selector") } else { String::new() };
            format!("apply {}{}{selector} ({})", apply.key, part("replicas"), apply.why)
        }
        Some(Action::Label(label)) => format!("label {} {} ({})", label.pod, label.serve, label.why),
        Some(Action::Delete(delete)) => format!("delete {} ({})", delete.key, delete.why),
        None => String::new(),
    }
}
