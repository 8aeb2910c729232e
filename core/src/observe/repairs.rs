//! How often something was put back after another changed it, and how long to wait before it is put back again [C7].
//!
//! The count lives as long as this observer: after a restart a fight begins anew, with its prompt repairs.

use jiff::{SignedDuration, Timestamp};

/// Repairs that are made without a pause.
const PROMPT: u32 = 2;
/// Longest pause between two repairs of what another keeps changing.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// After this long without another repair the count starts again.
const FORGOTTEN: SignedDuration = SignedDuration::from_mins(10);

/// How often something was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repairs {
    /// Times in a row.
    pub times: u32,
    /// When last; with no times yet, when it was seen to be gone.
    pub last: Timestamp,
    /// The field managers that had changed it, as far as that was to be seen; empty = it was not.
    pub by: Box<str>,
}

impl Repairs {
    /// It was seen to be gone, and is not back yet.
    pub(super) fn missing(now: Timestamp) -> Self {
        Self { times: 0, last: now, by: Box::default() }
    }

    /// One more than before.
    pub(super) fn again(before: Option<&Self>, by: &str, now: Timestamp) -> Self {
        let before = before.filter(|before| !before.forgotten(now));
        let earlier = before.map(|before| before.by.clone()).unwrap_or_default();
        Self {
            times: before.map_or(0, |before| before.times) + 1,
            last: now,
            by: if by.is_empty() { earlier } else { by.into() },
        }
    }

    /// When the next repair may be made; `None` = at once. From the third on the pause doubles, up to five minutes.
    pub fn due(&self) -> Option<Timestamp> {
        let doublings = self.times.checked_sub(PROMPT)?.min(16);
        let pause = SignedDuration::from_secs(1 << doublings).min(LONGEST_PAUSE);
        self.last.saturating_add(pause).ok()
    }

    /// Another is at it again and again: to be reported.
    pub fn is_conflict(&self, now: Timestamp) -> bool {
        self.times > PROMPT && !self.forgotten(now)
    }

    /// When the count starts again if nothing happens until then.
    pub fn forgotten_at(&self) -> Timestamp {
        self.last.saturating_add(FORGOTTEN).unwrap_or(Timestamp::MAX)
    }

    /// Too long ago to count.
    pub fn forgotten(&self, now: Timestamp) -> bool {
        self.forgotten_at() <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c7_the_third_repair_waits_and_each_after_it_twice_as_long_up_to_five_minutes() {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut repairs = Repairs::again(None, "kubectl", now);
        assert_eq!(repairs.due(), None, "the second is made at once");
        let mut pauses = Vec::new();
        for _ in 0..11 {
            repairs = Repairs::again(Some(&repairs), "", now);
            let due = repairs.due().unwrap();
            pauses.push(due.duration_since(now).as_secs());
            now = due;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert!(repairs.is_conflict(now));
        assert_eq!(&*repairs.by, "kubectl", "who was seen last stays named");
        let later = repairs.forgotten_at();
        assert!(!repairs.is_conflict(later));
        assert_eq!(Repairs::again(Some(&repairs), "", later).times, 1);
    }
}
