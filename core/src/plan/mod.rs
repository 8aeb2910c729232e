//! The hub's decision, one application at a time: from intent, records, targets, reports and the time to what is to be
//! written. It cannot fail: everything that can was settled while reading.
//!
//! The order of the rooms is the order of the decision: whether it is to be at all ([`removal`]), where ([`placement`]), which releases
//! ([`releases`]), at which step ([`steps`]), which clusters fail there ([`failing`]) and what follows ([`budget`]), whether it may be left
//! ([`gates`]), what that means for every cluster ([`targets`]), what
//! may be forgotten ([`history`]), what to tell people ([`explain`]).

mod adopt;
mod bases;
mod blocks;
mod budget;
mod evidence;
mod explain;
mod failing;
mod gates;
mod halt;
mod history;
mod listener;
mod numbers;
mod orders;
mod placement;
mod reasons;
mod releases;
mod removal;
mod restored;
mod roles;
mod site;
mod steps;
mod survey;
mod taken_back;
mod targets;
mod words;

pub use blocks::{OVERRIDES, names_block, overrides};
pub use explain::recorded;
pub use numbers::{Numbers, Share, numbers};
pub use placement::{ClusterInfo, Fleet, Room, peak_of};
pub use releases::pinned;
pub use removal::{Absence, PATIENCE as REMOVAL_PATIENCE};
pub use roles::{Roles, roles};
pub use survey::BlockSurvey;

use crate::condition::Condition;
use crate::few::Few;
use crate::intent::{Application, Chart, Rollout, StrategySpec};
use crate::report::AppReport;
use crate::state::{AppRecord, Environment, Placement, ReleaseRecord, Target};
use crate::status::{ApplicationStatus, Liveness};
use crate::why::Why;
use crate::{AppKey, ClusterName, ReleaseName};
use evidence::Proof;
use jiff::Timestamp;
use listener::Listener;
use placement::Scheduling;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A release's manifests for one set of values; `None` = without overrides.
pub type Variant = (ReleaseName, Option<String>);

/// Everything the decision on one application depends on.
#[derive(Clone, Copy, Debug)]
pub struct AppInput<'a> {
    /// Which application.
    pub application: &'a AppKey,
    /// The hub's clock.
    pub now: Timestamp,
    /// The commit of `main` that was read, in hex.
    pub source: &'a str,
    /// What `main` says; `None` = it is not there.
    pub intent: Option<&'a Intent>,
    /// Its file is not on `main`, at a commit that may be followed; `None` = it is there, good or bad [X1].
    pub absence: Option<&'a Absence>,
    /// Conditions found while reading: a file that does not parse, and the like.
    pub reading: &'a [Condition],
    /// The clusters of the fleet.
    pub fleet: &'a Fleet,
    /// The application's record.
    pub record: Option<&'a AppRecord>,
    /// All its releases.
    pub releases: &'a Few<ReleaseName, ReleaseRecord>,
    /// Its targets as they stand in Git.
    pub targets: &'a Few<ClusterName, Target>,
    /// The latest report of each cluster, of its present incarnation.
    pub reports: &'a BTreeMap<ClusterName, AppReport>,
    /// Whether agents report; a cluster without an entry is [`Liveness::Unknown`].
    pub liveness: &'a BTreeMap<ClusterName, Liveness>,
    /// Manifests that are at hand (`Ok`) or could not be rendered (`Err` with the renderer's words).
    pub manifests: &'a BTreeMap<Variant, Result<(), String>>,
    /// What is known of room in clusters [S1].
    pub room: Room<'a>,
}

/// What `main` says of an application.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// The last good version of its file.
    pub application: Application,
    /// Its environment with everything pinned, or why that cannot be had now.
    pub environment: Result<Resolved, Unresolved>,
    /// The strategy it names, or `None` where there is none of that name [R4].
    pub strategy: Option<StrategySpec>,
}

/// An environment with everything pinned [R1, R3].
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The environment.
    pub environment: Environment,
    /// The chart block as written.
    pub written_chart: Option<Chart>,
}

/// Why an environment cannot be pinned now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// In words, with the next step.
    pub message: String,
    /// It is being looked for, and nothing is known to be wrong yet.
    pub looking: bool,
}

/// What is to be written and told.
#[derive(Clone, Debug)]
pub struct AppPlan {
    /// The application's record; `None` = the application is not known and nothing is to be made.
    pub record: Option<AppRecord>,
    /// All releases that are to be in the records.
    pub releases: BTreeMap<ReleaseName, ReleaseRecord>,
    /// All targets that are to be in Git. A cluster that is not here has nothing of the application any more.
    pub targets: Few<ClusterName, PlannedTarget>,
    /// Manifests that are needed before this plan is whole: render them and plan again.
    pub renders: Vec<RenderNeed>,
    /// What to tell people.
    pub status: ApplicationStatus,
    /// What happened.
    pub events: Vec<Event>,
    /// Plan again at this moment even if nothing happens until then.
    pub wake_at: Option<Timestamp>,
}

/// A target with the manifests that belong beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTarget {
    /// The target.
    pub target: Target,
    /// Which manifests each of its releases has in this cluster; tombstones have none.
    pub manifests: Few<ReleaseName, Option<String>>,
}

/// Manifests that are to be rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderNeed {
    /// The release they are for; its record says everything else.
    pub release: ReleaseRecord,
    /// Which set of values.
    pub variant: Option<String>,
    /// These values, overrides merged in.
    pub values: Map<String, Value>,
}

/// Something that happened, for the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The release it happened to.
    pub release: ReleaseName,
    /// A word for programs.
    pub reason: EventReason,
    /// In words.
    pub message: String,
    /// The commit of `main` by which people asked for it, in hex; `None` = the hub did it by itself, or a cluster.
    pub commit: Option<String>,
    /// In which cluster; `None` = in none of its own.
    pub cluster: Option<ClusterName>,
}

impl Event {
    fn of(release: &ReleaseName, reason: EventReason, message: impl Into<String>) -> Self {
        Self { release: release.clone(), reason, message: message.into(), commit: None, cluster: None }
    }
}

/// What can happen to a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventReason {
    /// It was made.
    Created,
    /// It cannot be rendered.
    RenderFailed,
    /// It was moved to another step.
    StepAsked,
    /// A step was achieved in every placed cluster.
    StepAchieved,
    /// A report says that an achieved step is not achieved any more.
    StepLost,
    /// An analysis failed in a cluster.
    AnalysisFailed,
    /// It is complete.
    Completed,
    /// It is withdrawn.
    Withdrawn,
    /// It was superseded and is carried on.
    Carried,
    /// A cluster is chosen beside those chosen before [S2].
    ClusterChosen,
    /// A cluster is to leave once the others are ready [S2, S4].
    ClusterUnwanted,
    /// A cluster has given its part over and is emptied.
    ClusterReleased,
    /// Nothing of the application is left in a cluster that it left.
    ClusterLeft,
    /// It goes on with another strategy.
    StrategyAdopted,
    /// A cluster fails at the step in force.
    ClusterFailing,
    /// A cluster fails no more.
    ClusterRecovered,
    /// The hub took it back because too many clusters failed.
    RolledBack,
    /// Its application is being removed.
    Removing,
    /// Nothing of its application is left.
    Removed,
}

/// Decides. Pure: the same input gives the same plan.
pub fn plan(input: &AppInput<'_>) -> AppPlan {
    decide(input, &mut Listener::off())
}

/// The release that the environment on `main` would make, with its name, whether one stands for it already or not. `None` where that
/// cannot be said: the environment cannot be pinned, or its strategy is not there.
pub fn upcoming(input: &AppInput<'_>) -> Option<ReleaseRecord> {
    releases::upcoming(&Draft::of(input))
}

/// The same plan, and why every decision in it is made.
pub fn why(input: &AppInput<'_>) -> (AppPlan, Why) {
    let mut listener = Listener::on();
    let plan = decide(input, &mut listener);
    let mut decisions = listener.decisions();
    decisions.push(reasons::waiting(&plan));
    let why = Why {
        application: input.application.clone(),
        at: input.now,
        source: input.source.to_owned(),
        waiting: plan.status.waiting.clone(),
        decisions,
    };
    (plan, why)
}

fn decide(input: &AppInput<'_>, listener: &mut Listener) -> AppPlan {
    let mut draft = Draft::of(input);
    listener.hear(&draft, reasons::blocks);
    if draft.record.is_none() && input.intent.is_none() {
        // Targets without a record are nobody's to remove.
        targets::keep(&mut draft);
        return draft.finish();
    }
    removal::forget_clusters(&mut draft);
    let removed = removal::plan(&mut draft);
    listener.hear(&draft, reasons::removal);
    if removed {
        return draft.finish();
    }
    placement::place(&mut draft);
    listener.hear(&draft, reasons::placement);
    releases::sync(&mut draft);
    listener.hear(&draft, reasons::releases);
    releases::keep_requests(&mut draft);
    bases::fill_in(&mut draft);
    steps::advance(&mut draft);
    listener.hear(&draft, reasons::steps);
    placement::release(&mut draft);
    listener.hear(&draft, reasons::departures);
    targets::compute(&mut draft);
    listener.hear(&draft, reasons::targets);
    history::prune(&mut draft);
    draft.finish()
}

/// A plan in the making.
struct Draft<'a> {
    input: &'a AppInput<'a>,
    record: Option<AppRecord>,
    releases: BTreeMap<ReleaseName, ReleaseRecord>,
    targets: Few<ClusterName, PlannedTarget>,
    renders: Vec<RenderNeed>,
    conditions: Vec<Condition>,
    scheduling: Scheduling,
    /// The incumbent while the step in force is judged.
    incumbent: Option<ReleaseName>,
    /// What the clusters that stay prove of the step in force; empty where nothing could follow from it.
    proofs: Few<ClusterName, Proof<'a>>,
    /// What a cluster needs and cannot be rendered: release, cluster, and the renderer's own words.
    unrendered: Vec<(ReleaseName, ClusterName, String)>,
    events: Vec<Event>,
    wake_at: Option<Timestamp>,
    /// Blocks as they concern the application now [B1].
    blocks: blocks::Standing,
}

impl<'a> Draft<'a> {
    fn of(input: &'a AppInput<'a>) -> Self {
        let record =
            input.record.cloned().or_else(|| input.intent.map(|_| AppRecord::new(input.application.clone())));
        let application = input.intent.map(|intent| &intent.application);
        let blocks = blocks::Standing::of(input.fleet, input.application, application, input.now);
        let mut conditions = input.reading.to_vec();
        conditions.extend(blocks.condition());
        Self {
            input,
            record,
            releases: input.releases.to_map(),
            targets: Few::default(),
            renders: Vec::new(),
            conditions,
            scheduling: Scheduling::default(),
            incumbent: None,
            proofs: Few::default(),
            unrendered: Vec::new(),
            events: Vec::new(),
            wake_at: blocks.change(),
            blocks,
        }
    }

    /// What `main` says to the rollout under way.
    fn rollout(&self) -> Option<&'a Rollout> {
        self.input.intent.and_then(|intent| intent.application.spec.rollout.as_ref())
    }

    fn placement(&self) -> Option<&Placement> {
        self.record.as_ref().and_then(|record| record.placement.as_deref())
    }

    /// To be changed: it is the draft's own from then on.
    fn placement_mut(&mut self) -> Option<&mut Placement> {
        self.record.as_mut().and_then(|record| record.placement.as_mut()).map(Arc::make_mut)
    }

    fn roles(&self) -> Roles<'_> {
        roles(self.releases.values())
    }

    fn contender(&self) -> Option<&ReleaseRecord> {
        self.roles().contender
    }

    /// The contender's name, for whoever changes it.
    fn contender_name(&self) -> Option<ReleaseName> {
        self.contender().map(|release| release.name.clone())
    }

    fn event(&mut self, release: &ReleaseName, reason: EventReason, message: impl Into<String>) {
        self.events.push(Event::of(release, reason, message));
    }

    /// The same, where what is on `main` now asks for it.
    fn asked(&mut self, release: &ReleaseName, reason: EventReason, message: impl Into<String>) {
        let commit = Some(self.input.source.to_owned());
        self.events.push(Event { commit, ..Event::of(release, reason, message) });
    }

    /// The same in one cluster.
    fn event_in(
        &mut self,
        cluster: &ClusterName,
        release: &ReleaseName,
        reason: EventReason,
        message: impl Into<String>,
    ) {
        let cluster = Some(cluster.clone());
        self.events.push(Event { cluster, ..Event::of(release, reason, message) });
    }

    /// Asks for manifests, once for each set of values.
    fn want(&mut self, needs: impl IntoIterator<Item = RenderNeed>) {
        for need in needs {
            if !self.renders.iter().any(|n| n.release.name == need.release.name && n.variant == need.variant)
            {
                self.renders.push(need);
            }
        }
    }

    fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    fn finish(mut self) -> AppPlan {
        let status = explain::status(&self);
        restored::follow(&mut self, &status);
        AppPlan {
            record: self.record,
            releases: self.releases,
            targets: self.targets,
            renders: self.renders,
            status,
            events: self.events,
            wake_at: self.wake_at,
        }
    }
}
