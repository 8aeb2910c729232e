//! What the agent's watches tell it when they catch up, each by itself: everything of their kind as it is now.

use super::decide::Memory;
use super::objects::SLOTS;
use super::script::RELEASES;
use super::seen::News;
use super::world::{Agent, Set, Slices, World, has};

impl World {
    /// It has seen these as they are.
    pub fn sees_pods(&self, memory: &mut Memory, mut agent: Agent) -> Agent {
        for slot in (0..SLOTS).filter(|slot| has(self.agent.stale, *slot)) {
            let pod = self.pods[slot];
            let news = if pod.is_there() { News::Pod(slot, pod) } else { News::PodGone(slot) };
            agent.seen.pods[slot] = memory.sights.hear(agent.seen.pods[slot], news);
        }
        Agent { stale: 0, ..agent }
    }

    /// It has seen these as they are.
    pub fn sees_slices(&self, memory: &mut Memory, mut agent: Agent) -> Agent {
        let (before, now) = (agent.slices, self.slices);
        for (slot, seen) in agent.seen.pods.iter_mut().enumerate() {
            if let (Some((old, _)), true) = (before.shadow, before.shadow.map(first) != now.shadow.map(first))
            {
                *seen = memory.sights.hear(*seen, News::SliceGone(old));
            }
            if let Some((number, listed)) = now.shadow {
                let known = before.shadow.filter(|(old, _)| *old == number);
                if known.is_none_or(|(_, before)| has(before, slot) != has(listed, slot)) {
                    let news = News::Listed(slot, Some(number), has(listed, slot));
                    *seen = memory.sights.hear(*seen, news);
                }
            }
            if let Some(listed) = now.service
                && before.service.is_none_or(|before| has(before, slot) != has(listed, slot))
            {
                *seen = memory.sights.hear(*seen, News::Listed(slot, None, has(listed, slot)));
            }
        }
        Agent { slices: now, ..agent }
    }

    /// It has seen these as they are.
    pub fn sees_objects(&self, memory: &mut Memory, mut agent: Agent) -> Agent {
        for number in (0..RELEASES).filter(|number| self.agent.stale_deployments & 1 << number > 0) {
            let deployment = self.deployments[number];
            let news = if deployment.there {
                News::Deployment(number, deployment)
            } else {
                News::DeploymentGone(number, deployment)
            };
            let seen = &mut agent.seen.deployments[number];
            *seen = memory.sights.hear(*seen, news);
        }
        if let Some(number) = agent.leaving.take() {
            agent.seen.shadow = memory.sights.hear(agent.seen.shadow, News::ShadowGone(number));
        }
        Agent { stale_deployments: 0, ..agent }
    }

    /// An agent that begins: it has listed everything as it is now, and knows nothing of before.
    pub fn begins(&self, memory: &mut Memory) -> Agent {
        let mut all = *self;
        all.agent = Agent {
            stale: self.which(|_| true),
            stale_deployments: (1 << RELEASES) - 1,
            slices: Slices::default(),
            ..Agent::default()
        };
        let agent = all.sees_pods(memory, all.agent);
        let agent = all.sees_objects(memory, agent);
        let mut agent = all.sees_slices(memory, agent);
        if let Some(selector) = self.services.0 {
            agent.seen.service = memory.sights.hear(0, News::Service(selector));
        }
        if let Some(number) = self.services.1 {
            agent.seen.shadow = memory.sights.hear(0, News::Shadow(number));
        }
        agent
    }
}

fn first((number, _): (u8, Set)) -> u8 {
    number
}

/// What the agent has seen, so much later.
pub fn after(memory: &mut Memory, mut agent: Agent, news: News) -> Agent {
    let seen = &mut agent.seen;
    for number in
        seen.pods.iter_mut().chain(&mut seen.deployments).chain([&mut seen.service, &mut seen.shadow])
    {
        *number = memory.sights.hear(*number, news);
    }
    agent
}
