//! The fleet of the chapter on placement: two clusters of three in Europe, of which one is drained, then another [S1, S2, S4].

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use shipper_core::AppKey;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::simulated::Simulation;
use tokio::time::sleep;

const CLUSTERS: [&str; 4] = ["eu-1", "eu-2", "eu-3", "us-1"];
const SOON: Duration = Duration::from_secs(120);

#[tokio::test(start_paused = true)]
async fn a_drained_cluster_is_replaced_by_one_that_is_not() {
    let fleet = Simulation::start_with(22, CLUSTERS.map(str::to_owned).into()).await;
    let app = AppKey::new("web", "shop");
    fleet.begin_example("placement", "web").await;
    fleet.pushed().await;
    let v1 = fleet.complete(&app, "", SOON).await;
    // eu-3 is drained, and us-1 is elsewhere and cordoned.
    settled(&fleet, &app, &v1, ["eu-1", "eu-2"]).await;

    fleet.people.change("clusters/eu-3.yaml", |text| text.replace("drain: true ", "drain: false"));
    fleet.pushed().await;
    sleep(SOON).await;
    settled(&fleet, &app, &v1, ["eu-1", "eu-2"]).await;
    fleet.reached("a cluster that is free again moves nobody");

    fleet.people.change("clusters/eu-1.yaml", |text| format!("{text}  scheduler: {{drain: true}}\n"));
    fleet.pushed().await;
    settled(&fleet, &app, &v1, ["eu-2", "eu-3"]).await;
    fleet.reached("the end");
}

/// These clusters have the release with all its traffic, and the others have nothing.
async fn settled(fleet: &Simulation, app: &AppKey, release: &str, clusters: [&str; 2]) {
    fleet
        .within(SOON, async || {
            let mut seen_in = BTreeMap::new();
            for (name, client) in &fleet.clusters {
                let sight = look(client, &app.namespace, &app.name).await?;
                ensure!(sight.releases.is_empty() || sight == serving(release), "{name} has {sight}");
                seen_in.insert(name.as_str(), !sight.releases.is_empty());
            }
            ensure!(seen_in.iter().all(|(name, is)| *is == clusters.contains(name)), "{seen_in:?}");
            let placed = fleet.status_of(app)?;
            let placed: Vec<_> = placed.clusters.iter().map(|cluster| cluster.cluster.as_str()).collect();
            ensure!(placed == clusters, "{placed:?}");
            Result::Ok(())
        })
        .await;
}

fn serving(release: &str) -> Sight {
    Sight::of(&[(release, seen(3, 3))], Some(release))
}
