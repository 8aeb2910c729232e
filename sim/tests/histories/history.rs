//! One random history from its seed to its end.

use super::agent::Agent;
use super::blocks::Blocking;
use super::chart;
use super::git::Git;
use super::hub::{HEARTBEAT, Hub, is};
use super::monitor::{self, Monitor};
use super::people;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::converge::Action;
use shipper_core::intent::{
    Application, ApplicationSpec, Cluster as IntentCluster, ClusterRequirements, ClusterSpec, Metadata,
    Region, Rollback, Rollout, StepRef, StrategySpec, Template, TrafficMode,
};
use shipper_core::plan::{ClusterInfo, EventReason, Fleet, Intent, REMOVAL_PATIENCE, Resolved, roles};
use shipper_core::report::{AppReport, ReleaseReport};
use shipper_core::state::{Environment, PinnedSource, Placement, ReleaseRecord, RemovalCause};
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_core::{ClusterName, ReleaseName};
use shipper_sim::{Cluster, Delay, Options, ids};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

/// What happened over one or many histories.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub releases: u64,
    pub completions: u64,
    pub achieved: u64,
    pub withdrawals: u64,
    pub walked_back: u64,
    pub kills: u64,
    pub data_lost: u64,
    pub pod_failures: u64,
    pub interventions: u64,
    pub partitions: u64,
    pub absences: u64,
    pub races_lost: u64,
    pub objects_removed: u64,
    pub blocks: u64,
    pub blocked: u64,
    pub drains: u64,
    pub cordons: u64,
    pub joined: u64,
    pub released: u64,
    pub left: u64,
    pub removals: u64,
    pub removed: u64,
    pub recreated: u64,
    pub events: u64,
}

impl Outcome {
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.releases, other.releases),
            (&mut self.completions, other.completions),
            (&mut self.achieved, other.achieved),
            (&mut self.withdrawals, other.withdrawals),
            (&mut self.walked_back, other.walked_back),
            (&mut self.kills, other.kills),
            (&mut self.data_lost, other.data_lost),
            (&mut self.pod_failures, other.pod_failures),
            (&mut self.interventions, other.interventions),
            (&mut self.partitions, other.partitions),
            (&mut self.absences, other.absences),
            (&mut self.races_lost, other.races_lost),
            (&mut self.objects_removed, other.objects_removed),
            (&mut self.blocks, other.blocks),
            (&mut self.blocked, other.blocked),
            (&mut self.drains, other.drains),
            (&mut self.cordons, other.cordons),
            (&mut self.joined, other.joined),
            (&mut self.released, other.released),
            (&mut self.left, other.left),
            (&mut self.removals, other.removals),
            (&mut self.removed, other.removed),
            (&mut self.recreated, other.recreated),
            (&mut self.events, other.events),
        ];
        for (sum, more) in pairs {
            *sum += more;
        }
    }

    /// A run in which nothing happens proves nothing.
    pub fn check(&self, seeds: u64) {
        for (what, count) in [
            ("completions", self.completions),
            ("withdrawals", self.withdrawals),
            ("kills", self.kills),
            ("pod failures", self.pod_failures),
            ("interventions", self.interventions),
            ("removed objects", self.objects_removed),
        ] {
            assert!(count >= seeds / 4, "only {count} {what} in {seeds} histories");
        }
        for (what, count) in [
            ("lost races", self.races_lost),
            ("partitions", self.partitions),
            ("absences", self.absences),
            ("lost data directories", self.data_lost),
            ("steps back", self.walked_back),
            ("blocks", self.blocks),
            ("decisions that waited for a block", self.blocked),
            ("drains", self.drains),
            ("cordons", self.cordons),
            ("clusters that joined", self.joined),
            ("clusters that gave their part over", self.released),
            ("clusters that were emptied", self.left),
            ("removals", self.removals),
            ("removals that were finished", self.removed),
            ("applications that came back", self.recreated),
        ] {
            assert!(count >= seeds / 40, "only {count} {what} in {seeds} histories");
        }
    }
}

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
    /// The hub pushes what it planned.
    Push(usize),
    /// Somebody, or chaos, does something.
    Chaos,
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
    /// Those under which it has reported all pods with traffic that it was to have, whatever else is on its way out.
    served: BTreeMap<ClusterName, BTreeSet<u64>>,
    outcome: Outcome,
    last_change: Duration,
    blocking: Blocking,
}

const SCENE: Duration = Duration::from_secs(240);
const QUIET: Duration = Duration::from_secs(90);
const PATIENCE: Duration = Duration::from_secs(3600);

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
        let ms = Duration::from_millis;
        // Below the time that a mark is left to be seen (`converge::PROPAGATION`): a slower controller manager is a fault of its own.
        let lag = Delay::Mostly(ms(2), 0.15, ms(rng.random_range(5..450)));
        let options = Options {
            start: Delay::Between(ms(100), ms(3000)),
            terminate: Delay::Between(ms(10), ms(2000)),
            controller_lag: lag,
            watch_lag: Delay::Mostly(ms(1), 0.2, ms(rng.random_range(5..1500))),
            bookmark: Duration::from_secs(600),
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
            let mut cluster = Cluster::new(options.clone(), StdRng::seed_from_u64(rng.random()));
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": chart::app().namespace}});
            let by = shipper_sim::WriteOptions::by("test");
            cluster.create(ids::NAMESPACES, "", namespace, &by).expect("an empty cluster takes a namespace");
            clusters.push(cluster);
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
            served: BTreeMap::new(),
            outcome: Outcome::default(),
            last_change: Duration::ZERO,
            blocking: Blocking::default(),
        }
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
        }
        self.at(Duration::from_secs(5), Happening::Chaos);
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
            Happening::Push(i) => return self.push(i),
            Happening::Chaos => self.chaos(),
        }
        Ok(())
    }

    fn look(&mut self, i: usize) {
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

    fn act(&mut self, i: usize) -> Result<(), String> {
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

    fn fetch(&mut self, i: usize) -> Result<(), String> {
        self.soon(1000, Happening::Fetch(i));
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

    /// [S4] At the moment at which a cluster begins to empty, those that stay serve what they are to serve, but for pods that failed by
    /// themselves: over the fleet nothing is lacking.
    fn judge_fleet(
        &self,
        i: usize,
        before: Option<&shipper_core::state::Target>,
        state: &super::git::State,
    ) -> Result<(), String> {
        let total = |target: Option<&shipper_core::state::Target>| {
            target.map_or(0, |target| monitor::goals(target).values().sum::<u32>())
        };
        let placement = state.record.as_ref().and_then(|record| record.placement.as_ref());
        let Some(placement) = placement.filter(|p| p.leaving.contains_key(&self.agents[i].name)) else {
            return Ok(());
        };
        if total(before) == 0 || total(self.agents[i].target.as_ref()) > 0 {
            return Ok(());
        }
        for (j, agent) in self.agents.iter().enumerate() {
            if placement.staying().any(|(name, _)| *name == agent.name) {
                self.monitors[j].serves_enough(&self.clusters[j]).map_err(|lacking| {
                    format!(
                        "S4: c{} is emptied at {:.3}, but c{} {lacking}",
                        i + 1,
                        self.now.as_secs_f64(),
                        j + 1
                    )
                })?;
            }
        }
        Ok(())
    }

    /// Puts the agent's newest report into the mail, sometimes twice, sometimes late.
    fn post(&mut self, i: usize) {
        let agent = &mut self.agents[i];
        let Some(report) = agent.report.clone() else { return };
        if !agent.sees_hub {
            return;
        }
        agent.sequence += 1;
        agent.sent = Some(report.clone());
        let (session, sequence) = (agent.session, agent.sequence);
        let met = |r: &ReleaseReport| {
            r.installed && r.capacity.achieved && r.traffic.as_ref().is_none_or(|t| t.achieved)
        };
        let counts = |r: &&ReleaseReport| {
            r.capacity.desired > 0 || r.traffic.as_ref().is_some_and(|traffic| traffic.wanted > 0)
        };
        if report.releases.iter().all(met) {
            self.met.entry(agent.name.clone()).or_default().insert(report.target_generation);
        }
        if report.releases.iter().filter(counts).all(met) {
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
    fn deliver(&mut self) {
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
            if self.hubs[0].report(&name, session, sequence, &report, now) {
                self.soon(10, Happening::Think(0));
            } else if self.agents[i].session == session {
                // Another session: everything is said again.
                self.agents[i].session = self.hubs[0].open(&name);
                self.agents[i].sequence = 0;
                self.agents[i].sent = None;
                self.post(i);
            }
        }
    }

    fn think(&mut self, i: usize) -> Result<(), String> {
        if self.hubs[i].paused || self.hubs[i].push.is_some() {
            return Ok(());
        }
        let (push, status, wake_at) = self.hubs[i].think(&self.git, &self.fleet, self.now, self.wall());
        let blocked = status.is_some_and(|status| status.waiting.state == WaitingFor::Blocked);
        if blocked && !self.blocking.in_force(self.wall()) {
            return Err("B1: the hub waits for a block that is not in force".to_owned());
        }
        self.outcome.blocked += u64::from(blocked);
        if let Some(push) = &push {
            self.blocking.judge(self.wall(), self.git.state.last().map(AsRef::as_ref), &push.state)?;
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

    fn push(&mut self, i: usize) -> Result<(), String> {
        if self.hubs[i].paused {
            // Stopped between its read and its push: it goes on where it was.
            self.soon(500, Happening::Push(i));
            return Ok(());
        }
        let Some(push) = self.hubs[i].push.take() else { return Ok(()) };
        let before: BTreeMap<ReleaseName, ReleaseRecord> =
            self.git.state.last().map(|state| state.releases.clone()).unwrap_or_default();
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
            }
            self.judge_commit(&before)?;
            let empty = |state: &super::git::State| state.releases.is_empty();
            let came_back = self.git.state.iter().rev().nth(1).is_some_and(|previous| {
                empty(previous) && previous.record.as_ref().is_some_and(|record| record.generation > 0)
            });
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

    /// What must hold for every commit of the state branch.
    fn judge_commit(&self, before: &BTreeMap<ReleaseName, ReleaseRecord>) -> Result<(), String> {
        let count = self.git.state.len();
        let state = &self.git.state[count - 1];
        let previous = count.checked_sub(2).map(|i| &self.git.state[i]);
        for (name, release) in &state.releases {
            let was = before.get(name);
            // [A1] A step is achieved on reports about the very target that asks for it.
            if let Some(achieved) = &release.achieved
                && was.and_then(|r| r.achieved.as_ref()).map(|a| a.at) != Some(achieved.at)
                && was.is_some_and(|r| {
                    r.complete.is_none() && release.position.cause != shipper_core::state::Cause::Carried
                })
            {
                let Some(previous) = previous else {
                    return Err("A1: a step is achieved in the first commit".to_owned());
                };
                let placement = state.record.as_ref().and_then(|record| record.placement.as_ref());
                let stays = |cluster: &ClusterName| {
                    placement.is_some_and(|placement| placement.staying().any(|(name, _)| name == cluster))
                };
                for (cluster, target) in previous.targets.iter().filter(|(cluster, _)| stays(cluster)) {
                    let met = self.met.get(cluster).is_some_and(|met| met.contains(&target.generation));
                    let tolerated = target.releases.len() > 1;
                    if !met && !tolerated {
                        return Err(format!(
                            "A1: {name} achieved {achieved:?}, but {cluster} never met generation {}",
                            target.generation
                        ));
                    }
                }
            }
            // No step is taken by itself.
            if let Some(was) = was
                && release.position.step != was.position.step
                && matches!(release.position.cause, shipper_core::state::Cause::Created)
            {
                return Err(format!("{name} moved without a cause"));
            }
        }
        if let Some(previous) = previous {
            // [R1, R6] Counters never go back.
            let counters = |s: &super::git::State| {
                s.record.as_ref().map_or((0, 0), |r| (r.generation, r.target_generation))
            };
            if counters(state) < counters(previous) {
                return Err("R1: a counter went back".to_owned());
            }
            for (cluster, target) in &state.targets {
                let Some(was) = previous.targets.get(cluster) else { continue };
                if target.generation < was.generation
                    || (target != was && target.generation == was.generation)
                {
                    return Err(format!("target of {cluster} changed without a new generation"));
                }
            }
            // [R5] What has the load keeps a release with capacity and weight.
            let serving = |s: &super::git::State, cluster: &ClusterName| {
                s.targets.get(cluster).is_some_and(|t| {
                    t.releases.iter().any(|r| !r.absent && r.capacity > 0 && r.traffic.unwrap_or(0) > 0)
                })
            };
            let leaving = |s: &super::git::State, cluster: &ClusterName| {
                let placement = s.record.as_ref().and_then(|record| record.placement.as_ref());
                placement.is_some_and(|placement| placement.leaving.contains_key(cluster))
            };
            for cluster in previous.targets.keys() {
                let steps_back =
                    state.releases.len() == 1 || roles(state.releases.values()).incumbent.is_none();
                let removing = |s: &super::git::State| {
                    let missing = s.record.as_ref().and_then(|record| record.missing.as_ref());
                    missing.is_some_and(|missing| missing.removal.is_some())
                };
                let loses = serving(previous, cluster) && !serving(state, cluster);
                if loses && removing(state) {
                    // [X1] Judged below.
                } else if loses && leaving(state, cluster) {
                    // [S4] It goes once the others have reported all they are to have.
                    self.judge_departure(previous, state, cluster)?;
                } else if loses && !steps_back {
                    return Err(format!(
                        "R5: nothing carries the load in {cluster} any more: {:?}",
                        state.targets.get(cluster)
                    ));
                }
                let tombstones = previous.targets[cluster].releases.iter().all(|release| release.absent);
                let tombstone = |s: &super::git::State| s.targets.get(cluster).is_some_and(|t| t.absent);
                // [X1] Only a removal that was decided writes a tombstone, and only a tombstone that was carried out goes.
                let left = leaving(previous, cluster) && tombstones;
                if !state.targets.contains_key(cluster) && !left && !tombstone(previous) {
                    return Err(format!("absence deletes nothing: the target of {cluster} is gone"));
                }
                if tombstone(state) && !removing(state) {
                    return Err(format!(
                        "absence deletes nothing: {cluster} has a tombstone, and nobody removed it"
                    ));
                }
                if tombstone(state) && !tombstone(previous) && !self.may_be_removed(state) {
                    return Err(format!("X1: {cluster} has a tombstone, and nothing allows to remove it"));
                }
            }
        }
        Ok(())
    }

    /// [S2, S4] Whoever stays has reported, on the very target that stood when it was decided, all that it is to have; and somebody serves.
    fn judge_departure(
        &self,
        previous: &super::git::State,
        state: &super::git::State,
        cluster: &ClusterName,
    ) -> Result<(), String> {
        let placement = state.record.as_ref().and_then(|record| record.placement.as_ref());
        let staying: Vec<&ClusterName> =
            placement.into_iter().flat_map(Placement::staying).map(|(name, _)| name).collect();
        let mut serves = false;
        for name in &staying {
            let Some(target) = previous.targets.get(*name) else { continue };
            if !self.served.get(*name).is_some_and(|served| served.contains(&target.generation)) {
                return Err(format!(
                    "S4: {cluster} is emptied although {name} never met generation {}",
                    target.generation
                ));
            }
            serves |= monitor::goals(target).values().any(|goal| *goal > 0);
        }
        if serves { Ok(()) } else { Err(format!("S4: {cluster} is emptied and nobody serves: {staying:?}")) }
    }

    /// [X1] A trailer names it, or it has been missing for as long as is waited, or what was reported has no ready pods.
    fn may_be_removed(&self, state: &super::git::State) -> bool {
        let missing = state.record.as_ref().and_then(|record| record.missing.as_ref());
        let removal = missing.and_then(|missing| Some((missing, missing.removal.as_ref()?)));
        removal.is_some_and(|(missing, removal)| match &removal.cause {
            RemovalCause::NothingReady => true,
            RemovalCause::Confirmed { commit } => {
                self.git.confirmed.iter().any(|known| *commit == format!("{known:040x}"))
            }
            RemovalCause::OnlyOneMissing => {
                missing.alone_since.is_some_and(|since| self.wall().duration_since(since) >= REMOVAL_PATIENCE)
            }
        })
    }

    fn contender(&self) -> Option<(ReleaseName, usize)> {
        let state = self.git.state.last()?;
        let name = roles(state.releases.values()).contender?;
        let step = state.releases[&name].position.step;
        Some((name, step))
    }

    fn wake_hubs(&mut self) {
        for hub in 0..self.hubs.len() {
            self.soon(300, Happening::Think(hub));
        }
        self.last_change = self.now;
    }

    fn strategy(&mut self) -> StrategySpec {
        let surge = ["100%", "25%", "1%"][self.rng.random_range(0..3)];
        let approval = if self.rng.random_bool(0.3) { "auto" } else { "manual" };
        let gate = json!({"approval": approval});
        let settle = ["0s", "1s", "5s"][self.rng.random_range(0..3)];
        let steps = match self.rng.random_range(0..4) {
            0 => {
                json!([{"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}}])
            }
            1 => json!([
                {"name": "staging", "capacity": {"contender": 20, "incumbent": 100}, "traffic": {"contender": 0, "incumbent": 100}, "gate": gate},
                {"name": "canary", "clusters": {"names": ["c1"]}, "capacity": {"contender": 40, "incumbent": 60}, "traffic": {"contender": 40, "incumbent": 60}, "gate": gate},
                {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
            ]),
            2 => json!([
                {"name": "capacity", "capacity": {"contender": 100}, "gate": gate},
                {"name": "traffic", "traffic": {"contender": 100, "incumbent": 0}, "gate": gate},
                {"name": "end", "capacity": {"incumbent": 0}},
            ]),
            _ => json!([
                {"name": "staging", "capacity": {"contender": 1, "incumbent": 100}, "traffic": {"contender": 0, "incumbent": 100}, "gate": gate},
                {"name": "50/50", "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50}, "gate": gate},
                {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
            ]),
        };
        serde_json::from_value(json!({"surge": surge, "settle": settle, "steps": steps}))
            .expect("a valid strategy")
    }

    fn commit_version(&mut self) {
        self.versions += 1;
        let broken = if self.versions > 1 && self.rng.random_bool(0.15) { "broken" } else { "image" };
        let version = format!("{broken}-v{}", self.versions);
        let strategy = self.strategy();
        self.commit(&version, strategy);
    }

    fn commit(&mut self, version: &str, strategy: StrategySpec) {
        self.say(|| {
            format!(
                "main: {version} {:?} surge {}",
                strategy.steps.iter().map(|s| &s.name).collect::<Vec<_>>(),
                strategy.surge
            )
        });
        let app = chart::app();
        let rollout = self
            .git
            .main
            .iter()
            .rev()
            .flatten()
            .next()
            .and_then(|intent| intent.application.spec.rollout.clone());
        let spec = ApplicationSpec {
            revision_history_limit: 2,
            template: Template {
                cluster_requirements: self.replicas.map(|replicas| ClusterRequirements {
                    regions: vec![Region {
                        name: "eu".to_owned(),
                        replicas: u32::try_from(replicas).unwrap_or(1),
                    }],
                    ..ClusterRequirements::default()
                }),
                ..Template::default()
            },
            rollout,
            restart: None,
            create_namespace: false,
            allow_cluster_scope: false,
            allow_secrets: false,
            traffic: TrafficMode::PodLabels,
            rollback: Rollback::AtOnce,
        };
        let metadata = Metadata {
            name: app.name.clone(),
            namespace: Some(app.namespace.clone()),
            ..Metadata::default()
        };
        let manifests = Some(PinnedSource { path: "apps/app".to_owned(), tree: version.to_owned() });
        let environment = Environment {
            chart: None,
            manifests,
            values: serde_json::Map::new(),
            overrides: Vec::new(),
            restart: None,
        };
        self.git.main.push(Some(Intent {
            application: Application { metadata, spec },
            environment: Ok(Resolved { environment, written_chart: None }),
            strategy: Some(strategy),
        }));
        self.wake_hubs();
    }

    fn order(&mut self, step: usize) {
        let Some((release, _)) = self.contender() else { return };
        let Some(mut intent) = self.git.main.last().cloned().flatten() else { return };
        self.say(|| format!("main: {release} to step {step}"));
        let target_step = StepRef::Index(u32::try_from(step).unwrap_or(0));
        intent.application.spec.rollout = Some(Rollout::to_step(release.as_str(), target_step));
        self.git.main.push(Some(intent));
        self.wake_hubs();
    }

    /// The environment of the incumbent comes back.
    fn revert(&mut self) {
        let Some(state) = self.git.state.last() else { return };
        let Some(incumbent) = roles(state.releases.values()).incumbent else { return };
        let release = &state.releases[&incumbent];
        let version = release.environment.manifests.as_ref().map(|m| m.tree.clone()).unwrap_or_default();
        let strategy = release.strategy.clone();
        self.commit(&version, strategy);
    }

    fn chaos(&mut self) {
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

    fn block(&mut self) {
        let added = self.blocking.toggle(&mut self.fleet, &mut self.rng);
        self.outcome.blocks += u64::from(added);
        self.say(|| format!("main: {:?}", self.blocking));
        self.wake_hubs();
    }

    /// Somebody drains a cluster, or takes that back.
    fn drain(&mut self, i: usize) {
        let Some(info) = self.fleet.clusters.get_mut(&self.agents[i].name) else { return };
        let scheduler = &mut info.cluster.spec.scheduler;
        scheduler.drain = !scheduler.drain;
        let drained = scheduler.drain;
        self.outcome.drains += u64::from(drained);
        self.say(|| format!("main: c{} drain {drained}", i + 1));
        self.wake_hubs();
    }

    fn cordon(&mut self, i: usize) {
        let Some(info) = self.fleet.clusters.get_mut(&self.agents[i].name) else { return };
        let scheduler = &mut info.cluster.spec.scheduler;
        scheduler.unschedulable = !scheduler.unschedulable;
        let cordoned = scheduler.unschedulable;
        self.outcome.cordons += u64::from(cordoned);
        self.say(|| format!("main: c{} cordon {cordoned}", i + 1));
        self.wake_hubs();
    }

    /// A cluster that was not in the fleet is now.
    fn join(&mut self, i: usize) {
        let name = self.agents[i].name.clone();
        if self.fleet.clusters.contains_key(&name) {
            return;
        }
        let metadata = Metadata { name: name.to_string(), ..Metadata::default() };
        let spec = ClusterSpec { region: "eu".to_owned(), ..ClusterSpec::default() };
        self.fleet.clusters.insert(name, ClusterInfo { cluster: IntentCluster { metadata, spec } });
        self.say(|| format!("main: c{} is in the fleet", i + 1));
        self.wake_hubs();
    }

    /// Somebody removes the application on purpose, and mostly puts it back later, perhaps before it is gone.
    fn remove(&mut self) {
        if self.git.main.last().is_none_or(Option::is_none) {
            return;
        }
        self.say(|| "main: the file is removed, and the message confirms it".to_owned());
        self.outcome.removals += 1;
        self.git.main.push(None);
        self.git.confirmed.insert(self.git.main.len() - 1);
        self.wake_hubs();
    }

    fn fail_pod(&mut self, i: usize) {
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

    /// Chaos ends: everybody is alive and sees everybody, pods recover, the file is on `main`.
    fn heal(&mut self) {
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

    /// What the first hub would tell people, and what stands in the clusters.
    fn describe(&self) -> String {
        let (push, status, _) = self.hubs[0].think(&self.git, &self.fleet, self.now, self.wall());
        let waiting = status.map(|status| status.waiting);
        let clusters: Vec<String> = self.clusters.iter().map(monitor::describe).collect();
        let targets: Vec<String> = self
            .git
            .state
            .last()
            .into_iter()
            .flat_map(|state| &state.targets)
            .map(|(name, target)| {
                let releases: Vec<String> = target
                    .releases
                    .iter()
                    .map(|r| {
                        format!(
                            "{} {}/{:?}{}",
                            r.name,
                            r.capacity,
                            r.traffic,
                            if r.absent { " -" } else { "" }
                        )
                    })
                    .collect();
                format!("{name} #{}: {}", target.generation, releases.join(", "))
            })
            .collect();
        format!(
            "{waiting:?}, would push: {}\n{}\n{}",
            push.is_some(),
            targets.join("\n"),
            clusters.join("\n")
        )
    }

    /// [S2, S3, S4] At rest nobody is on the way out, and who is drained has nobody who could take its place.
    fn final_placement(&self, state: &super::git::State) -> Result<(), String> {
        let Some(placement) = state.record.as_ref().and_then(|record| record.placement.as_ref()) else {
            return Ok(());
        };
        // What only some clusters have waits for the rollout to come to others.
        let whole = roles(state.releases.values())
            .contender
            .is_some_and(|name| state.releases[&name].complete.is_some());
        let waits = whole && placement.staying().count() < placement.clusters.len();
        if !placement.leaving.is_empty() || waits {
            return Err(format!("S2: some are still to leave at rest: {placement:?}: {}", self.describe()));
        }
        let fits = |name: &ClusterName, info: &ClusterInfo| {
            let scheduler = &info.cluster.spec.scheduler;
            !scheduler.drain && !scheduler.unschedulable && !placement.clusters.contains_key(name)
        };
        let spare = self.fleet.clusters.iter().find(|(name, info)| fits(name, info));
        let drained = |name: &&ClusterName| {
            self.fleet.clusters.get(*name).is_some_and(|info| info.cluster.spec.scheduler.drain)
        };
        let stays = placement.clusters.keys().find(drained);
        let others = placement.clusters.keys().any(|name| !drained(&name));
        match (stays, spare, self.replicas) {
            (Some(stays), Some((spare, _)), _) => {
                Err(format!("S4: {stays} is drained, and {spare} is spare"))
            }
            (Some(stays), None, None) if others => {
                Err(format!("S4: {stays} is drained, and others have its part"))
            }
            _ => Ok(()),
        }
    }

    /// [S3] Whether the application runs nowhere: then too few clusters take it, and people are told so.
    fn nowhere(&self, state: &super::git::State) -> Result<bool, String> {
        let placement = state.record.as_ref().and_then(|record| record.placement.as_ref());
        if placement.is_some_and(|placement| !placement.clusters.is_empty()) {
            return Ok(false);
        }
        let takes = |info: &&ClusterInfo| {
            let scheduler = &info.cluster.spec.scheduler;
            !scheduler.drain && !scheduler.unschedulable
        };
        let fit = self.fleet.clusters.values().filter(takes).count();
        let told = self.status().is_some_and(|status| {
            let scheduled = status.conditions.into_iter().find(|c| c.kind == ConditionType::Scheduled);
            scheduled.is_some_and(|c| c.status == Status::False && c.reason == Reason::NotEnoughClusters)
        });
        if fit < self.replicas.unwrap_or(1) && told {
            Ok(true)
        } else {
            Err(format!(
                "S3: it runs nowhere, {fit} clusters would take it, told {told}: {}",
                self.describe()
            ))
        }
    }

    /// What the first hub would tell people.
    fn status(&self) -> Option<ApplicationStatus> {
        self.hubs[0].think(&self.git, &self.fleet, self.now, self.wall()).1
    }

    /// At rest, everything is as it was asked for, or says why not.
    fn final_state(&self) -> Result<(), String> {
        let Some(state) = self.git.state.last() else { return Err("nothing was ever written".to_owned()) };
        let Some((contender, _)) = self.contender() else { return Err("there is no contender".to_owned()) };
        let release = &state.releases[&contender];
        let version = release.environment.manifests.as_ref().map(|m| m.tree.as_str()).unwrap_or_default();
        let incumbent_broken = roles(state.releases.values())
            .incumbent
            .and_then(|name| state.releases.get(&name))
            .and_then(|r| r.environment.manifests.as_ref())
            .is_some_and(|m| m.tree.contains("broken"));
        if version.contains("broken") || incumbent_broken {
            return Ok(());
        }
        if self.nowhere(state)? {
            return Ok(());
        }
        self.final_placement(state)?;
        let achieved = release.achieved.as_ref().map(|a| a.step);
        if release.complete.is_none() && achieved != Some(release.position.step) {
            return Err(format!("{contender} is at rest without achieving its step: {}", self.describe()));
        }
        for (i, cluster) in self.clusters.iter().enumerate() {
            let truth = monitor::truth(cluster);
            let Some(target) = state.targets.get(&self.agents[i].name) else {
                if truth.pods > 0 {
                    return Err(format!(
                        "S2: c{} has pods at rest and no target: {}",
                        i + 1,
                        self.describe()
                    ));
                }
                continue;
            };
            let mut served: BTreeMap<ReleaseName, u32> = BTreeMap::new();
            for release in truth.served.values() {
                *served.entry(release.clone()).or_default() += 1;
            }
            let wanted: BTreeMap<ReleaseName, u32> =
                monitor::goals(target).into_iter().filter(|(_, goal)| *goal > 0).collect();
            if served != wanted {
                return Err(format!(
                    "C5: c{} serves {served:?} at rest, {wanted:?} is asked for: {}",
                    i + 1,
                    self.describe()
                ));
            }
        }
        Ok(())
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
