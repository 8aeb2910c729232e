//! Reading through the eyes of whoever asks: the one place where what somebody may not see is left out. What they may not see is as if it was
//! not there.
//!
//! Handlers of what people read get no [`Shared`]: their routes have a [`Gate`], which opens for a [`View`] alone. A handler that forgets it
//! does not compile.

use super::refusal::Refused;
use super::{Pass, Sight};
use crate::board::{ApplicationFilter, ClusterLoad, Published, totals};
use crate::details::Details;
use crate::http::problem::Problem;
use crate::questions::Decided;
use crate::shared::Shared;
use crate::store::{Entry, EventQuery, StoreError};
use crate::timeline::Told;
use crate::ui::application::records::Answers;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use jiff::Timestamp;
use shipper_core::api::{ApplicationCounts, EventFilter, FleetPods};
use shipper_core::catalogue;
use shipper_core::intent::Problem as FileProblem;
use shipper_core::protocol::{ClusterApplication, HubStatus};
use shipper_core::report::AppReport;
use shipper_core::resources::Resources;
use shipper_core::standing::Standing;
use shipper_core::status::{ApplicationStatus, BlockStatus, Liveness};
use shipper_core::why::Why;
use shipper_core::{AppKey, ClusterName};
use shipper_git::Oid;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What stands before everything that people read. It gives nothing away by itself.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Shared>);

impl Gate {
    /// The one before this.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

/// What one asker may see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct View {
    shared: Arc<Shared>,
    pass: Pass,
}

impl FromRequestParts<Gate> for View {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Response> {
        let shared = &gate.0;
        match shared.access.identify(&*shared.store, shared.clock.now(), &parts.headers).await {
            Ok(pass) => Ok(Self { shared: shared.clone(), pass }),
            Err(refused) => Err(refused.answer(shared, parts)),
        }
    }
}

impl View {
    fn sight(&self) -> &Sight {
        &self.pass.sight
    }

    fn sees(&self, application: &AppKey) -> bool {
        self.sight().sees(&application.namespace)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// How the asker is called, where they signed in.
    pub fn signed_in(&self) -> Option<String> {
        self.shared.access.person(&self.pass.who).map(|person| person.name)
    }

    /// Returns when the asker may not see any more what they see now.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let (shared, pass) = (self.shared.clone(), self.pass.clone());
        async move { shared.access.ended(pass, || shared.clock.now()).await }
    }

    /// Everything, for who may see that.
    ///
    /// # Errors
    /// 403 for others.
    pub fn everything(&self) -> Result<&Shared, Problem> {
        if self.sight().is_everything() {
            return Ok(&self.shared);
        }
        self.shared.metrics.refused(Refused::Partial.cause());
        Err(Refused::Partial.problem())
    }

    /// One application, with what is made of it.
    pub fn find(&self, application: &AppKey) -> Option<Arc<Published>> {
        self.shared.statuses.find(application).filter(|_| self.sees(application))
    }

    /// One application.
    pub fn get(&self, application: &AppKey) -> Option<Arc<ApplicationStatus>> {
        self.find(application).map(|published| published.status.clone())
    }

    /// All applications, in the order of their keys.
    pub fn list(&self) -> Vec<Arc<ApplicationStatus>> {
        self.all().iter().map(|one| one.status.clone()).collect()
    }

    /// All applications with what is made of them, in the order of their keys.
    pub fn all(&self) -> Vec<Arc<Published>> {
        let mut all = self.shared.statuses.all();
        if !self.sight().is_everything() {
            all.retain(|one| self.sees(&one.status.application));
        }
        all
    }

    /// The first `limit` applications behind `after` that are asked for, in the order of their keys, and whether there are more.
    pub fn page(
        &self,
        filter: ApplicationFilter,
        after: Option<&AppKey>,
        limit: usize,
    ) -> (Vec<Arc<Published>>, bool) {
        let filter = ApplicationFilter { within: self.sight().namespaces().cloned(), ..filter };
        self.shared.statuses.page(&filter, after, limit)
    }

    /// All applications in numbers, and their pods.
    pub fn totals(&self) -> (ApplicationCounts, FleetPods) {
        totals(&self.all())
    }

    /// What every cluster has, in numbers.
    pub fn loads(&self) -> BTreeMap<ClusterName, ClusterLoad> {
        match self.sight() {
            Sight::Everything => self.shared.statuses.loads(),
            Sight::Namespaces(_) => crate::board::loads(&self.all()),
        }
    }

    /// What a cluster has, in the order of the keys.
    pub fn within(&self, cluster: &ClusterName) -> Vec<ClusterApplication> {
        let mut within = self.shared.statuses.within(cluster);
        within.retain(|one| self.sees(&one.application));
        within
    }

    /// Grows with every change of an application, also of those that are not seen.
    pub fn revision(&self) -> u64 {
        *self.shared.statuses.subscribe().borrow()
    }

    /// Told whenever one application changes; `None` = it is not known.
    pub fn follow(&self, application: &AppKey) -> Option<watch::Receiver<Option<Arc<Published>>>> {
        self.find(application).map(|_| self.shared.statuses.follow(application))
    }

    /// Beats whenever anything changes that people are shown.
    pub fn pulse(&self) -> watch::Receiver<u64> {
        self.shared.pulse.subscribe()
    }

    /// What the hub says of itself and of the clusters. Who sees a part of the fleet is told of conditions by their reasons: their
    /// words may name anything.
    pub fn status(&self) -> HubStatus {
        let mut status = self.shared.status();
        let standing = self.shared.stand.condition();
        if !status.conditions.iter().any(|one| Some(one.kind) == standing.as_ref().map(|one| one.kind)) {
            status.conditions.extend(standing);
        }
        if self.sight().is_everything() {
            return status;
        }
        for condition in &mut status.conditions {
            let entry = catalogue::entry(catalogue::Group::Condition, condition.reason.name());
            condition.message = entry.map_or("", |entry| entry.meaning).to_owned();
        }
        for cluster in status.clusters.iter_mut().filter(|cluster| !cluster.problems.is_empty()) {
            let count = cluster.problems.len();
            let words = format!("its agent reports {count} in all; who sees the whole fleet is told which");
            cluster.problems = vec![words];
        }
        let blocks = self.blocks();
        let of_block =
            |problem: &FileProblem| blocks.iter().any(|block| block.problem.as_ref() == Some(problem));
        status.problems.retain(|problem| self.sees_file(&problem.file) || of_block(problem));
        status
    }

    /// Whether a file of the repository is of what is seen.
    fn sees_file(&self, path: &str) -> bool {
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["applications" | "releases", namespace, _, ..] => self.sight().sees(namespace),
            ["clusters" | "strategies", _] => true,
            _ => self.sight().is_everything(),
        }
    }

    /// When the repository was last looked at with success.
    pub fn looked_at(&self) -> Option<Timestamp> {
        self.shared.hub.looked_at()
    }

    /// The rollout blocks at this moment.
    pub fn blocks(&self) -> Vec<BlockStatus> {
        let mut blocks = self.shared.blocks.get().statuses(self.now());
        blocks.retain(|block| block.namespace.as_ref().is_none_or(|namespace| self.sight().sees(namespace)));
        for block in &mut blocks {
            block.applications.retain(|application| self.sees(application));
            block.overridden_by.retain(|application| self.sees(application));
        }
        blocks
    }

    fn narrow(&self, filter: &EventFilter) -> EventFilter {
        EventFilter { within: self.sight().namespaces().cloned(), ..filter.clone() }
    }

    /// Entries of the timeline.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn events(&self, query: &EventQuery) -> Result<Vec<Entry>, StoreError> {
        let query = EventQuery { filter: self.narrow(&query.filter), ..*query };
        self.shared.store.events(&query).await
    }

    /// New entries of the timeline, as they come.
    pub fn hear(&self, filter: &EventFilter) -> Hearing {
        Hearing { told: self.shared.timeline.listen(), filter: self.narrow(filter) }
    }

    /// Asks the loop why an application is as it is. The outer `None`: the application is not known; the inner: too many ask already.
    pub fn ask_why(&self, application: &AppKey) -> Option<Option<oneshot::Receiver<Option<Why>>>> {
        self.sees(application).then(|| self.shared.questions.ask(application.clone()))
    }

    /// Asks the loop whether what was said of an application rests on a commit; `None` where it is not seen, or too many ask already.
    pub fn ask_decided(&self, application: &AppKey, commit: Oid) -> Option<oneshot::Receiver<Option<bool>>> {
        let about = Decided { application: application.clone(), commit };
        self.find(application).and_then(|_| self.shared.decided.ask(about))
    }

    /// Asks the loop what the records hold of an application; `None` where it is not seen, or too many ask already.
    pub fn ask_details(&self, application: &AppKey) -> Option<oneshot::Receiver<Option<Details>>> {
        self.find(application).and_then(|_| self.shared.details.ask(application.clone()))
    }

    /// What the loop last answered of an application.
    pub fn answers(&self, application: &AppKey) -> Option<&Answers> {
        self.find(application).map(|_| &self.shared.answers)
    }

    /// The latest reports on an application, also on one that is to come; `None` where it would not be seen.
    pub fn reports(&self, application: &AppKey) -> Option<BTreeMap<ClusterName, AppReport>> {
        self.sees(application).then(|| self.shared.reports.for_app(application))
    }

    /// Which agents report.
    pub fn liveness(&self) -> BTreeMap<ClusterName, Liveness> {
        self.shared.heartbeats.liveness(Instant::now())
    }

    /// What is free in every cluster that says so.
    pub fn free(&self) -> BTreeMap<ClusterName, Resources> {
        self.shared.agents.free()
    }

    /// Cancelled when the hub is to stop.
    pub fn stop(&self) -> &CancellationToken {
        &self.shared.stop
    }

    /// Told when the hub stands by or acts.
    pub fn standing(&self) -> watch::Receiver<Option<Standing>> {
        self.shared.stand.subscribe()
    }

    /// The refusal of whoever asks a hub that stands by.
    pub fn stands_by(&self) -> Option<Problem> {
        self.shared.stand.refusal()
    }
}

/// New entries of the timeline for one listener.
#[derive(Debug)]
pub struct Hearing {
    told: broadcast::Receiver<Arc<Told>>,
    filter: EventFilter,
}

/// What a listener hears.
#[derive(Debug)]
pub enum Heard {
    /// An entry that was asked for.
    Entry(Arc<Told>),
    /// Another one, of this number.
    Other(i64),
}

impl Hearing {
    /// Waits for the next entry.
    ///
    /// # Errors
    /// Some were missed, or there are no more.
    pub async fn next(&mut self) -> Result<Heard, broadcast::error::RecvError> {
        let told = self.told.recv().await?;
        let fits = self.filter.fits(&told.entry.event);
        Ok(if fits { Heard::Entry(told) } else { Heard::Other(told.entry.number) })
    }
}
