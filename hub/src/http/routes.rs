//! Which handler is where. One registration makes the router and its description, so that neither has what the other has not.

use super::openapi::answers::{self, Unavailable};
use super::openapi::{self, events as streams, security};
use super::{
    agent, applications, clusters, events, evidence, fleet, health, measurements, timeline, wait, webhook,
    why,
};
use crate::access::Gate;
use crate::shared::Shared;
use shipper_core::protocol::APPLICATIONS;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Described = OpenApiRouter<Arc<Shared>>;
type Seen = OpenApiRouter<Gate>;

/// The routes of the API, by what is around them.
pub(super) struct Routes {
    /// For agents, by their tokens.
    pub(super) agents: Described,
    /// For Git hosts.
    pub(super) hints: Described,
    /// For people and programs, where the hub acts: what comes in pages and can be followed.
    pub(super) lists: Seen,
    /// For people and programs, where the hub acts: everything else.
    pub(super) readers: Seen,
    /// For people and programs, wherever the hub stands.
    pub(super) always: Seen,
    /// For Prometheus.
    pub(super) metrics: Seen,
    /// For whoever runs the hub.
    pub(super) operators: Described,
    /// The description itself, for everybody.
    pub(super) document: Described,
}

impl Routes {
    pub(super) fn new() -> Self {
        let mut agents = Described::default()
            .routes(routes!(agent::open_session))
            .routes(routes!(agent::report))
            .routes(routes!(events::stream));
        let hints = Described::default().routes(routes!(webhook::receive));
        let mut lists = Seen::default()
            .routes(routes!(applications::list))
            .routes(routes!(applications::releases))
            .routes(routes!(applications::pods))
            .routes(routes!(applications::versions))
            .routes(routes!(clusters::list))
            .routes(routes!(fleet::blocks));
        let mut readers = Seen::default()
            .routes(routes!(applications::one))
            .routes(routes!(why::why))
            .routes(routes!(evidence::evidence))
            .routes(routes!(timeline::of_application))
            .routes(routes!(measurements::of_application))
            .routes(routes!(wait::wait))
            .routes(routes!(clusters::one))
            .routes(routes!(timeline::events))
            .routes(routes!(fleet::summary))
            .routes(routes!(fleet::watch));
        let mut always = Seen::default().routes(routes!(fleet::status));
        let mut metrics = Seen::default().routes(routes!(health::metrics));
        let operators = Described::default()
            .routes(routes!(health::alive))
            .routes(routes!(health::ready))
            .routes(routes!(health::acting));
        let mut document = Described::default().routes(routes!(openapi::get));

        security::agents(agents.get_openapi_mut());
        for seen in [&mut lists, &mut readers, &mut always, &mut metrics] {
            security::readers(seen.get_openapi_mut());
        }
        for acting in [agents.get_openapi_mut(), lists.get_openapi_mut(), readers.get_openapi_mut()] {
            answers::refused::<Unavailable>(acting);
        }
        streams::watched(lists.get_openapi_mut());
        for marked in [&mut lists, &mut readers, &mut always] {
            answers::revalidated(marked.get_openapi_mut());
        }
        answers::revalidated(document.get_openapi_mut());
        Self { agents, hints, lists, readers, always, metrics, operators, document }
    }

    /// Adds their description to the document.
    pub(super) fn describe(self, document: &mut OpenApi) {
        for part in [
            self.agents.into_openapi(),
            self.hints.into_openapi(),
            self.lists.into_openapi(),
            self.readers.into_openapi(),
            self.always.into_openapi(),
            self.metrics.into_openapi(),
            self.operators.into_openapi(),
            self.document.into_openapi(),
        ] {
            document.merge(part);
        }
    }
}

/// Where a part of an application is.
pub(super) fn below_application(part: &str) -> String {
    format!("{APPLICATIONS}/{{namespace}}/{{name}}/{part}")
}
