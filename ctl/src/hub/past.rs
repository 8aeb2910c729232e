//! The past of applications, also of those that are gone: the timeline, and what was measured for gates that are over.

use shipper_core::AppKey;
use shipper_core::api::{MEASUREMENTS_OF, Measurement, TimelineEvent};

use super::live::{below, timeline};
use super::pages::Fits;
use super::{Hub, HubError};
use crate::Error;

impl Hub {
    /// The application of that name. One that was removed still has a past, so a whole name is taken as it is.
    ///
    /// # Errors
    /// When a bare name means none, or several, or the hub does not answer.
    pub fn past_of(&self, name: &str) -> Result<AppKey, Error> {
        match name.parse() {
            Ok(key) => Ok(key),
            Err(_) => Ok(self.application(name)?.application),
        }
    }

    /// The error, or which application may have been meant, where the hub knows nothing of that name.
    pub fn no_past(&self, key: Option<&AppKey>, error: HubError) -> Error {
        match (key, &error) {
            (Some(key), HubError::Missing { .. }) => {
                self.application(&key.to_string()).err().unwrap_or_else(|| error.into())
            }
            _ => error.into(),
        }
    }

    /// The newest entries of the timeline that fit, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub fn events(
        &self,
        key: Option<&AppKey>,
        filter: &[(&str, &str)],
        limit: usize,
    ) -> Result<Vec<TimelineEvent>, HubError> {
        self.some(&timeline(key), filter, limit)
    }

    /// What was measured for gates of an application that are over, as far as it fits, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the hub does not answer, or knows nothing of such an application.
    pub fn measurements(
        &self,
        key: &AppKey,
        filter: &[(&str, &str)],
        limit: usize,
        fits: Fits<'_, Measurement>,
    ) -> Result<Vec<Measurement>, HubError> {
        self.fitting(&format!("{}/{MEASUREMENTS_OF}", below(key)), filter, limit, fits)
    }
}
