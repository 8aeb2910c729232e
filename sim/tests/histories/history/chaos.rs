//! What happens to machines and pods, and by people with kubectl; and the end of it.

use super::deeds::Kind;
use super::{Happening, History};
use crate::chart;
use crate::people;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

impl History {
    /// Does one deed, with its own dice.
    pub(super) fn deed(&mut self, number: usize) {
        let deed = self.deeds[number];
        let rng = std::mem::replace(&mut self.rng, StdRng::seed_from_u64(deed.dice));
        let i = self.rng.random_range(0..self.clusters.len());
        self.say(|| format!("deed {number}: {:?}", deed.kind));
        match deed.kind {
            Kind::Commit => self.commit_version(),
            Kind::Promote => self.promote(false),
            Kind::SkipGates => self.promote(true),
            Kind::WalkBack => self.walk_back(),
            Kind::Revert => self.revert(),
            Kind::RollBack => self.roll_back(),
            Kind::AdoptStrategy => self.adopt_strategy(),
            Kind::Pause => self.pause(),
            Kind::Remove => self.remove(),
            Kind::Absent => self.absent(),
            Kind::Block => self.block(),
            Kind::Drain => self.drain(i),
            Kind::Cordon => self.cordon(i),
            Kind::Join => self.join(i),
            Kind::Replace => self.replace(i),
            Kind::KillAgent => self.kill_agent(i),
            Kind::KillHub => self.kill_hub(),
            Kind::LoseData => self.lose_data(),
            Kind::StopHub => self.stop_hub(),
            Kind::Partition => self.partition(i),
            Kind::FailPod => self.fail_pod(i),
            Kind::LoseImage => self.lose_image(i),
            Kind::Deny => self.deny(i),
            Kind::Mend => self.mend(i),
            Kind::Intervene => self.intervene(i),
        }
        self.rng = rng;
    }

    fn kill_agent(&mut self, i: usize) {
        self.outcome.kills += 1;
        self.agents[i].kill();
        self.soon(3000, Happening::Look(i));
    }

    fn kill_hub(&mut self) {
        self.outcome.kills += 1;
        let hub = self.rng.random_range(0..self.hubs.len());
        self.hubs[hub].kill(self.now);
        self.listen(hub);
        self.soon(3000, Happening::Think(hub));
    }

    fn lose_data(&mut self) {
        self.outcome.data_lost += 1;
        self.hubs[0].lose_data(self.now);
        self.listen(0);
        self.soon(1000, Happening::Think(0));
    }

    fn stop_hub(&mut self) {
        let hub = self.rng.random_range(0..self.hubs.len());
        self.hubs[hub].paused = !self.hubs[hub].paused;
        self.soon(10, Happening::Think(hub));
    }

    fn partition(&mut self, i: usize) {
        self.outcome.partitions += 1;
        let agent = &mut self.agents[i];
        if self.rng.random_bool(0.5) {
            agent.sees_git = !agent.sees_git;
        } else {
            agent.sees_hub = !agent.sees_hub;
        }
    }

    fn fail_pod(&mut self, i: usize) {
        let Some((name, uid)) = people::any_pod(&self.clusters[i], &mut self.rng) else { return };
        self.outcome.pod_failures += 1;
        self.say(|| format!("c{} pod {name} fails", i + 1));
        self.monitors[i].pod_failed(&self.clusters[i], &uid);
        let namespace = chart::app().namespace;
        let cluster = &mut self.clusters[i];
        let _ = match self.rng.random_range(0..3) {
            0 => cluster.set_pod_ready(&namespace, &name, false),
            1 => cluster.crash_pod(&namespace, &name, "out of memory"),
            _ => cluster.evict_pod(&namespace, &name, "the node is short of memory"),
        };
        self.soon(5, Happening::Look(i));
    }

    fn intervene(&mut self, i: usize) {
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

    /// Chaos ends: everybody is alive and sees everybody, pods recover, the file is on `main`. An image that cannot be pulled may stay so.
    pub(super) fn heal(&mut self) {
        self.say(|| "healing".to_owned());
        self.put_back();
        for hub in 0..self.hubs.len() {
            self.hubs[hub].paused = false;
        }
        self.blocking.heal(&mut self.fleet);
        self.wake_hubs();
        for i in 0..self.clusters.len() {
            self.agents[i].sees_git = true;
            self.agents[i].sees_hub = true;
            self.end_faults(i, self.lasting);
            self.recover_pods(i);
            self.soon(10, Happening::Look(i));
        }
        self.last_change = self.now;
    }
}
