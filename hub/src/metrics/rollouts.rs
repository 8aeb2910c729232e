//! How rollouts go: counted when a commit that this hub pushed has arrived, from the times that it wrote down. Git decides which hub that
//! is, so a sum over hubs counts everything once, and a restart nothing twice (`docs/adr/0007-rollout-metrics.md`).

use super::bounded::Bounded;
use jiff::SignedDuration;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use shipper_core::AppKey;
use shipper_core::state::{Advance, How};

/// Namespaces that are told one by one.
const NAMESPACES: usize = 500;
/// Names of steps that are told one by one.
const STEPS: usize = 50;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86400.0;
/// Of what a whole change takes, in each namespace: few, for every bucket is a series.
const LONG: [f64; 8] = [MINUTE, 5.0 * MINUTE, 15.0 * MINUTE, HOUR, 4.0 * HOUR, DAY, 3.0 * DAY, 7.0 * DAY];
/// Of what a step takes.
const SHORT: [f64; 10] =
    [5.0, 15.0, 30.0, MINUTE, 2.0 * MINUTE, 5.0 * MINUTE, 15.0 * MINUTE, HOUR, 6.0 * HOUR, DAY];

/// What a commit that was pushed did to one application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deeds {
    /// To its releases.
    pub advances: Vec<Advance>,
    /// Of each release that is complete now: since its commit on `main`.
    pub lead_times: Vec<SignedDuration>,
    /// It is back from a failure: since that was seen.
    pub restored: Option<SignedDuration>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NamespaceLabels {
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailedLabels {
    namespace: String,
    how: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitLabels {
    waiting: &'static str,
}

type PerNamespace = Family<NamespaceLabels, Histogram, fn() -> Histogram>;

/// Counts and times of rollouts.
#[derive(Debug)]
pub struct Rollouts {
    namespaces: Bounded,
    names: Bounded,
    made: Family<NamespaceLabels, Counter>,
    completed: Family<NamespaceLabels, Counter>,
    superseded: Family<NamespaceLabels, Counter>,
    failed: Family<FailedLabels, Counter>,
    rollbacks: Counter,
    duration: PerNamespace,
    lead: PerNamespace,
    restore: PerNamespace,
    steps: Family<StepLabels, Histogram, fn() -> Histogram>,
    waits: Family<WaitLabels, Histogram, fn() -> Histogram>,
}

fn long() -> Histogram {
    Histogram::new(LONG)
}

fn short() -> Histogram {
    Histogram::new(SHORT)
}

impl Default for Rollouts {
    fn default() -> Self {
        let per_namespace = || Family::new_with_constructor(long as fn() -> Histogram);
        Self {
            namespaces: Bounded::new(NAMESPACES),
            names: Bounded::new(STEPS),
            made: Family::default(),
            completed: Family::default(),
            superseded: Family::default(),
            failed: Family::default(),
            rollbacks: Counter::default(),
            duration: per_namespace(),
            lead: per_namespace(),
            restore: per_namespace(),
            steps: Family::new_with_constructor(short as fn() -> Histogram),
            waits: Family::new_with_constructor(short as fn() -> Histogram),
        }
    }
}

impl Rollouts {
    pub(super) fn register(&self, r: &mut Registry) {
        let mut counter = |name: &str, help: &str, of: &Family<NamespaceLabels, Counter>| {
            r.register(name, help, of.clone());
        };
        counter("releases_made", "Releases made, each for a change on main", &self.made);
        counter("releases_completed", "Releases that have gone all the way", &self.completed);
        let help = "Releases whose place a newer one took while nothing was wrong with them";
        counter("releases_superseded", help, &self.superseded);
        r.register("releases_failed", "Changes that failed, by how, each once", self.failed.clone());
        r.register("rollbacks", "Releases that the hub took back by itself", self.rollbacks.clone());
        let mut times = |name: &str, help: &str, of: &PerNamespace| {
            r.register_with_unit(name, help, Unit::Seconds, of.clone());
        };
        times("rollout_duration", "From a release that is made to its being complete", &self.duration);
        times("lead_time", "From a commit on main to its release being complete", &self.lead);
        let help = "From the first cluster that fails to the application being well again";
        times("restore_time", help, &self.restore);
        let help = "From a step that is asked for to its being achieved in every cluster, by the step's name";
        r.register_with_unit("step_duration", help, Unit::Seconds, self.steps.clone());
        let help = "Time that an achieved step waited for its gate (soak, analysis), and then for a person's command";
        r.register_with_unit("step_wait", help, Unit::Seconds, self.waits.clone());
        // So that what never happened is 0 and not absent.
        for waiting in ["gate", "command"] {
            drop(self.waits.get_or_create(&WaitLabels { waiting }));
        }
    }

    /// Counts what a commit of this hub did.
    pub fn count(&self, app: &AppKey, deeds: &Deeds) {
        if *deeds == Deeds::default() {
            return;
        }
        let namespace = self.namespaces.label(&app.namespace);
        let labels = NamespaceLabels { namespace: namespace.clone() };
        for advance in &deeds.advances {
            match advance {
                Advance::Made => {
                    self.made.get_or_create(&labels).inc();
                    // A rate that begins with the first of something never shows it: what may come is 0 before.
                    for counter in [&self.completed, &self.superseded] {
                        drop(counter.get_or_create(&labels));
                    }
                    for times in [&self.duration, &self.lead, &self.restore] {
                        drop(times.get_or_create(&labels));
                    }
                    for how in How::ALL {
                        drop(self.failed.get_or_create(&failed(&namespace, how)));
                    }
                }
                Advance::Achieved { step, took } => {
                    let step = self.names.label(step);
                    self.steps.get_or_create(&StepLabels { step }).observe(seconds(*took));
                }
                Advance::GatePassed { took } => self.waited("gate", *took),
                Advance::Ordered { waited } => self.waited("command", *waited),
                Advance::Completed { took } => {
                    self.completed.get_or_create(&labels).inc();
                    self.duration.get_or_create(&labels).observe(seconds(*took));
                }
                Advance::Superseded => {
                    self.superseded.get_or_create(&labels).inc();
                }
                Advance::Failed(how) => {
                    self.failed.get_or_create(&failed(&namespace, *how)).inc();
                    self.rollbacks.inc_by(u64::from(*how == How::RolledBack));
                }
            }
        }
        for lead in &deeds.lead_times {
            self.lead.get_or_create(&labels).observe(seconds(*lead));
        }
        if let Some(took) = deeds.restored {
            self.restore.get_or_create(&labels).observe(seconds(took));
        }
    }

    fn waited(&self, waiting: &'static str, time: SignedDuration) {
        self.waits.get_or_create(&WaitLabels { waiting }).observe(seconds(time));
    }
}

fn failed(namespace: &str, how: How) -> FailedLabels {
    FailedLabels { namespace: namespace.to_owned(), how: how.word() }
}

/// Clocks of people's machines may be ahead of the hub's.
fn seconds(time: SignedDuration) -> f64 {
    time.as_secs_f64().max(0.0)
}
