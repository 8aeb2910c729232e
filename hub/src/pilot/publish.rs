//! What the loop tells everybody else: statuses, the hub's own status, the newest commit, the timeline and what was measured.

use super::desk::Desk;
use super::message::News;
use super::missing::Missing;
use crate::shared::Shared;
use crate::store::{Measurement, TimelineEvent};
use jiff::Timestamp;
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::intent::Problem;
use shipper_core::plan::BlockSurvey;
use shipper_core::protocol::{FleetCluster, HubStatus, RefusedHistory};
use shipper_core::status::Liveness;
use shipper_git::Oid;
use std::sync::Arc;

/// Puts things up in [`Shared`].
pub(super) struct Publisher {
    shared: Arc<Shared>,
    looked_at: Option<Timestamp>,
    condition: Condition,
    /// What is only computed anew when `main` or the state branch moved.
    board: HubStatus,
    of: Option<(Option<Oid>, Option<Oid>)>,
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let board = shared.hub.get();
        let message = "the repository has not been looked at yet";
        let condition = repository(Status::Unknown, Reason::InProgress, message.to_owned());
        Self { shared, looked_at: None, condition, board, of: None }
    }

    /// A look succeeded.
    pub(super) fn looked(&mut self) {
        self.looked_at = Some(self.shared.clock.now());
    }

    /// The history that is not followed, if that is so.
    pub(super) fn refused(&mut self, refused: Option<RefusedHistory>) {
        self.board.refused = refused;
    }

    /// What is to be said of the repository.
    pub(super) fn repository(&mut self, status: Status, reason: Reason, message: String) {
        let mut condition = repository(status, reason, message);
        let same = self.condition.status == status && self.condition.reason == reason;
        if status == Status::False && self.condition.message != condition.message {
            tracing::error!(%reason, "{}", condition.message);
        } else if status == Status::True && !same {
            tracing::info!("{}", condition.message);
        }
        let since = if same { self.condition.last_transition_time } else { None };
        condition.last_transition_time = Some(since.unwrap_or_else(|| self.shared.clock.now()));
        condition.observed_revision.clone_from(&self.board.source);
        self.condition = condition;
    }

    /// Puts up the hub's status. `behind` = not everything that the commits brought is planned yet.
    pub(super) fn hub(&mut self, desk: &Desk, missing: &Missing, behind: bool) {
        let view = desk.view();
        let branches = view.branches();
        if self.of.map(|(main, _)| main) != Some(branches.main) {
            let objects = view.objects();
            self.shared.blocks.publish(BlockSurvey::of(objects.fleet(), objects.applications()));
        }
        if self.of != Some((branches.main, branches.state)) {
            self.of = Some((branches.main, branches.state));
            let state = desk.fleet_state();
            self.board.state = branches.state.map(|oid| oid.to_string());
            (self.board.epoch, self.board.generation) = (state.epoch, state.generation);
            let unreadable = view.records().apps().flat_map(|(_, state)| &state.unreadable);
            let unreadable = unreadable.map(|(path, reason)| Problem::of_file(path, reason.clone()));
            self.board.problems = view.problems().cloned().chain(unreadable).collect();
            let clusters = view.objects().fleet().clusters.iter();
            self.board.clusters = clusters
                .map(|(name, info)| FleetCluster {
                    name: name.clone(),
                    region: info.cluster.spec.region.clone(),
                    liveness: Liveness::Unknown,
                    last_report: None,
                    agent_version: None,
                    commit: None,
                    problems: Vec::new(),
                    unschedulable: info.cluster.spec.scheduler.unschedulable,
                    drain: info.cluster.spec.scheduler.drain,
                    capabilities: info.cluster.spec.capabilities.clone(),
                    free: None,
                })
                .collect();
        }
        if !behind {
            // Who waits for a commit of `main` to be followed reads it here.
            self.board.source = branches.main.map(|oid| oid.to_string());
        }
        self.board.looked_at = self.looked_at;
        let missing = self.missing(missing);
        let standing = self.standing();
        self.board.conditions =
            [Some(self.condition.clone()), standing, missing].into_iter().flatten().collect();
        self.shared.tokens.refuse(desk.removed_clusters());
        self.shared.hub.publish(self.board.clone());
        if let Some(commit) = &self.board.state {
            self.shared.commits.send_if_modified(|last| {
                let news = last.as_ref() != Some(commit);
                if news {
                    *last = Some(commit.clone());
                }
                news
            });
        }
    }

    /// What is to be said of where the hub stands.
    fn standing(&self) -> Option<Condition> {
        let condition = self.shared.stand.condition()?;
        Some(self.since(condition))
    }

    /// The same with the time since which it is so: that of the condition before, where the reason is the same.
    fn since(&self, mut condition: Condition) -> Condition {
        let before = self.board.conditions.iter().find(|before| before.kind == condition.kind);
        let since = before.filter(|before| before.reason == condition.reason);
        let since = since.and_then(|before| before.last_transition_time);
        condition.last_transition_time = Some(since.unwrap_or_else(|| self.shared.clock.now()));
        condition.observed_revision.clone_from(&self.board.source);
        condition
    }

    /// What is to be said of what is missing, and since when it is so.
    fn missing(&self, missing: &Missing) -> Option<Condition> {
        let condition = missing.condition()?;
        let before = self.board.conditions.iter().find(|c| c.kind == condition.kind);
        if before.is_none_or(|before| before.message != condition.message) {
            tracing::error!(reason = %condition.reason, "{}", condition.message);
        }
        Some(self.since(condition))
    }

    /// Appends to the timeline what a commit brought about. The timeline is no truth: losing an entry loses history alone.
    pub(super) fn log(&self, news: &News) {
        let at = self.shared.clock.now();
        let clusters = news.clusters.iter().map(|event| TimelineEvent {
            at,
            application: None,
            cluster: Some(event.cluster.clone()),
            reason: event.reason.to_string(),
            message: event.message.clone(),
            commit: event.commit.clone(),
        });
        let apps = news.changed.iter().flat_map(|one| one.events.iter().map(move |event| (one, event))).map(
            |(one, event)| TimelineEvent {
                at,
                application: Some(one.app.clone()),
                cluster: event.cluster.clone(),
                reason: format!("{:?}", event.reason),
                message: event.message.clone(),
                commit: one.commits.iter().find(|commit| Some(&commit.id) == event.commit.as_ref()).cloned(),
            },
        );
        let events: Vec<TimelineEvent> = clusters.chain(apps).collect();
        let measured: Vec<Measurement> =
            news.changed.iter().flat_map(|one| one.measured.iter().cloned()).collect();
        if events.is_empty() && measured.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            // Both are under way before the hub may stop, and what was measured is there when its gate is told to be over.
            let (kept, logged) = tokio::join!(shared.keep(measured), shared.log(events));
            if let Err(error) = kept {
                tracing::warn!(%error, "what was measured for a gate is not kept");
            }
            if let Err(error) = logged {
                tracing::warn!(%error, "the timeline lacks what a commit brought about");
            }
        });
    }
}

fn repository(status: Status, reason: Reason, message: String) -> Condition {
    Condition::new(ConditionType::RepositoryAccepted, status, reason, message)
}
