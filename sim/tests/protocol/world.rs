//! One state of everything, and what may happen next.

use super::memory::{Memory, Wish, Wished};
use super::people::CLUSTERS;
use super::rules;
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
    /// The newest report of each cluster in the hubs' store.
    reports: [Option<u16>; 2],
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
    /// The store would take it: it knows its session, and nothing newer.
    fresh: bool,
}

/// A cluster with its agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// The target it obeys.
    target: Option<u16>,
    /// What is there, by number of the release.
    pub has: [Has; RELEASES],
    /// What it said last.
    newest: Option<UnderWay>,
    /// What it said before that, while it might still count.
    older: Option<u16>,
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
    Hears { cluster: usize, newest: bool },
    StoreIsLost,
    Fetches(usize),
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
            Self::Hears { cluster, newest: true } => write!(f, "the store hears {}", CLUSTERS[cluster]),
            Self::Hears { cluster, .. } => {
                write!(f, "the store hears an older report of {}", CLUSTERS[cluster])
            }
            Self::StoreIsLost => write!(f, "the store is lost"),
            Self::Fetches(cluster) => write!(f, "{} fetches", CLUSTERS[cluster]),
            Self::Raises(cluster) => write!(f, "{} raises", CLUSTERS[cluster]),
            Self::Converges(cluster) => write!(f, "{} converges", CLUSTERS[cluster]),
            Self::Lowers(cluster) => write!(f, "{} lowers", CLUSTERS[cluster]),
            Self::Fails(cluster) => write!(f, "pods of {} fail", CLUSTERS[cluster]),
            Self::Heals(cluster) => write!(f, "pods of {} heal", CLUSTERS[cluster]),
            Self::Reports(cluster) => write!(f, "{} reports", CLUSTERS[cluster]),
        }
    }
}

impl What {
    /// It need not ever happen.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::StoreIsLost | Self::Fails(_))
    }
}

/// Something that may happen, and what is so after it.
pub struct Step {
    pub what: What,
    pub world: World,
    /// A rule that it breaks.
    pub broken: Option<String>,
}

impl World {
    /// The first commit of people, rolled out, at rest: where a search begins.
    pub fn settled(memory: &mut Memory) -> Self {
        let mut world = Self::default();
        let happens = |step: &Step| !step.what.is_failure() && !matches!(step.what, What::Commit(_));
        while let Some(step) = world.successors(memory).into_iter().find(happens) {
            world = step.world;
        }
        world
    }

    /// Everything that may happen and changes something.
    pub fn successors(&self, memory: &mut Memory) -> Vec<Step> {
        let mut steps = Vec::new();
        let next = self.main + 1;
        if usize::from(next) < memory.script.commits.len() {
            self.then(&mut steps, What::Commit(next), |world| world.main = next);
        }
        for hub in 0..2 {
            self.look(memory, hub, &mut steps);
            self.push(memory, hub, &mut steps);
        }
        self.deliver(&mut steps);
        // In the middle of the rollout.
        let rolling = self.main == 1;
        if memory.script.loses && rolling && !self.lost && self.reports.iter().any(Option::is_some) {
            self.then(&mut steps, What::StoreIsLost, |world| {
                (world.reports, world.lost) = ([None; 2], true);
                for cluster in &mut world.clusters {
                    // An agent whose session is not known opens another and says everything again.
                    cluster.again = true;
                    cluster.heard(true);
                }
            });
        }
        for cluster in 0..2 {
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

    /// A hub reads and plans.
    fn look(&self, memory: &mut Memory, hub: usize, steps: &mut Vec<Step>) {
        if self.pushes[hub].is_some() {
            return;
        }
        let knows = hub == 0 || memory.script.shared;
        let reports = self.reports.map(|report| report.filter(|_| knows));
        let planned = memory.decide((self.main, self.written, reports));
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
        self.then(steps, What::Pushes { hub, wins: true }, |world| {
            world.written = planned;
            world.pushes = world.pushes.map(|push| push.map(|_| Push::Late));
            world.pushes[hub] = None;
        });
        if let Some(step) = steps.last_mut() {
            step.broken = rules::pushed(memory, self, planned).err();
        }
    }

    /// One of the reports under way arrives; the network keeps it, and may bring it again.
    fn deliver(&self, steps: &mut Vec<Step>) {
        for (index, cluster) in self.clusters.iter().enumerate() {
            if let Some(UnderWay { report, fresh: true }) = cluster.newest {
                self.then(steps, What::Hears { cluster: index, newest: true }, |world| {
                    world.reports[index] = Some(report);
                    world.clusters[index].heard(true);
                });
            }
            if let Some(report) = cluster.older {
                self.then(steps, What::Hears { cluster: index, newest: false }, |world| {
                    world.reports[index] = Some(report);
                    world.clusters[index].heard(false);
                });
            }
        }
    }

    /// What a cluster and its agent may do.
    fn act(&self, memory: &mut Memory, index: usize, rolling: bool, steps: &mut Vec<Step>) {
        let cluster = &self.clusters[index];
        if let Some(target) = memory.target(self.written, index) {
            let wish = memory.wish(target);
            self.then(steps, What::Fetches(index), |world| {
                world.clusters[index].target = Some(target);
                world.clusters[index].meet(wish);
            });
        }
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
        if cluster.newest.is_none_or(|newest| newest.report != report) || cluster.again {
            self.then(steps, What::Reports(index), |world| {
                let cluster = &mut world.clusters[index];
                // Reports of one cluster may overtake one another.
                cluster.older =
                    cluster.newest.filter(|newest| newest.fresh && index == 1).map(|it| it.report);
                cluster.newest = Some(UnderWay { report, fresh: true });
                cluster.again = false;
            });
        }
    }
}

impl Cluster {
    /// The store has taken its last report, or the one before, or knows its session no more: what is older counts no longer.
    fn heard(&mut self, newest: bool) {
        self.older = None;
        if newest {
            self.newest = self.newest.map(|it| UnderWay { fresh: false, ..it });
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
