//! What the asker sees of the fleet as a whole: the hub and the clusters, and the rollout blocks.

use super::View;
use jiff::Timestamp;
use shipper_core::ClusterName;
use shipper_core::catalogue;
use shipper_core::intent::Problem as FileProblem;
use shipper_core::protocol::HubStatus;
use shipper_core::resources::Resources;
use shipper_core::status::{BlockStatus, Liveness};
use std::collections::BTreeMap;
use tokio::time::Instant;

impl View {
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

    /// Counts how often what agents say of themselves became another.
    pub fn said_by_agents(&self) -> u64 {
        *self.shared.agents.subscribe().borrow()
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

    /// Which agents report.
    pub fn liveness(&self) -> BTreeMap<ClusterName, Liveness> {
        self.shared.heartbeats.liveness(Instant::now())
    }

    /// What is free in every cluster that says so.
    pub fn free(&self) -> BTreeMap<ClusterName, Resources> {
        self.shared.agents.free()
    }
}
