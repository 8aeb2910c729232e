//! What the controllers of a cluster do, each by what it knows: of Deployments, of ReplicaSets, of endpoints, the collector of garbage, and the
//! kubelets. Pods are known to all of them at once, as they share a cache; each of the rest is known by a watch of its own.

use super::decide::Memory;
use super::objects::{PODS, SLOTS};
use super::script::{LAG, RELEASES, SETTLE};
use super::what::What;
use super::world::{Face, Selector, Set, Slices, World, has};
use super::{Step, rules};

impl World {
    /// Adds what happens if this is so afterwards, and judges it; nothing where nothing changes.
    pub fn then(&self, memory: &Memory, steps: &mut Vec<Step>, what: What, change: impl FnOnce(&mut Self)) {
        let mut world = *self;
        change(&mut world);
        for index in 0..world.known.late.len() {
            if !world.is_behind(index) {
                world.known.late[index] = 0;
            }
        }
        rules::forgive(memory, &mut world);
        if world != *self {
            let broken = rules::judge(memory, self, &world).err();
            steps.push(Step { what, world, broken });
        }
    }

    /// What controllers, kubelets and time may do.
    pub fn cluster(&self, memory: &Memory, steps: &mut Vec<Step>) {
        self.then(memory, steps, What::LearnPods, |world| {
            world.known.pods = world.pods;
            (0..RELEASES).for_each(|number| world.sets[number].status = world.counted(number));
        });
        self.then(memory, steps, What::LearnServices, |world| world.known.services = world.services);
        let due = self.slices_due();
        let listed = due.service.unwrap_or_default();
        self.then(memory, steps, What::ListForService { listed }, |world| {
            world.slices.service = due.service;
            for slot in (0..SLOTS).filter(|slot| has(listed | self.slices.service.unwrap_or_default(), *slot))
            {
                world.out[slot] = 0;
            }
        });
        let listed = due.shadow.map_or(0, |(_, listed)| listed);
        self.then(memory, steps, What::ListForShadow { listed }, |world| world.slices.shadow = due.shadow);
        for number in 0..RELEASES {
            self.scale(memory, number, steps);
        }
        for slot in (0..SLOTS).filter(|slot| self.pods[*slot].is_there()) {
            if !self.pods[slot].is_ready() {
                self.then(memory, steps, What::Ready(slot), |world| world.becomes(memory, slot, true));
            } else if memory.script.fails && !self.struck {
                self.then(memory, steps, What::Fail(slot), |world| {
                    world.becomes(memory, slot, false);
                    (world.failed, world.struck) = (1 << slot, true);
                    let awaited =
                        has(self.served(), slot) || self.pods[slot].is_labelled() || self.selects(slot);
                    world.missing = awaited.then_some(0);
                });
            }
        }
    }

    /// The Service selects its release by name.
    fn selects(&self, slot: usize) -> bool {
        matches!(self.services.0, Some(Selector::Release(number)) if usize::from(number) == slot / PODS)
    }

    fn becomes(&mut self, memory: &Memory, slot: usize, ready: bool) {
        self.pods[slot] = self.pods[slot].ready(ready);
        self.pod_changed(memory, slot);
    }

    /// What its controllers make of a Deployment.
    fn scale(&self, memory: &Memory, number: usize, steps: &mut Vec<Step>) {
        let (deployment, set) = (self.deployments[number], self.sets[number]);
        if deployment.there && self.is_behind(2 + number) {
            self.then(memory, steps, What::LookAtDeployment(number), |world| {
                world.sets[number].replicas = deployment.replicas;
                let seen = &mut world.deployments[number];
                (seen.observed, seen.status) = (true, set.status);
                world.deployment_changed(memory, number);
            });
        }
        let count = set.replicas;
        self.then(memory, steps, What::LearnCount { number, count }, |world| {
            world.sets[number].known = count;
        });
        let own = |slot: &usize| slot / PODS == number;
        if !deployment.there {
            self.then(memory, steps, What::Collect(number), |world| {
                (0..SLOTS).filter(own).for_each(|slot| world.loses(memory, slot));
                world.sets[number] = Default::default();
            });
        }
        // It waits until it sees what it did last.
        if (0..SLOTS).filter(own).any(|slot| self.pods[slot].is_there() != self.known.pods[slot].is_there()) {
            return;
        }
        let pods = self.which(|slot| own(&slot));
        let (there, known) = (pods.count_ones() as u8, set.known);
        if there < known {
            let free: Vec<usize> = (0..SLOTS).filter(own).filter(|slot| self.is_free(*slot)).collect();
            if let Some(made) = free.get(..usize::from(known - there)) {
                let pods = made.iter().fold(0, |pods, slot| pods | 1 << slot);
                self.then(memory, steps, What::Make { number, pods }, |world| {
                    for slot in made {
                        (world.pods[*slot], world.out[*slot]) = (Face::NEW, SETTLE);
                        world.pod_changed(memory, *slot);
                    }
                });
            }
        } else if there > known {
            for victims in self.victims(pods, u32::from(there - known)) {
                self.then(memory, steps, What::Take { number, pods: victims }, |world| {
                    (0..SLOTS).filter(|slot| has(victims, *slot)).for_each(|slot| world.loses(memory, slot));
                });
            }
        }
    }

    /// Its pods and the ready ones, as far as is known.
    fn counted(&self, number: usize) -> (u8, u8) {
        let own = || self.known.pods[number * PODS..][..PODS].iter().filter(|pod| pod.is_there());
        (own().count() as u8, own().filter(|pod| pod.is_ready()).count() as u8)
    }

    /// Which of its pods a ReplicaSet may choose to delete so many: those that are not ready, whichever it likes, then those of lower cost, as
    /// far as is known.
    fn victims(&self, pods: Set, count: u32) -> Vec<Set> {
        let place = |slot: usize| {
            let pod = self.known.pods[slot];
            (pod.is_ready(), if pod.is_ready() { pod.cost() } else { 0 })
        };
        let lawful = |victims: &Set| {
            let of = |set: Set| (0..SLOTS).filter(move |slot| has(set, *slot));
            let last = of(*victims).map(place).max();
            victims.count_ones() == count && of(pods & !victims).all(|slot| Some(place(slot)) >= last)
        };
        (0..=pods).filter(|victims| victims & !pods == 0).filter(lawful).collect()
    }

    /// Nobody remembers a pod of this number.
    fn is_free(&self, slot: usize) -> bool {
        let lists = |slices: &Slices| {
            has(slices.service.unwrap_or_default() | slices.shadow.map_or(0, |(_, listed)| listed), slot)
        };
        !self.pods[slot].is_there()
            && !has(self.agent.stale, slot)
            && !lists(&self.slices)
            && !lists(&self.agent.slices)
    }

    fn loses(&mut self, memory: &Memory, slot: usize) {
        if self.pods[slot].is_there() {
            self.pods[slot] = Face::default();
            (self.bare, self.failed) = (self.bare & !(1 << slot), self.failed & !(1 << slot));
            self.pod_changed(memory, slot);
        }
    }

    /// The slices as they are to be written now, as far as is known.
    fn slices_due(&self) -> Slices {
        let (selector, shadow) = self.known.services;
        let pods = &self.known.pods;
        let all = |is: &dyn Fn(usize) -> bool| {
            (0..SLOTS).filter(|s| pods[*s].is_ready() && is(*s)).fold(0, |set: Set, slot| set | 1 << slot)
        };
        let labelled = |slot: usize| pods[slot].is_labelled();
        let service = selector.map(|selector| match selector {
            Selector::Label => all(&labelled),
            Selector::Release(number) => all(&|slot| slot / PODS == usize::from(number)),
        });
        let shadow = match shadow {
            Some(number) if self.services.1 == Some(number) => Some((number, all(&labelled))),
            _ => self.slices.shadow,
        };
        Slices { service, shadow }
    }

    /// Whether one of those in [`super::world::Known::late`] does not know what is so.
    fn is_behind(&self, index: usize) -> bool {
        let known = &self.known;
        match index {
            0 => known.pods != self.pods,
            1 => known.services != self.services,
            _ if index < 2 + RELEASES => {
                let (deployment, set) = (self.deployments[index - 2], self.sets[index - 2]);
                let told = deployment.observed && deployment.status == set.status;
                deployment.there && !(told && set.replicas == deployment.replicas)
            }
            _ => {
                let set = self.sets[index - 2 - RELEASES];
                set.known != set.replicas
            }
        }
    }

    /// A controller has something to do, and knows it.
    fn is_busy(&self) -> bool {
        let sets = (0..RELEASES).any(|number| {
            let own = self.pods[number * PODS..][..PODS].iter();
            let seen = own.zip(&self.known.pods[number * PODS..]).all(|(a, b)| a.is_there() == b.is_there());
            let counted = self.counted(number);
            let set = self.sets[number];
            let left = !self.deployments[number].there && (counted.0 > 0 || set != Default::default());
            left || seen && counted.0 != set.known
        });
        sets || self.slices_due() != self.slices
    }

    /// Whether time may pass: no controller has anything to do, nor has it been behind for too long.
    pub fn may_wait(&self) -> bool {
        let late = (0..self.known.late.len()).any(|i| self.is_behind(i) && self.known.late[i] + 1 >= LAG);
        !late && !self.is_busy()
    }

    /// Nobody has anything to learn or to do.
    pub fn is_idle(&self) -> bool {
        !self.is_busy() && !(0..self.known.late.len()).any(|index| self.is_behind(index))
    }

    /// A step of time, but for what the agent makes of it.
    pub fn wait(&mut self) {
        let listed = self.slices.service.unwrap_or_default();
        for slot in 0..SLOTS {
            self.out[slot] = if has(listed, slot) { 0 } else { SETTLE.min(self.out[slot] + 1) };
        }
        for index in 0..self.known.late.len() {
            self.known.late[index] += u8::from(self.is_behind(index));
        }
        self.missing = self.missing.map(|missing| rules::NEWS.min(missing + 1));
    }
}
