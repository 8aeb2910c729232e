//! What happens when: commits, kills, partitions, failures, people with kubectl; and the end of it.

use super::{Happening, History, SCENE};
use crate::chart;
use crate::people;
use rand::RngExt;
use shipper_sim::ids;
use std::time::Duration;

impl History {
    pub(super) fn chaos(&mut self) {
        if self.now < SCENE {
            let pause = self.rng.random_range(200..12_000);
            self.at(self.now + Duration::from_millis(pause), Happening::Chaos);
        } else {
            return;
        }
        if self.rng.random_bool(0.06) {
            self.block();
            return;
        }
        let i = self.rng.random_range(0..self.clusters.len());
        match self.rng.random_range(0..115) {
            100..107 => self.drain(i),
            107..111 => self.cordon(i),
            111..115 => self.join(i),
            0..12 => self.commit_version(),
            12..40 => {
                if let Some((_, step)) = self.contender() {
                    self.order(step + 1);
                }
            }
            40..48 => {
                if let Some((_, step)) = self.contender().filter(|(_, step)| *step > 0) {
                    self.outcome.walked_back += 1;
                    let to = self.rng.random_range(0..step);
                    self.order(to);
                }
            }
            48..55 => self.revert(),
            55..64 => {
                self.say(|| format!("kill agent c{}", i + 1));
                self.outcome.kills += 1;
                self.agents[i].kill();
                self.soon(3000, Happening::Look(i));
            }
            64..70 => {
                self.outcome.kills += 1;
                let hub = self.rng.random_range(0..self.hubs.len());
                self.say(|| format!("kill hub{}", hub + 1));
                self.hubs[hub].push = None;
                self.hubs[hub].paused = false;
                self.hubs[hub].started = self.now;
                self.soon(3000, Happening::Think(hub));
            }
            70..73 => {
                self.say(|| "hub1 loses its data".to_owned());
                self.outcome.data_lost += 1;
                self.hubs[0].lose_data(self.now);
                self.soon(1000, Happening::Think(0));
            }
            73..77 => {
                let hub = self.rng.random_range(0..self.hubs.len());
                self.hubs[hub].paused = !self.hubs[hub].paused;
                self.soon(10, Happening::Think(hub));
            }
            77..82 => {
                self.outcome.partitions += 1;
                let agent = &mut self.agents[i];
                if self.rng.random_bool(0.5) {
                    agent.sees_git = !agent.sees_git;
                } else {
                    agent.sees_hub = !agent.sees_hub;
                }
            }
            82..92 => self.fail_pod(i),
            92..97 => self.intervene(i),
            97 => self.remove(),
            _ => {
                self.say(|| "main: the file is gone, and comes back".to_owned());
                self.outcome.absences += 1;
                let last = self.git.main.iter().rev().flatten().next().cloned();
                let gone = self.git.main.last().is_some_and(Option::is_none);
                self.git.main.push(if gone { last } else { None });
                self.wake_hubs();
            }
        }
    }

    pub(super) fn fail_pod(&mut self, i: usize) {
        let Some((name, uid)) = people::any_pod(&self.clusters[i], &mut self.rng) else { return };
        self.outcome.pod_failures += 1;
        self.say(|| format!("c{} pod {name} fails", i + 1));
        self.monitors[i].pod_failed(&uid, self.now);
        let namespace = chart::app().namespace;
        let cluster = &mut self.clusters[i];
        let _ = match self.rng.random_range(0..3) {
            0 => cluster.set_pod_ready(&namespace, &name, false),
            1 => cluster.crash_pod(&namespace, &name, "out of memory"),
            _ => cluster.evict_pod(&namespace, &name, "the node is short of memory"),
        };
        self.soon(5, Happening::Look(i));
    }

    pub(super) fn intervene(&mut self, i: usize) {
        let done = match self.rng.random_range(0..3) {
            0 => {
                self.monitors[i].scaled(self.now);
                people::scale(&mut self.clusters[i], &mut self.rng)
            }
            1 => {
                self.monitors[i].disturb(self.now);
                people::relabel(&mut self.clusters[i], &mut self.rng)
            }
            _ => {
                self.monitors[i].disturb(self.now);
                people::break_service(&mut self.clusters[i], &mut self.rng)
            }
        };
        self.say(|| format!("c{} a person intervenes: {done}", i + 1));
        self.outcome.interventions += u64::from(done);
        self.soon(5, Happening::Look(i));
    }

    /// Chaos ends: everybody is alive and sees everybody, pods recover, the file is on `main`.
    pub(super) fn heal(&mut self) {
        self.say(|| "healing".to_owned());
        if self.git.main.last().is_some_and(Option::is_none) {
            let last = self.git.main.iter().rev().flatten().next().cloned();
            self.git.main.push(last);
        }
        for hub in 0..self.hubs.len() {
            self.hubs[hub].paused = false;
        }
        self.blocking.heal(&mut self.fleet);
        self.wake_hubs();
        let namespace = chart::app().namespace;
        for i in 0..self.clusters.len() {
            self.agents[i].sees_git = true;
            self.agents[i].sees_hub = true;
            let pods: Vec<String> = self.clusters[i]
                .peek_all(ids::PODS, Some(&namespace))
                .filter(|pod| {
                    !pod.pointer("/spec/containers/0/image")
                        .and_then(|v| v.as_str())
                        .is_some_and(|i| i.contains("broken"))
                })
                .filter(|pod| pod.pointer("/status/phase").and_then(|v| v.as_str()) != Some("Failed"))
                .filter_map(|pod| Some(pod.pointer("/metadata/name")?.as_str()?.to_owned()))
                .collect();
            for pod in pods {
                let _ = self.clusters[i].set_pod_ready(&namespace, &pod, true);
            }
            self.soon(10, Happening::Look(i));
        }
        self.last_change = self.now;
    }
}
