//! One state of everything, and what may happen next.

use super::branch::{Branch, Follows, From};
use super::memory::{Memory, Wish, Wished};
use super::people::{CLUSTERS, Hears};
use super::rules;
use super::search::{Event, State};
use std::fmt;

/// How many releases a script may make.
pub const RELEASES: usize = 4;
/// What a cluster has of a release, if anything: percent of pods, weight.
pub type Has = Option<(u8, u8)>;

/// Everything at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    /// The newest commit of `main`.
    pub main: u8,
    /// What the state branch says.
    pub written: u16,
    /// The state branch as agents judge it.
    pub branch: Branch,
    /// The newest report of each cluster, by the hub that has it.
    reports: [[Option<u16>; 2]; 2],
    /// The store was lost.
    lost: bool,
    /// What each hub is about to push.
    pushes: [Option<Push>; 2],
    pub clusters: [Cluster; 2],
}

/// A push on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Push {
    /// On top of what is written now.
    Current(u16),
    /// On top of what was written before another push won.
    Late,
}

/// A report on its way, which may arrive at any time and any number of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct UnderWay {
    report: u16,
    /// By hub: its store would take it: it knows its session, and nothing newer.
    fresh: [bool; 2],
}

/// A cluster with its agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// The target it obeys.
    target: Option<u16>,
    /// The commit it follows.
    follows: Follows,
    /// What is there, by number of the release.
    pub has: [Has; RELEASES],
    /// What it said last.
    newest: Option<UnderWay>,
    /// What it said before that, by the hub for which it might still count.
    older: [Option<u16>; 2],
    /// The last one has to be said again.
    again: bool,
    /// The newest generation of a target that it has met.
    pub met: u16,
    /// Its newest release has failing pods now.
    pub sick: bool,
    /// It has had them.
    pub was_sick: bool,
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Commit(u8),
    Plans { hub: usize, planned: u16 },
    Pushes { hub: usize, wins: bool },
    TakesOver { hub: usize, planned: u16 },
    Hears { hub: usize, cluster: usize, newest: bool },
    StoreIsLost,
    BranchIsRestored,
    Fetches { cluster: usize, from: From },
    Refuses { cluster: usize, from: From },
    Raises(usize),
    Converges(usize),
    Lowers(usize),
    Fails(usize),
    Heals(usize),
    Reports(usize),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Commit(number) => write!(f, "people make commit {number}"),
            Self::Plans { hub, planned } => write!(f, "hub {hub} plans {planned}"),
            Self::Pushes { hub, wins: true } => write!(f, "hub {hub} pushes"),
            Self::Pushes { hub, wins: false } => write!(f, "hub {hub} pushes and loses the race"),
            Self::TakesOver { hub, planned } => write!(f, "hub {hub} takes over with {planned}"),
            Self::Hears { hub, cluster, newest: true } => write!(f, "hub {hub} hears {}", CLUSTERS[cluster]),
            Self::Hears { hub, cluster, .. } => {
                write!(f, "hub {hub} hears an older report of {}", CLUSTERS[cluster])
            }
            Self::BranchIsRestored => write!(f, "the state branch is restored from a backup"),
            Self::StoreIsLost => write!(f, "the store is lost"),
            Self::Fetches { cluster, from } => write!(f, "{} follows {from:?}", CLUSTERS[cluster]),
            Self::Refuses { cluster, from } => write!(f, "{} refuses {from:?}", CLUSTERS[cluster]),
            Self::Raises(cluster) => write!(f, "{} raises", CLUSTERS[cluster]),
            Self::Converges(cluster) => write!(f, "{} converges", CLUSTERS[cluster]),
            Self::Lowers(cluster) => write!(f, "{} lowers", CLUSTERS[cluster]),
            Self::Fails(cluster) => write!(f, "pods of {} fail", CLUSTERS[cluster]),
            Self::Heals(cluster) => write!(f, "pods of {} heal", CLUSTERS[cluster]),
            Self::Reports(cluster) => write!(f, "{} reports", CLUSTERS[cluster]),
        }
    }
}

impl Event for What {
    fn kind(self) -> &'static str {
        match self {
            Self::Commit(_) => "commit",
            Self::Plans { .. } => "plan",
            Self::Pushes { wins: true, .. } => "push",
            Self::Pushes { wins: false, .. } => "lost race",
            Self::TakesOver { .. } => "takeover",
            Self::Hears { hub: 0, newest: true, .. } => "report heard",
            Self::Hears { hub: 0, .. } => "older report heard",
            Self::Hears { newest: true, .. } => "report heard by the second",
            Self::Hears { .. } => "older report heard by the second",
            Self::StoreIsLost => "store lost",
            Self::BranchIsRestored => "branch restored",
            Self::Fetches { from: From::Branch, .. } => "fetch",
            Self::Fetches { .. } => "fetch of a mirror",
            Self::Refuses { from: From::Branch, .. } => "branch refused",
            Self::Refuses { .. } => "mirror refused",
            Self::Raises(_) => "raise",
            Self::Converges(_) => "converge",
            Self::Lowers(_) => "lower",
            Self::Fails(_) => "pods fail",
            Self::Heals(_) => "pods heal",
            Self::Reports(_) => "report",
        }
    }

    fn is_failure(self) -> bool {
        let mirror = |from| from == From::Mirror;
        match self {
            Self::StoreIsLost | Self::BranchIsRestored | Self::Fails(_) | Self::Refuses { .. } => true,
            Self::Fetches { from, .. } => mirror(from),
            _ => false,
        }
    }
}

/// Something that may happen, and what is so after it.
type Step = super::search::Step<World>;

impl State for World {
    type Event = What;
    type Memory = Memory;

    fn successors(&self, memory: &mut Memory) -> Vec<Step> {
        self.all(memory)
    }

    fn at_rest(&self, memory: &mut Memory) -> Result<(), String> {
        rules::at_rest(memory, self)
    }
}

impl World {
    /// Where a search begins: the first commit of people is on `main`, and where the script says so it is rolled out, at rest.
    pub fn first(memory: &mut Memory) -> Self {
        let mut world = Self::default();
        if memory.script.new {
            return world;
        }
        let happens = |step: &Step| !step.what.is_failure() && !matches!(step.what, What::Commit(_));
        while let Some(step) = world.successors(memory).into_iter().find(happens) {
            world = step.world;
        }
        world
    }

    /// Everything that may happen and changes something, or is refused.
    fn all(&self, memory: &mut Memory) -> Vec<Step> {
        let mut steps = Vec::new();
        let next = self.main + 1;
        if usize::from(next) < memory.script.commits.len() {
            self.then(&mut steps, What::Commit(next), |world| world.main = next);
        }
        for hub in 0..2 {
            self.look(memory, hub, &mut steps);
            self.push(memory, hub, &mut steps);
        }
        self.deliver(memory, &mut steps);
        // In the middle of the rollout.
        let rolling = self.main == u8::from(!memory.script.new);
        if memory.script.loses && rolling && !self.lost && self.reports[0].iter().any(Option::is_some) {
            self.then(&mut steps, What::StoreIsLost, |world| {
                (world.reports, world.lost) = ([[None; 2]; 2], true);
                for cluster in &mut world.clusters {
                    // An agent whose session is not known opens another and says everything again.
                    cluster.again = true;
                    (0..2).for_each(|hub| cluster.heard(hub, true));
                }
            });
        }
        if let Some((written, branch)) = self.branch.restored(memory.script.restores && rolling) {
            let known = [0, 1].map(|cluster| {
                memory.target(written, cluster).map_or(0, |target| memory.wish(target).generation)
            });
            self.then(&mut steps, What::BranchIsRestored, |world| {
                (world.written, world.branch) = (written, branch);
                world.pushes = world.pushes.map(|push| push.map(|_| Push::Late));
                for (cluster, known) in world.clusters.iter_mut().zip(known) {
                    cluster.follows.restored();
                    // What it met under a number that is given again says nothing.
                    cluster.met = cluster.met.min(known);
                }
            });
        }
        for cluster in 0..2 {
            self.fetch(memory, cluster, &mut steps);
            self.act(memory, cluster, rolling, &mut steps);
        }
        steps
    }

    fn then(&self, steps: &mut Vec<Step>, what: What, change: impl FnOnce(&mut Self)) {
        let mut world = *self;
        change(&mut world);
        if world != *self {
            steps.push(Step { what, world, broken: None });
        }
    }

    /// A hub reads and plans. In the place of a history that is lost, it takes over before anything else.
    fn look(&self, memory: &mut Memory, hub: usize, steps: &mut Vec<Step>) {
        if self.pushes[hub].is_some() {
            return;
        }
        if self.branch.is_lost() {
            let planned = memory.leap(self.written);
            self.then(steps, What::TakesOver { hub, planned }, |world| {
                world.pushes[hub] = Some(Push::Current(planned));
            });
            return;
        }
        let planned = memory.decide((self.main, self.written, self.reports[hub]));
        if planned != self.written {
            self.then(steps, What::Plans { hub, planned }, |world| {
                world.pushes[hub] = Some(Push::Current(planned));
            });
        }
    }

    /// A hub's push arrives: a compare-and-swap.
    fn push(&self, memory: &Memory, hub: usize, steps: &mut Vec<Step>) {
        let Some(push) = self.pushes[hub] else { return };
        let Push::Current(planned) = push else {
            self.then(steps, What::Pushes { hub, wins: false }, |world| world.pushes[hub] = None);
            return;
        };
        let tracks = memory.script.tracks();
        self.then(steps, What::Pushes { hub, wins: true }, |world| {
            world.branch.pushed(self.written, tracks);
            world.written = planned;
            world.pushes = world.pushes.map(|push| push.map(|_| Push::Late));
            world.pushes[hub] = None;
            for cluster in &mut world.clusters {
                cluster.follows.pushed(tracks);
            }
        });
        if let Some(step) = steps.last_mut() {
            step.broken = rules::pushed(memory, self, planned).err();
        }
    }

    /// One of the reports under way arrives; the network keeps it, and may bring it again. Hubs that share a store hear it at once.
    fn deliver(&self, memory: &Memory, steps: &mut Vec<Step>) {
        let stores: &[(usize, &[usize])] = match memory.script.hears {
            Hears::Shared => &[(0, &[0, 1])],
            Hears::First => &[(0, &[0])],
            Hears::Apart => &[(0, &[0]), (1, &[1])],
        };
        for (index, cluster) in self.clusters.iter().enumerate() {
            for (hub, hubs) in stores {
                let hear = |world: &mut Self, report: u16, newest: bool| {
                    hubs.iter().for_each(|hub| world.reports[*hub][index] = Some(report));
                    world.clusters[index].heard(*hub, newest);
                };
                if let Some(UnderWay { report, fresh }) = cluster.newest
                    && fresh[*hub]
                {
                    let what = What::Hears { hub: *hub, cluster: index, newest: true };
                    self.then(steps, what, |world| hear(world, report, true));
                }
                if let Some(report) = cluster.older[*hub] {
                    let what = What::Hears { hub: *hub, cluster: index, newest: false };
                    self.then(steps, what, |world| hear(world, report, false));
                }
            }
        }
    }

    /// An agent fetches: the branch, or a mirror of it that still has the commit before.
    fn fetch(&self, memory: &mut Memory, index: usize, steps: &mut Vec<Step>) {
        let cluster = &self.clusters[index];
        let mirror = memory.script.mirror;
        for offer in self.branch.offers(self.written).into_iter().filter(|o| mirror || o.from == From::Branch)
        {
            let Some(target) = memory.target(offer.written, index) else { continue };
            let from = offer.from;
            match cluster.follows.accept(&offer) {
                Ok(follows) => {
                    let follows = if memory.script.tracks() { follows } else { follows.untracked() };
                    let forward = follows.epoch() > cluster.follows.epoch();
                    let wish = memory.wish(target);
                    let before = cluster.target.map_or(0, |target| memory.wish(target).generation);
                    let back = !forward && wish.generation < before;
                    let known = steps.len();
                    self.then(steps, What::Fetches { cluster: index, from }, |world| {
                        let cluster = &mut world.clusters[index];
                        (cluster.target, cluster.follows) = (Some(target), follows);
                        cluster.meet(wish);
                    });
                    if let Some(step) = steps.get_mut(known).filter(|_| back) {
                        step.broken =
                            Some(format!("[X5] {} goes back to {}", CLUSTERS[index], wish.generation));
                    }
                }
                Err(_) => {
                    let what = What::Refuses { cluster: index, from };
                    steps.push(Step { what, world: *self, broken: None });
                }
            }
        }
    }

    /// What a cluster and its agent may do.
    fn act(&self, memory: &mut Memory, index: usize, rolling: bool, steps: &mut Vec<Step>) {
        let cluster = &self.clusters[index];
        let Some(target) = cluster.target else { return };
        let wish = memory.wish(target);
        if cluster.sick {
            self.then(steps, What::Heals(index), |world| {
                world.clusters[index].sick = false;
                world.clusters[index].meet(wish);
            });
        } else if index == 1 {
            self.then(steps, What::Raises(index), |world| world.clusters[index].raise(wish));
            self.then(steps, What::Lowers(index), |world| world.clusters[index].lower(wish));
        } else {
            // Nothing is to be learned from looking at each of both in the middle.
            self.then(steps, What::Converges(index), |world| {
                world.clusters[index].raise(wish);
                world.clusters[index].lower(wish);
            });
        }
        // Once, in one cluster.
        if memory.script.fails && index == 1 && rolling && !cluster.was_sick {
            self.then(steps, What::Fails(index), |world| {
                (world.clusters[index].sick, world.clusters[index].was_sick) = (true, true);
            });
        }
        let report = memory.report(target, cluster.has, cluster.sick);
        let heard_apart = memory.script.hears == Hears::Apart;
        if cluster.newest.is_none_or(|newest| newest.report != report) || cluster.again {
            self.then(steps, What::Reports(index), |world| {
                let cluster = &mut world.clusters[index];
                // Reports of one cluster may overtake one another.
                let last = cluster.newest.filter(|_| index == 1);
                let open = |hub: usize| last.filter(|last| last.fresh[hub]).map(|last| last.report);
                cluster.older = [open(0), open(1).filter(|_| heard_apart)];
                cluster.newest = Some(UnderWay { report, fresh: [true, heard_apart] });
                cluster.again = false;
            });
        }
    }
}

impl Cluster {
    /// A hub has taken its last report, or the one before, or knows its session no more: what is older counts no longer.
    fn heard(&mut self, hub: usize, newest: bool) {
        self.older[hub] = None;
        if let Some(last) = self.newest.as_mut().filter(|_| newest) {
            last.fresh[hub] = false;
        }
    }

    fn of(&self, wished: &Wished) -> (u8, u8) {
        self.has[wished.release].unwrap_or_default()
    }

    /// What is to have more gets it.
    fn raise(&mut self, wish: &Wish) {
        for wished in wish.releases.iter().filter(|wished| !wished.absent && wished.numbers != (0, 0)) {
            let (pods, weight) = self.of(wished);
            self.has[wished.release] = Some((pods.max(wished.numbers.0), weight.max(wished.numbers.1)));
        }
        self.meet(wish);
    }

    /// What has too much loses it, once everything is raised; tombstones go. What the target does not name stays.
    fn lower(&mut self, wish: &Wish) {
        let raised = |wished: &Wished| {
            let (pods, weight) = self.of(wished);
            pods >= wished.numbers.0 && weight >= wished.numbers.1
        };
        if !wish.releases.iter().all(raised) {
            return;
        }
        for wished in &wish.releases {
            let left = (!wished.absent).then_some(wished.numbers);
            self.has[wished.release] = self.has[wished.release].and(left);
        }
        self.meet(wish);
    }

    fn meet(&mut self, wish: &Wish) {
        let met = wish.releases.iter().all(|wished| wished.absent || self.of(wished) == wished.numbers);
        if met && !self.sick {
            self.met = self.met.max(wish.generation);
        }
    }
}
