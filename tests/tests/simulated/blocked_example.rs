//! The blocks of the book: one for everything, one for a namespace, one for weekends, and an application that overrides them [B1, B2].

use std::time::Duration;

use anyhow::ensure;
use shipper_core::AppKey;
use shipper_core::status::WaitingFor;
use shipper_tests::simulated::Simulation;
use tokio::time::sleep;

const FILE: &str = "applications/web/shop.yaml";
const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn blocks_stop_whom_they_are_not_overridden_by() {
    let fleet = Simulation::start_with(21, vec!["eu-1".to_owned()]).await;
    let app = AppKey::new("web", "shop");
    fleet.begin_example("blocks", "web").await;
    fleet.pushed().await;
    // It names every block in force.
    let v1 = fleet.complete(&app, "", SOON).await;

    let with = |text: String, image: &str| text.replace("example.com/hello:1.0.0", image);
    fleet.people.change(FILE, |text| {
        text.replace("override: web/incident, holidays, weekend", "override: holidays, weekend")
    });
    fleet.people.change("apps/shop/deployment.yaml", |text| with(text, "example.com/hello:2.0.0"));
    fleet.pushed().await;
    blocked_by(&fleet, &app, &v1, "incident").await;
    sleep(LONG).await;
    blocked_by(&fleet, &app, &v1, "incident").await;
    fleet.reached("one block that is not named stops it for good");

    // What the incident was is mended, and the override is taken out: the holidays are in force.
    fleet.people.remove(&["blocks/web/incident.yaml"]);
    fleet.people.change(FILE, |text| text.replace("override: holidays, weekend", "override: weekend"));
    fleet.pushed().await;
    blocked_by(&fleet, &app, &v1, "Nobody is here until 4 January").await;
    fleet.people.remove(&["blocks/holidays.yaml"]);
    fleet.pushed().await;
    let v2 = fleet.complete(&app, &v1, SOON).await;
    fleet.reached(&format!("{v2} goes on without another commit to it"));
}

/// What is asked for waits for a block, and tells it by these words.
async fn blocked_by(fleet: &Simulation, app: &AppKey, release: &str, words: &str) {
    fleet
        .eventually(async || {
            let status = fleet.status_of(app)?;
            let contender = status.contender.as_ref().map(ToString::to_string).unwrap_or_default();
            let waiting = &status.waiting;
            let blocked = waiting.state == WaitingFor::Blocked && waiting.message.contains(words);
            ensure!(blocked && contender == release, "{contender}: {waiting:?}");
            Ok(())
        })
        .await;
}
