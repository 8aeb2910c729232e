//! Weighted rendezvous hashing [S1]: every application has an order of its own over all clusters, which a new cluster does not change
//! but for its own place in it.

use super::ClusterInfo;
use crate::{AppKey, ClusterName, hash};

/// Default weight of a cluster (the original's `Cluster.spec.scheduler.weight`).
const DEFAULT_WEIGHT: u32 = 100;

/// The cluster's score for an application: `-weight / ln(h)` with h uniform in (0, 1) of application and cluster identity
/// (Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005). The larger comes first.
pub(super) fn score(app: &AppKey, name: &ClusterName, info: &ClusterInfo) -> f64 {
    let scheduler = &info.cluster.spec.scheduler;
    let identity = scheduler.identity.as_deref().unwrap_or(name.as_str());
    let digest = hash::sha256_hex(format!("{app}\0{identity}").as_bytes());
    let bits = u64::from_str_radix(&digest[..13], 16).unwrap_or(0);
    let uniform = (bits as f64 + 0.5) / (1_u64 << 52) as f64;
    -f64::from(scheduler.weight.unwrap_or(DEFAULT_WEIGHT)) / uniform.ln()
}
