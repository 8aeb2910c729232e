//! One random history from its seed to its end.

mod agents;
mod asked;
mod chaos;
mod commits;
mod deeds;
mod failing;
mod faults;
mod fleet;
mod hubs;
mod judge;
mod moves;
mod outcome;
mod rest;

use deeds::Deed;
use moves::Soaking;
pub use outcome::Outcome;

use crate::agent::Agent;
use crate::blocks::Blocking;
use crate::chart;
use crate::git::Git;
use crate::hub::{HEARTBEAT, Hub};
use crate::monitor::{self, Monitor};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use shipper_core::intent::{Cluster as IntentCluster, ClusterSpec, Metadata};
use shipper_core::plan::{ClusterInfo, Fleet};
use shipper_core::report::AppReport;
use shipper_core::{ClusterName, ReleaseName};
use shipper_sim::{Cluster, Delay, Options, ids};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// The agent reads its watches and decides.
    Look(usize),
    /// The agent carries out its next action.
    Act(usize),
    /// The agent looks at Git.
    Fetch(usize),
    /// The agent hands its report over, changed or not.
    Heartbeat(usize),
    /// The hub reads and plans.
    Think(usize),
    /// A cluster may have gone offline for the hub.
    Listen(usize),
    /// The hub pushes what it planned.
    Push(usize),
    /// What [`deeds`] says happens.
    Deed(usize),
    /// Whoever removed the application thinks again.
    PutBack,
}

pub struct History {
    rng: StdRng,
    verbose: bool,
    now: Duration,
    queue: BinaryHeap<Reverse<(Duration, u64, Happening)>>,
    sequence: u64,
    /// What stands in the queue, and when it is next due.
    pending: BTreeMap<Happening, Duration>,
    clusters: Vec<Cluster>,
    agents: Vec<Agent>,
    monitors: Vec<Monitor>,
    hubs: Vec<Hub>,
    fleet: Fleet,
    /// How many clusters the application asks for; `None` = it runs everywhere.
    replicas: Option<usize>,
    git: Git,
    versions: u32,
    /// Reports in flight may be duplicated and overtaken.
    mail: Vec<(Duration, usize, u64, u64, AppReport)>,
    /// Target generations that a cluster has reported as met, by its own evidence.
    met: BTreeMap<ClusterName, BTreeSet<u64>>,
    /// Releases of which it has reported everything, with the target generation.
    had: BTreeMap<ClusterName, BTreeSet<(u64, ReleaseName)>>,
    /// Clusters that were replaced by empty ones, and have not had all that is asked for since.
    replaced: BTreeSet<ClusterName>,
    /// Those under which it has reported all pods with traffic that it was to have, whatever else is on its way out.
    served: BTreeMap<ClusterName, BTreeSet<u64>>,
    outcome: Outcome,
    last_change: Duration,
    blocking: Blocking,
    options: Options,
    deeds: Vec<Deed>,
    /// Since when the step of each release is achieved.
    soaking: BTreeMap<ReleaseName, Soaking>,
    /// Everything has come to rest.
    silent: bool,
    /// Images that cannot be pulled stay so for good.
    lasting: bool,
    /// The first hub says that a rollout is held.
    held: bool,
    /// The deeds that are done; `None` = all.
    chosen: Option<BTreeSet<usize>>,
}

const SCENE: Duration = Duration::from_secs(240);
/// Nothing has happened for so long: more than the default `progressDeadline` of ten minutes and the tenth by which it may be late, because
/// what does not get on says so then [A2].
const QUIET: Duration = Duration::from_secs(720);
const PATIENCE: Duration = Duration::from_secs(3600);
/// For how long nothing at all is written after everything has come to rest.
const SILENCE: Duration = Duration::from_secs(3600);

impl History {
    pub fn new(seed: u64, verbose: bool) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let count = rng.random_range(1..=3);
        // Some applications run everywhere, some in as many clusters as they ask for; then others are spare.
        let replicas =
            if count > 1 && rng.random_bool(0.6) { Some(rng.random_range(1..count)) } else { None };
        // One of several comes later.
        let late = count > 1 && rng.random_bool(0.3);
        let two_hubs = rng.random_bool(0.3);
        let lasting = rng.random_bool(0.3);
        let ms = Duration::from_millis;
        // Below the time that a mark is left to be seen (`converge::PROPAGATION`): a slower controller manager is a fault of its own.
        let lag = Delay::Mostly(ms(2), 0.15, ms(rng.random_range(5..450)));
        let options = Options {
            start: Delay::Between(ms(100), ms(3000)),
            terminate: Delay::Between(ms(10), ms(2000)),
            controller_lag: lag,
            watch_lag: Delay::Mostly(ms(1), 0.2, ms(rng.random_range(5..1500))),
            bookmark: Duration::from_secs(600),
            history: 2_000,
            ..Options::default()
        };
        let names: Vec<ClusterName> = (1..=count).map(|n| ClusterName::from(format!("c{n}"))).collect();
        let mut fleet = Fleet::default();
        let (mut clusters, mut agents, mut monitors) = (Vec::new(), Vec::new(), Vec::new());
        for (n, name) in names.iter().enumerate() {
            let metadata = Metadata { name: name.to_string(), ..Metadata::default() };
            let spec = ClusterSpec { region: "eu".to_owned(), ..ClusterSpec::default() };
            if !(late && n + 1 == names.len()) {
                fleet
                    .clusters
                    .insert(name.clone(), ClusterInfo { cluster: IntentCluster { metadata, spec } });
            }
            let own = StdRng::seed_from_u64(rng.random());
            clusters.push(empty_cluster(&options, own, Duration::ZERO));
            agents.push(Agent::new(name.clone()));
            monitors.push(Monitor::default());
        }
        let hubs = (0..1 + u32::from(two_hubs)).map(|_| Hub::new(Duration::ZERO)).collect();
        Self {
            rng,
            verbose,
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            sequence: 0,
            pending: BTreeMap::new(),
            clusters,
            agents,
            monitors,
            hubs,
            fleet,
            replicas,
            git: Git::default(),
            versions: 0,
            mail: Vec::new(),
            met: BTreeMap::new(),
            had: BTreeMap::new(),
            replaced: BTreeSet::new(),
            served: BTreeMap::new(),
            outcome: Outcome::default(),
            last_change: Duration::ZERO,
            blocking: Blocking::default(),
            options,
            deeds: deeds::draw(seed),
            soaking: BTreeMap::new(),
            silent: false,
            lasting,
            held: false,
            chosen: None,
        }
    }

    /// How many deeds the history has.
    pub fn deeds(&self) -> usize {
        self.deeds.len()
    }

    /// Leaves out all deeds but these.
    pub fn only(mut self, chosen: BTreeSet<usize>) -> Self {
        self.chosen = Some(chosen);
        self
    }

    fn wall(&self) -> Timestamp {
        let epoch = Timestamp::from_second(1_767_225_600).unwrap_or_default();
        epoch + SignedDuration::try_from(self.now).unwrap_or_default()
    }

    fn at(&mut self, at: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue.push(Reverse((at.max(self.now), self.sequence, happening)));
    }

    fn soon(&mut self, most: u64, happening: Happening) {
        let delay = Duration::from_millis(self.rng.random_range(0..=most));
        self.once(self.now + delay, happening);
    }

    /// Schedules what may stand in the queue once only; the earlier moment counts, and it asks again itself.
    fn once(&mut self, at: Duration, happening: Happening) {
        let at = at.max(self.now);
        if self.pending.get(&happening).is_some_and(|pending| *pending <= at) {
            return;
        }
        self.pending.insert(happening, at);
        self.at(at, happening);
    }

    fn say(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            println!("{:>10.3} {}", self.now.as_secs_f64(), what());
        }
    }

    /// Runs to the end: a scene of chaos, then healing, then quiet.
    pub fn run(mut self) -> Result<Outcome, String> {
        self.commit_version();
        for i in 0..self.agents.len() {
            self.soon(50, Happening::Look(i));
            self.soon(500, Happening::Fetch(i));
            self.soon(500, Happening::Heartbeat(i));
        }
        for i in 0..self.hubs.len() {
            self.soon(100, Happening::Think(i));
            self.listen(i);
        }
        for number in 0..self.deeds.len() {
            if self.chosen.as_ref().is_none_or(|chosen| chosen.contains(&number)) {
                self.at(self.deeds[number].at, Happening::Deed(number));
            }
        }
        self.until(SCENE)?;
        self.heal();
        let healed = self.now;
        while self.now - self.last_change < QUIET {
            if self.now - healed > PATIENCE {
                return Err(format!("does not come to rest: {}", self.describe()));
            }
            self.until(self.now + Duration::from_secs(10))?;
        }
        self.final_state()?;
        self.stays_quiet()?;
        Ok(self.outcome)
    }

    /// Lets everything happen up to a moment.
    fn until(&mut self, end: Duration) -> Result<(), String> {
        loop {
            let queued = self.queue.peek().map(|Reverse((at, ..))| *at);
            let posted = self.mail.iter().map(|(at, ..)| *at).min();
            let model = self.clusters.iter().filter_map(Cluster::next_event).min();
            let Some(next) = [queued, posted, model].into_iter().flatten().min().filter(|at| *at <= end)
            else {
                self.now = end;
                return Ok(());
            };
            self.now = self.now.max(next);
            self.outcome.events += 1;
            for i in 0..self.clusters.len() {
                let before = self.clusters[i].version();
                self.clusters[i].advance(self.now);
                if self.clusters[i].version() != before {
                    self.soon(5, Happening::Look(i));
                }
                self.check(i)?;
            }
            self.deliver();
            while let Some(Reverse((at, ..))) = self.queue.peek()
                && *at <= self.now
            {
                let Some(Reverse((at, _, happening))) = self.queue.pop() else { break };
                if let Some(pending) = self.pending.get(&happening) {
                    if *pending != at {
                        continue;
                    }
                    self.pending.remove(&happening);
                }
                self.happen(happening)?;
            }
        }
    }

    fn check(&mut self, i: usize) -> Result<(), String> {
        let Self { monitors, clusters, now, verbose, .. } = self;
        monitors[i].check(&clusters[i]).map_err(|violation| {
            if *verbose {
                println!("{}", monitor::describe(&clusters[i]));
            }
            format!("at {:.3} in c{}: {violation}", now.as_secs_f64(), i + 1)
        })
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Look(i) => self.look(i),
            Happening::Act(i) => return self.act(i),
            Happening::Fetch(i) => return self.fetch(i),
            Happening::Heartbeat(i) => {
                self.post(i);
                self.once(self.now + HEARTBEAT, Happening::Heartbeat(i));
            }
            Happening::Think(i) => return self.think(i),
            Happening::Listen(i) => self.listen(i),
            Happening::Push(i) => return self.push(i),
            Happening::Deed(number) => self.deed(number),
            Happening::PutBack => self.put_back(),
        }
        Ok(())
    }
}

/// A cluster with the application's namespace and nothing in it.
fn empty_cluster(options: &Options, rng: StdRng, now: Duration) -> Cluster {
    let mut cluster = Cluster::new(options.clone(), rng);
    cluster.advance(now);
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": chart::app().namespace}});
    let by = shipper_sim::WriteOptions::by("test");
    cluster.create(ids::NAMESPACES, "", namespace, &by).expect("an empty cluster takes a namespace");
    cluster
}
