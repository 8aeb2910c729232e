//! What the hubs of a scene have in common, where they share a database: a PostgreSQL, and one address.

use anyhow::{Context, Result};

use super::{Hub, Scene};
use crate::balancer::Balancer;
use crate::postgres::Server;
use crate::unruly::UnrulyWay;

/// A cluster that is in no repository: hubs that share a database take its reports all the same, as those of one that is about to join.
pub const WITNESS: &str = "witness";

/// A database that hubs share, and the way to the hubs.
#[derive(Debug)]
pub(super) struct Common {
    server: Server,
    pub(super) url: String,
    balancer: Option<Balancer>,
}

impl Common {
    pub(super) fn start() -> Result<Self> {
        let server = Server::start()?;
        let url = server.database()?;
        Ok(Self { server, url, balancer: None })
    }

    /// Makes an address before the hubs, the first of which is on this port.
    pub(super) fn balance(&mut self, port: u16) -> Result<()> {
        self.balancer = Some(Balancer::start(port)?);
        Ok(())
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
        let unruly = self.unruly.as_ref().map(UnrulyWay::url);
        unruly.or_else(|| self.balancer().map(Balancer::url)).unwrap_or_else(|| self.hub().url.clone())
    }

    /// Sends the agents to another hub, as a load balancer would.
    ///
    /// # Errors
    /// They know one hub alone.
    pub fn send_agents_to(&self, hub: &Hub) -> Result<()> {
        self.balancer().context("there is nothing between the agents and their hub")?.switch_to(hub.port);
        Ok(())
    }

    fn balancer(&self) -> Option<&Balancer> {
        self.common.as_ref()?.balancer.as_ref()
    }
}
