//! What several hubs of a scene have in common: an address, and a PostgreSQL where they share one.

use anyhow::{Context, Result};

use super::{Hub, Scene};
use crate::balancer::Balancer;
use crate::postgres::Server;
use crate::report_way::ReportWay;

/// A cluster that is in no repository: hubs that share a database take its reports all the same, as those of one that is about to join.
pub const WITNESS: &str = "witness";

/// A database that hubs share.
#[derive(Debug)]
pub(super) struct Common {
    server: Server,
    pub(super) url: String,
}

impl Common {
    pub(super) fn start() -> Result<Self> {
        let server = Server::start()?;
        let url = server.database()?;
        Ok(Self { server, url })
    }
}

impl Scene {
    /// The PostgreSQL that the hubs share, and the URL of their database.
    ///
    /// # Errors
    /// They share none.
    pub fn postgres(&self) -> Result<(&Server, &str)> {
        let common = self.common.as_ref().context("the hubs of this scene share no database")?;
        Ok((&common.server, &common.url))
    }

    /// Where agents report.
    #[must_use]
    pub fn agents_hub(&self) -> String {
        let way = self.way.as_ref().map(ReportWay::url);
        let balanced = || self.balancer.as_ref().map(Balancer::url);
        way.or_else(balanced).unwrap_or_else(|| self.hub().url.clone())
    }

    /// Sends the agents to another hub, as a load balancer would.
    ///
    /// # Errors
    /// They know one hub alone.
    pub fn send_agents_to(&self, hub: &Hub) -> Result<()> {
        self.balancer
            .as_ref()
            .context("there is nothing between the agents and their hub")?
            .switch_to(hub.port);
        Ok(())
    }
}
