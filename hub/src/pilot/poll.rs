//! How often the repository is looked at when nobody says anything: every `min` until hints prove to come, then ever more
//! rarely up to `max`, and at once often again when a look finds what no hint announced.

use std::time::Duration;
use tokio::time::Instant;

/// The slow safety net under webhooks and watches.
#[derive(Debug)]
pub(super) struct Poll {
    min: Duration,
    max: Duration,
    interval: Duration,
    /// Hints came before anything was found without one.
    hinted: bool,
    pending: bool,
    last: Instant,
}

impl Poll {
    pub(super) fn new(min: Duration, max: Duration, now: Instant) -> Self {
        Self { min, max: max.max(min), interval: min, hinted: false, pending: false, last: now }
    }

    /// When to look even if nothing happens.
    pub(super) fn due(&self) -> Instant {
        self.last + self.interval
    }

    /// A hint came: the next look is one that it asked for.
    pub(super) fn hinted(&mut self) {
        self.pending = true;
    }

    /// A look was taken, and found something new or not.
    pub(super) fn looked(&mut self, now: Instant, news: bool) {
        self.last = now;
        if std::mem::take(&mut self.pending) {
            self.hinted = true;
        } else if news {
            // The hints are not to be relied on.
            self.hinted = false;
            self.interval = self.min;
        }
        if self.hinted {
            self.interval = (self.interval * 2).min(self.max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_rare_only_while_hints_come_before_it_finds_anything() {
        let (min, max) = (Duration::from_secs(1), Duration::from_secs(30));
        let now = Instant::now();
        let mut poll = Poll::new(min, max, now);
        let due = |poll: &Poll| poll.due() - now;
        for _ in 0..10 {
            poll.looked(now, false);
        }
        assert_eq!(due(&poll), min, "no hint was ever seen");
        poll.hinted();
        poll.looked(now, true);
        for _ in 0..10 {
            poll.looked(now, false);
        }
        assert_eq!(due(&poll), max);
        poll.looked(now, true);
        assert_eq!(due(&poll), min, "it found what no hint announced");
    }
}
