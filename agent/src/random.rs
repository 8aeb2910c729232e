//! Jitter and growing pauses, from a generator that the caller seeds.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A shared generator.
#[derive(Clone, Debug)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// The generator of this seed: the same seed gives the same agent.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// `duration` give or take a fifth, so that many agents do not act at one moment.
    pub fn spread(&self, duration: Duration) -> Duration {
        let mut generator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        duration.mul_f64(generator.random_range(0.8..=1.2))
    }
}

/// Pauses that double from `first` up to `most`.
#[derive(Clone, Debug)]
pub struct Backoff {
    random: Random,
    first: Duration,
    most: Duration,
    tries: u32,
}

impl Backoff {
    /// Pauses between `first` and `most`.
    pub fn new(random: Random, first: Duration, most: Duration) -> Self {
        Self { random, first, most, tries: 0 }
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let pause = doubled(self.first, self.tries, self.most);
        self.tries = self.tries.saturating_add(1);
        self.random.spread(pause)
    }

    /// It went well: the next pause is the first again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

/// `first` doubled `tries` times, at most `most`.
pub fn doubled(first: Duration, tries: u32, most: Duration) -> Duration {
    first.saturating_mul(1 << tries.min(20)).min(most)
}
