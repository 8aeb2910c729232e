//! Waiting longer after every failure, as the server asked where it did.

use std::time::Duration;
use tokio::time::Instant;

/// When something that failed may be tried again.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0, until: None }
    }

    /// It failed; `asked` is what the server wants waited at least.
    pub(crate) fn failed(&mut self, now: Instant, asked: Option<Duration>) -> Duration {
        let factor = 1_u32.checked_shl(self.failures.min(20)).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        let wait = self.first.saturating_mul(factor).min(self.longest).max(asked.unwrap_or_default());
        self.until = Some(now + wait);
        wait
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.until = None;
    }

    /// Until when nothing is tried; `None` = it may be tried now.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.until
    }

    pub(crate) fn holds(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_grows_to_the_longest_and_honours_what_the_server_asks() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let now = Instant::now();
        let waits: Vec<u64> = (0..7).map(|_| backoff.failed(now, None).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.failed(now, Some(Duration::from_secs(90))), Duration::from_secs(90));
        assert!(backoff.holds(now + Duration::from_secs(89)));
        backoff.succeeded();
        assert!(!backoff.holds(now));
        assert_eq!(backoff.failed(now, None), Duration::from_secs(1));
    }
}
