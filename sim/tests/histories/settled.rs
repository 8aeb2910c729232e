//! [C5] No ready pod is asked to end before it has been out of the EndpointSlices for the settle time: proxies still send it requests,
//! however many others there are.

use super::monitor::Truth;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Watches the pods of one cluster.
#[derive(Debug, Default)]
pub struct Settled {
    /// When each pod was last among the ready addresses of the Service.
    listed: BTreeMap<String, Duration>,
}

impl Settled {
    /// Judges an event by what was before and is now. `settle`: what is asked for; `None` = nothing can be said.
    pub fn check(
        &mut self,
        (before, truth): (&Truth, &Truth),
        settle: Option<Duration>,
        failed: &BTreeSet<String>,
        now: Duration,
    ) -> Result<(), String> {
        // Until this event.
        self.listed.extend(before.listed.iter().map(|uid| (uid.clone(), now)));
        let ended = before.pods.iter().filter(|(uid, ready)| **ready && !truth.pods.contains_key(*uid));
        for (uid, _) in ended.filter(|(uid, _)| !failed.contains(*uid)) {
            let out = self.listed.get(uid).map(|last| now.saturating_sub(*last));
            if let (Some(out), Some(settle)) =
                (out, settle.filter(|settle| out.is_some_and(|out| out < *settle)))
            {
                return Err(format!(
                    "C5 settle: {uid} is to end {out:?} after it had traffic, not {settle:?}"
                ));
            }
        }
        self.listed.retain(|uid, _| truth.pods.contains_key(uid));
        Ok(())
    }
}
