//! How a simulated cluster behaves: delays, limits, start of time.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;

/// A delay, drawn anew each time it is needed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// Always the same.
    Fixed(Duration),
    /// Uniform between the two.
    Between(Duration, Duration),
    /// Mostly the first; with the probability (0..=1) the second.
    Mostly(Duration, f64, Duration),
}

impl Delay {
    /// No delay.
    pub const NONE: Self = Self::Fixed(Duration::ZERO);

    /// A fixed delay in milliseconds.
    pub const fn millis(ms: u64) -> Self {
        Self::Fixed(Duration::from_millis(ms))
    }

    /// Draws one.
    pub fn draw(&self, rng: &mut StdRng) -> Duration {
        match *self {
            Self::Fixed(delay) => delay,
            Self::Between(low, high) if low < high => {
                let nanos = rng.random_range(low.as_nanos() as u64..=high.as_nanos() as u64);
                Duration::from_nanos(nanos)
            }
            Self::Between(low, _) => low,
            Self::Mostly(usual, chance, rare) => {
                if rng.random_bool(chance.clamp(0.0, 1.0)) {
                    rare
                } else {
                    usual
                }
            }
        }
    }
}

/// Settings of one cluster; [`Options::default`] is a small, quick, healthy one.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the wall clock shows when simulated time is zero.
    pub epoch: Timestamp,
    /// From creation of a pod to its binding to a node.
    pub schedule: Delay,
    /// From binding to ready.
    pub start: Delay,
    /// From creation to ready for pods marked slow, instead of `start`.
    pub slow_start: Delay,
    /// From deletion of a pod to its end; never more than its grace period.
    pub terminate: Delay,
    /// How far behind the store each controller's view is, per change and resource.
    pub controller_lag: Delay,
    /// How far behind the store a client's watch is, per change.
    pub watch_lag: Delay,
    /// From creation of a definition to its being established.
    pub establish: Delay,
    /// From the loss of an owner to the deletion of what it owned.
    pub collect: Delay,
    /// Time between bookmarks of watches that want them.
    pub bookmark: Duration,
    /// Changes kept per resource before the oldest are compacted.
    pub history: usize,
    /// Pods a namespace may have; more are refused as by a ResourceQuota.
    pub max_pods: Option<usize>,
    /// Names of the nodes.
    pub nodes: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            epoch: Timestamp::from_second(1_767_225_600).unwrap_or_default(),
            schedule: Delay::millis(5),
            start: Delay::millis(500),
            slow_start: Delay::Fixed(Duration::from_secs(30)),
            terminate: Delay::millis(200),
            controller_lag: Delay::NONE,
            watch_lag: Delay::NONE,
            establish: Delay::millis(50),
            collect: Delay::millis(10),
            bookmark: Duration::from_secs(60),
            history: 100_000,
            max_pods: None,
            nodes: vec!["node-a".to_owned(), "node-b".to_owned(), "node-c".to_owned()],
        }
    }
}
