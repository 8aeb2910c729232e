//! What one cluster may send: a broken agent must not take the hub from the others.

use super::problem::Problem;
use crate::notify::lock;
use shipper_core::ClusterName;
use shipper_core::catalogue::Refusal;
use std::collections::HashMap;
use std::sync::Mutex;
use tokio::time::Instant;

/// Requests in a burst.
const BURST: f64 = 200.0;
/// Requests per second in the long run. An agent sends one report at a time, a few in a second.
const RATE: f64 = 50.0;

/// A bucket of requests per cluster.
#[derive(Debug, Default)]
pub struct Limiter(Mutex<HashMap<ClusterName, Bucket>>);

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Limiter {
    /// Takes one request out of the cluster's bucket.
    ///
    /// # Errors
    /// 429 when it is empty.
    pub fn check(&self, cluster: &ClusterName) -> Result<(), Problem> {
        let now = Instant::now();
        let mut buckets = lock(&self.0);
        if !buckets.contains_key(cluster) {
            buckets.insert(cluster.clone(), Bucket { left: BURST, at: now });
        }
        let Some(bucket) = buckets.get_mut(cluster) else { return Ok(()) };
        bucket.left = (bucket.left + RATE * now.duration_since(bucket.at).as_secs_f64()).min(BURST);
        bucket.at = now;
        if bucket.left < 1.0 {
            let detail = format!(
                "cluster {cluster} sends more than {RATE} requests per second; wait, and look whether two agents run in it"
            );
            return Err(Problem::new(Refusal::TooManyReports, detail).retry_after(1));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}
