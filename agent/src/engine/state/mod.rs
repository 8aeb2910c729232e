//! What the agent knows at this moment, behind one lock: the index of the cluster, the targets, and who has to be looked at. Here is what is
//! kept; each room below holds one way in or out.
//!
//! - In come [`targets`] from Git, what watches have [`seen`], what the API server has [`written`] or refused, and what was [`measured`].
//! - Out go the [`rounds`] of each application, in the order of the [`agenda`], and the [`news`] for the hub; what is done for a commit
//!   is [`told`] on the way.
//! - [`kinds`]: which kinds are to be watched; [`unlistable`]: those that cannot be; [`namespaces`]: which are there.
//! - [`foreign`]: objects of others in the way; [`held`]: labels and deletions that failed.

mod agenda;
mod foreign;
mod held;
mod kinds;
mod measured;
mod namespaces;
mod news;
mod rounds;
mod seen;
mod targets;
mod told;
mod unlistable;
mod written;

pub use held::pod_key;
pub use kinds::{BASE_KINDS, GroupKind, group_kind};
pub use news::News;
pub use rounds::Round;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::room::Room;
use crate::targets::AppTarget;
use agenda::Agenda;
use jiff::{SignedDuration, Timestamp};
use namespaces::Namespaces;
use shipper_core::AppKey;
use shipper_core::manifest::ObjectKey;
use shipper_core::observe::Index;
use shipper_core::report::{AnalysisReport, AppReport};
use shipper_telemetry::trace::{Begun, Parent, Traces};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// One application that is asked for.
struct App {
    target: Arc<AppTarget>,
    /// Group and kind of everything it consists of, and is seen through.
    kinds: BTreeSet<GroupKind>,
    /// Raised by every new target.
    version: u64,
    /// The commit that brought the target.
    commit: String,
    /// When the target came, and its span, until it is met for the first time.
    unmet: Option<(Timestamp, Option<Begun>)>,
    /// The span of the target: what is done for it hangs below.
    trace: Option<Parent>,
    /// Somebody is at work on it.
    running: bool,
    /// Something was seen since it was last decided on.
    dirty: bool,
    /// Not to be looked at before, for the sake of others' events.
    rest_until: Timestamp,
    /// Its report, and the number of the change that made it so.
    report: Option<(Arc<AppReport>, u64)>,
    /// What was measured for the gate that the target names.
    measured: Option<AnalysisReport>,
    /// Pods and deletions that failed: tries, and when the next may be made.
    held: HashMap<ObjectKey, (u32, Timestamp)>,
    /// Objects of others in the way, and when to look whether they are still there: no watch sees them.
    foreign: BTreeMap<ObjectKey, Timestamp>,
}

#[derive(Default)]
struct Inner {
    index: Index,
    apps: BTreeMap<AppKey, App>,
    agenda: Agenda,
    /// Kinds that nobody waits for: the watch has delivered its first list, or never will.
    seen: BTreeSet<GroupKind>,
    unlistable: unlistable::Unlistable,
    namespaces: Namespaces,
    problems: BTreeMap<String, String>,
    /// Applications without a target of which something may still be present.
    departed: BTreeSet<AppKey>,
    commit: Option<String>,
    /// Epoch and generation of that commit.
    standing: Option<(u64, u64)>,
    /// The kinds that the inventory in the cluster names, by ApplySet: those of a tombstone's objects are in no manifest.
    inventories: HashMap<String, BTreeSet<GroupKind>>,
    /// What is to be watched, and in which API version; `None` = the one the server prefers.
    kinds: BTreeMap<GroupKind, Option<String>>,
    version: u64,
    news: u64,
}

impl Inner {
    /// Something of the application was seen: it is to be looked at, or looked at again.
    fn wake(&mut self, key: &AppKey) {
        if let Some(app) = self.apps.get_mut(key) {
            app.dirty = true;
            if !app.running {
                self.agenda.ask(key, app.rest_until);
            }
        }
    }
}

/// The state that all parts of an agent share.
pub struct State {
    clock: Clock,
    inner: Mutex<Inner>,
    /// What the cluster has free.
    pub room: Arc<Room>,
    /// Where is told what is done for each commit.
    pub(crate) traces: Traces,
    /// Counts and times.
    pub(crate) metrics: Arc<Metrics>,
    /// Some application is to be looked at.
    pub work: Notify,
    /// Some report or problem changed.
    pub news: Notify,
    /// More kinds are to be watched, or a definition changed.
    pub kinds: Notify,
    /// Targets changed, and with them perhaps what is to be measured.
    pub measuring: Notify,
}

impl State {
    /// Nothing known.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            inner: Mutex::default(),
            room: Arc::default(),
            traces: Traces::off(),
            metrics: Arc::default(),
            work: Notify::new(),
            news: Notify::new(),
            kinds: Notify::new(),
            measuring: Notify::new(),
        }
    }

    /// Tells what is done for each commit.
    #[must_use]
    pub fn tracing(mut self, traces: Traces) -> Self {
        self.traces = traces;
        self
    }

    /// The agent's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, inner: &mut Inner, changed: BTreeSet<AppKey>) {
        if changed.is_empty() {
            return;
        }
        for key in changed {
            inner.wake(&key);
        }
        self.work.notify_one();
    }

    /// Everything is to be looked at again.
    pub fn wake_all(&self) {
        let mut inner = self.lock();
        let all = inner.apps.keys().cloned().collect();
        self.wake(&mut inner, all);
    }
}

/// The time after a pause.
fn after(now: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| now.saturating_add(pause).ok())
        .unwrap_or(Timestamp::MAX)
}
