//! Both streams of one application, read beside the picture, and begun anew when they break.

use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use shipper_core::AppKey;
use shipper_core::api::TimelineEvent;
use shipper_core::status::ApplicationStatus;

use crate::Error;
use crate::cli::Global;
use crate::hub::{Hub, HubError};

/// How long a hub that went away is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// What comes while one watches.
pub(super) enum News {
    Status(Box<ApplicationStatus>),
    Event(TimelineEvent),
    /// The hub does not answer.
    Lost(HubError),
    /// The application is gone.
    Gone,
}

/// Reads both streams, and begins them anew when they break.
pub(super) fn follow(global: &Global, key: &AppKey, sender: &Sender<News>) -> Result<(), Error> {
    let (hub, key, sender) = (Hub::of(global)?, key.clone(), sender.clone());
    let (events_of, events_to) = (hub.clone(), sender.clone());
    let of_events = key.clone();
    // Both end with the process, or when nobody listens any more.
    thread::spawn(move || {
        loop {
            for event in events_of.watch_events(Some(&of_events), &[]).into_iter().flatten().flatten() {
                if events_to.send(News::Event(event)).is_err() {
                    return;
                }
            }
            thread::sleep(PAUSE);
        }
    });
    thread::spawn(move || {
        loop {
            let lost = match hub.watch_application(&key) {
                Ok(stream) => {
                    let mut lost = None;
                    for status in stream {
                        match status {
                            Ok(status) => {
                                if sender.send(News::Status(Box::new(status))).is_err() {
                                    return;
                                }
                            }
                            Err(error) => lost = Some(error),
                        }
                    }
                    // It ends by itself when the application is gone, and when the hub stops.
                    match hub.known(&key) {
                        Ok(None) => {
                            let _ = sender.send(News::Gone);
                            return;
                        }
                        Ok(Some(_)) => lost,
                        Err(error) => Some(error),
                    }
                }
                Err(error) => Some(error),
            };
            if lost.is_some_and(|error| sender.send(News::Lost(error)).is_err()) {
                return;
            }
            thread::sleep(PAUSE);
        }
    });
    Ok(())
}
