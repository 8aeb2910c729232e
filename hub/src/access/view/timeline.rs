//! The entries of the timeline that the asker sees: those that are there, and those that come; and what is kept of measurements.

use super::View;
use crate::store::{Entry, EventQuery, Measured, MeasurementQuery, StoreError};
use crate::timeline::Told;
use shipper_core::api::EventFilter;
use std::sync::Arc;
use tokio::sync::broadcast;

impl View {
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

    /// What was measured for gates of an application that are over; nothing where it is not seen.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn measurements(&self, query: &MeasurementQuery) -> Result<Measured, StoreError> {
        if !self.sees(&query.application) {
            return Ok(Measured::default());
        }
        self.shared.store.measurements(query).await
    }

    /// New entries of the timeline, as they come.
    pub fn hear(&self, filter: &EventFilter) -> Hearing {
        Hearing { told: self.shared.timeline.listen(), filter: self.narrow(filter) }
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
