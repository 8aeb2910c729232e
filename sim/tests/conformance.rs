//! The simulation passes the cases that a real API server passes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use shipper_sim::{Cluster, Delay, Options, client, conformance};

async fn all_pass(options: Options, seed: u64) {
    let cluster = Arc::new(Mutex::new(Cluster::new(options, StdRng::seed_from_u64(seed))));
    let client = client(&cluster);
    match conformance::run_all(client, Duration::from_secs(300)).await {
        Ok(count) => assert!(count > 30, "only {count} cases"),
        Err(failures) => {
            let lines: Vec<String> =
                failures.iter().map(|(name, error)| format!("{name}: {error}")).collect();
            assert!(lines.is_empty(), "{} cases failed:\n{}", lines.len(), lines.join("\n"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_case_passes() {
    all_pass(Options::default(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn every_case_passes_with_slow_and_uneven_controllers() {
    for seed in 0..5 {
        let lag = Delay::Between(Duration::ZERO, Duration::from_millis(300));
        let start = Delay::Between(Duration::from_millis(10), Duration::from_secs(5));
        let options =
            Options { controller_lag: lag, watch_lag: lag, collect: lag, start, ..Options::default() };
        all_pass(options, seed).await;
    }
}
