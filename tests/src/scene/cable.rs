//! The way from one agent to hub and Git, and how it is cut: the agent lives on, beside its API server, and reaches nobody else.

use anyhow::Result;

use super::Scene;
use crate::balancer::Balancer;

/// The way of the agent of one cluster.
#[derive(Debug)]
pub struct Cable {
    cluster: String,
    hub: Balancer,
    git: Balancer,
}

impl Cable {
    /// From now on the agent reaches neither hub nor Git. Nobody tells it: what it sends is lost.
    pub fn cut(&self) {
        self.hub.cut();
        self.git.cut();
    }

    /// The network is there again.
    pub fn mend(&self) {
        self.hub.mend();
        self.git.mend();
    }

    pub(super) fn is_of(&self, cluster: &str) -> bool {
        self.cluster == cluster
    }

    pub(super) fn hub_url(&self) -> String {
        self.hub.url()
    }

    pub(super) fn repository_url(&self, repository: &str) -> String {
        format!("{}/{repository}", self.git.url())
    }
}

impl Scene {
    /// For the agent of this cluster, over HTTP.
    pub(super) fn lay_cable(&self, cluster: &str) -> Result<Cable> {
        Ok(Cable {
            cluster: cluster.to_owned(),
            hub: Balancer::start(self.hub().port)?,
            git: Balancer::start(self.git.service().address().port())?,
        })
    }
}
