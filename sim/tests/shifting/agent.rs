//! What the agent does: its watches catch up one by one, it decides, what it decided has its effect in any order that its ranks allow, and it may
//! be killed. What it is asked for changes at any time; and time passes, for it too.

use super::Step;
use super::decide::Memory;
use super::objects::{PODS, SLOTS};
use super::script::RELEASES;
use super::seen::News;
use super::watches::after;
use super::what::What;
use super::world::{World, has};

impl World {
    /// What the agent, its watches and people may do; and time, which passes for it too.
    pub fn agent(&self, memory: &mut Memory, steps: &mut Vec<Step>) {
        let agent = self.sees_pods(memory, self.agent);
        self.then(memory, steps, What::SeePods, |world| world.agent = agent);
        let agent = self.sees_slices(memory, self.agent);
        self.then(memory, steps, What::SeeSlices, |world| world.agent = agent);
        let agent = self.sees_objects(memory, self.agent);
        self.then(memory, steps, What::SeeObjects, |world| world.agent = agent);
        if self.agent.plan > 0 {
            self.act(memory, steps);
        } else {
            let plan = memory.decide(self.target, self.agent.seen).plan;
            let actions = memory.plan(plan).len();
            self.then(memory, steps, What::Decide { actions }, |world| {
                let all = (1 << actions) - 1;
                (world.agent.plan, world.agent.left, world.agent.valid) = (plan, all, all);
                // What it decides on may have changed already.
                (0..SLOTS)
                    .filter(|slot| has(self.agent.stale, *slot))
                    .for_each(|s| world.pod_changed(memory, s));
                let stale = (0..RELEASES).filter(|n| has(self.agent.stale_deployments.into(), *n));
                stale.for_each(|number| world.deployment_changed(memory, number));
            });
        }
        if memory.script.kills && !self.killed {
            let agent = self.begins(memory);
            self.then(memory, steps, What::Kill, |world| (world.agent, world.killed) = (agent, true));
        }
        self.people(memory, steps);
        self.time(memory, steps);
    }

    fn people(&self, memory: &mut Memory, steps: &mut Vec<Step>) {
        let number = self.target + 1;
        let Some(next) = memory.script.targets.get(usize::from(number)) else { return };
        let buried = next.releases.iter().zip(0..).filter(|(listed, _)| listed.absent);
        let buried = buried.fold(0, |set, (_, number)| set | 1 << number);
        // A release is removed once it is reported to be empty [R7].
        let empty = self.which(|slot| has(buried, slot / PODS)) == 0;
        let rests = empty && self.agent.plan == 0;
        if buried > 0 && !(rests && memory.decide(self.target, self.agent.seen).achieved) {
            return;
        }
        // What was not begun is not done any more [C9].
        self.then(memory, steps, What::Target { number, under_way: false }, |world| {
            world.target = number;
            (world.agent.plan, world.agent.left, world.agent.valid) = (0, 0, 0);
        });
        if self.agent.plan > 0 {
            let group = self.group(memory);
            self.then(memory, steps, What::Target { number, under_way: true }, |world| {
                world.target = number;
                world.agent.left &= group;
                world.agent.valid &= group;
            });
        }
    }

    fn time(&self, memory: &mut Memory, steps: &mut Vec<Step>) {
        if !self.may_wait() {
            return;
        }
        let known = steps.len();
        let agent = after(memory, self.agent, News::Tick);
        self.then(memory, steps, What::Tick, |world| {
            world.wait();
            world.agent = agent;
        });
        let seen = self.agent;
        let current = seen.stale == 0 && seen.stale_deployments == 0 && seen.slices == self.slices;
        if steps.len() == known && self.is_idle() && current && seen.plan == 0 && seen.leaving.is_none() {
            let decision = memory.decide(self.target, seen.seen);
            if decision.plan == 0 && decision.wakes {
                let agent = after(memory, self.agent, News::Long);
                self.then(memory, steps, What::Long, |world| world.agent = agent);
            }
        }
    }

    /// Those of its actions that are under way.
    fn group(&self, memory: &Memory) -> u16 {
        let plan = memory.plan(self.agent.plan);
        let left = || (0..).zip(plan).filter(|(index, _)| self.agent.left & 1 << index > 0);
        let first = left().map(|(_, (group, _))| *group).min();
        left().filter(|(_, (group, _))| Some(*group) == first).fold(0, |set, (index, _)| set | 1 << index)
    }

    /// One of the actions under way has its effect, or has none because its object has changed since.
    fn act(&self, memory: &mut Memory, steps: &mut Vec<Step>) {
        let group = self.group(memory);
        for index in (0..u16::BITS as usize).filter(|index| group & 1 << index > 0) {
            let act = memory.plan(self.agent.plan)[index].1;
            let valid = self.agent.valid & 1 << index > 0;
            let mut world = *self;
            if !world.takes_effect(memory, act, valid) {
                continue;
            }
            world.agent.left &= !(1 << index);
            world.agent.valid &= world.agent.left;
            if world.agent.left == 0 {
                world.agent.plan = 0;
            }
            let what = if valid { What::Do(act) } else { What::DoInVain(act) };
            self.then(memory, steps, what, |after| *after = world);
        }
    }
}
