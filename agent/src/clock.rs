//! Time from tokio's clock, so that a paused clock gives simulated time.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::Instant;

/// The wall clock as of a moment, carried on by tokio's clock: it never jumps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: Timestamp,
}

impl Clock {
    /// A clock that shows `wall` now.
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { start: Instant::now(), wall }
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.wall.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// The instant at which it shows `at`; a moment of the past is `start`.
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.start + Duration::try_from(at.duration_since(self.wall)).unwrap_or(Duration::ZERO)
    }
}
