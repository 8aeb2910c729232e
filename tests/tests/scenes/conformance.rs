//! What simulated clusters are held to holds for a real one.

use std::time::Duration;

use shipper_sim::conformance;
use shipper_tests::fleet;

/// For one case; namespaces take a while to go.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_real_cluster_passes_the_suite_of_the_simulated_one() {
    let fleet = fleet::shared().await.unwrap();
    let client = fleet.clusters()[2].client().await.unwrap();
    let passed = conformance::run_all(client, LIMIT).await;
    let passed = passed.unwrap_or_else(|failures| panic!("{failures:#?}"));
    assert!(passed > 20, "only {passed} cases ran");
}
