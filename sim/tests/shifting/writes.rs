//! What writes of the agent come to: their effect and the answer, or a refusal where their object has changed since it was decided on.

use super::decide::{Act, Memory};
use super::seen::News;
use super::world::{Deployment, Selector, Set, World};

impl World {
    /// `false` = not yet: what was there before has still to go.
    pub fn takes_effect(&mut self, memory: &mut Memory, act: Act, valid: bool) -> bool {
        match act {
            Act::Label { slot, serve } => {
                if valid {
                    self.pods[slot] = self.pods[slot].labelled(serve);
                    self.pod_changed(memory, slot);
                    self.bare &= !(Set::from(serve) << slot);
                }
                let pod = self.pods[slot];
                if pod.is_there() {
                    let news = if valid { News::Labelled(slot, pod) } else { News::Pod(slot, pod) };
                    let seen = &mut self.agent.seen.pods[slot];
                    *seen = memory.sights.hear(*seen, news);
                    self.agent.stale &= !(1 << slot);
                }
            }
            Act::Scale { number, make: true, .. } if self.sets[number] != Default::default() => return false,
            Act::Scale { number, replicas, .. } => {
                if valid {
                    let scaled = &mut self.deployments[number];
                    scaled.observed &= scaled.there && scaled.replicas == replicas;
                    (scaled.there, scaled.replicas) = (true, replicas);
                    self.deployment_changed(memory, number);
                }
                self.looks_at(memory, number, valid);
            }
            Act::Select(selector) => {
                self.bare = match (self.services.0, selector) {
                    (Some(Selector::Label), Selector::Label) => self.bare,
                    (_, Selector::Label) => self.which(|slot| !self.pods[slot].is_labelled()),
                    // It brings in all of a release, and is to.
                    (_, Selector::Release(_)) => 0,
                };
                self.services.0 = Some(selector);
                let seen = &mut self.agent.seen.service;
                *seen = memory.sights.hear(*seen, News::Service(selector));
            }
            Act::Shadow => {
                self.shadows = (self.shadows + 1) % 4;
                self.services.1 = Some(self.shadows);
                let seen = &mut self.agent.seen.shadow;
                *seen = memory.sights.hear(*seen, News::Shadow(self.shadows));
            }
            Act::Unshadow => {
                let number = self.services.1.take().unwrap_or(self.shadows);
                self.slices.shadow = None;
                self.agent.leaving = Some(number);
                let seen = &mut self.agent.seen.shadow;
                *seen = memory.sights.hear(*seen, News::ShadowDeleting(number));
            }
            Act::Remove(number) if valid => {
                let seen = &mut self.agent.seen.deployments[number];
                *seen = memory.sights.hear(*seen, News::Deleting(number, self.deployments[number]));
                self.deployments[number] = Deployment::default();
                self.deployment_changed(memory, number);
            }
            Act::Remove(number) => self.looks_at(memory, number, false),
        }
        true
    }

    /// The answer to a write, or what was found where that was refused.
    fn looks_at(&mut self, memory: &mut Memory, number: usize, written: bool) {
        let deployment = self.deployments[number];
        let news = match (deployment.there, written) {
            (true, true) => News::Deployment(number, deployment),
            (true, false) => News::Found(number, deployment),
            (false, _) => News::NotFound(number),
        };
        let seen = &mut self.agent.seen.deployments[number];
        *seen = memory.sights.hear(*seen, news);
        self.agent.stale_deployments &= !(1 << number);
    }

    /// A pod is not what the agent has seen last.
    pub fn pod_changed(&mut self, memory: &Memory, slot: usize) {
        self.agent.stale |= 1 << slot;
        self.lapse(memory, |act| matches!(act, Act::Label { slot: of, .. } if of == slot));
    }

    /// A Deployment is not what the agent has seen last.
    pub fn deployment_changed(&mut self, memory: &Memory, number: usize) {
        self.agent.stale_deployments |= 1 << number;
        self.lapse(memory, |act| match act {
            Act::Scale { number: of, make, .. } => of == number && !make,
            Act::Remove(of) => of == number,
            _ => false,
        });
    }

    /// What was decided on something that has changed since is refused.
    fn lapse(&mut self, memory: &Memory, is: impl Fn(Act) -> bool) {
        for (index, (_, act)) in memory.plan(self.agent.plan).iter().enumerate() {
            if is(*act) {
                self.agent.valid &= !(1 << index);
            }
        }
    }
}
