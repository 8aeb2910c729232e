//! Reading through the eyes of whoever asks: the one place where what somebody may not see is left out. What they may not see is as if it was
//! not there.
//!
//! Handlers of what people read get no [`Shared`]: their routes have a [`Gate`], which opens for a [`View`] alone. A handler that forgets it
//! does not compile.
//!
//! - [`applications`], [`fleet`], [`timeline`]: what may be seen; [`asking`]: what the loop is asked.

mod applications;
mod asking;
mod fleet;
mod timeline;

pub use timeline::{Heard, Hearing};

use super::refusal::Refused;
use super::{Pass, Sight};
use crate::http::problem::Problem;
use crate::shared::Shared;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use jiff::Timestamp;
use shipper_core::AppKey;
use shipper_core::standing::Standing;
use std::sync::Arc;
use tokio::sync::watch;
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
        // A stream asks again and again with what it began with.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let shared = &gate.0;
        match shared.access.identify(&*shared.store, shared.clock.now(), &parts.headers).await {
            Ok(pass) => Ok(Self { shared: shared.clone(), pass }),
            Err(refused) => Err(refused.answer(shared, parts)),
        }
    }
}

impl View {
    /// What that is.
    pub fn sight(&self) -> &Sight {
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

    /// Beats whenever anything changes that people are shown.
    pub fn pulse(&self) -> watch::Receiver<u64> {
        self.shared.pulse.subscribe()
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
