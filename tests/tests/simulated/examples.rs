//! The strategies of the book, each run from its example to its end [M2, M3, M4, C5], and what becomes of those that fail [A3].

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use shipper_core::AppKey;
use shipper_core::condition::{ConditionType, Reason};
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_tests::scene::sight::{Seen, Sight, look, seen};
use shipper_tests::simulated::Simulation;
use std::sync::Arc;
use tokio::time::{Instant, sleep};

const CLUSTERS: [&str; 3] = ["eu-canary", "eu-1", "us-1"];
const NAMESPACE: &str = "shop";

/// What stands in each cluster at a step: the new release, and the old one.
struct Sights {
    step: &'static str,
    /// The step is entered by an order; otherwise the gate of the step before lets it go on by itself.
    ordered: bool,
    clusters: [(Seen, Seen); 3],
}

fn step(step: &'static str, ordered: bool, clusters: [(Seen, Seen); 3]) -> Sights {
    Sights { step, ordered, clusters }
}

fn everywhere(new: Seen, old: Seen) -> [(Seen, Seen); 3] {
    [(new, old), (new, old), (new, old)]
}

#[tokio::test(start_paused = true)]
async fn canary() {
    let steps = [
        step("staging", false, everywhere(seen(1, 0), seen(10, 10))),
        step("tenth", true, everywhere(seen(1, 1), seen(9, 9))),
        step("half", true, everywhere(seen(5, 5), seen(5, 5))),
        step("full on", true, everywhere(seen(10, 10), seen(0, 0))),
    ];
    roll_out("web", 11, &steps).await;
}

#[tokio::test(start_paused = true)]
async fn blue_green() {
    let steps = [
        step("green is up", false, everywhere(seen(4, 0), seen(4, 4))),
        step("switch", true, everywhere(seen(4, 4), seen(4, 0))),
        step("blue is gone", false, everywhere(seen(4, 4), seen(0, 0))),
    ];
    roll_out("site", 12, &steps).await;
}

#[tokio::test(start_paused = true)]
async fn vanguard() {
    let (new, old) = ((seen(4, 4), seen(0, 0)), (seen(0, 0), seen(4, 4)));
    let half = (seen(2, 2), seen(2, 2));
    let steps = [
        step("vanguard", false, [new, old, old]),
        step("europe, half", false, [new, half, old]),
        step("europe", true, [new, new, old]),
        step("everywhere", true, [new, new, new]),
    ];
    roll_out("api", 13, &steps).await;
}

/// Labels and Services are nobody's business: the pods of a worker never carry the traffic label.
#[tokio::test(start_paused = true)]
async fn workers() {
    let steps = [
        step("one", false, everywhere(seen(1, 0), seen(4, 0))),
        step("half", true, everywhere(seen(3, 0), seen(2, 0))),
        step("all", false, everywhere(seen(5, 0), seen(0, 0))),
    ];
    roll_out("worker", 14, &steps).await;
}

/// Brings the application of the example up, asks for another version, and walks it through its steps.
async fn roll_out(app: &str, seed: u64, steps: &[Sights]) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/strategies");
    let fleet = Simulation::start_with(seed, CLUSTERS.map(str::to_owned).into()).await;
    fleet.people.add_folder(&examples);
    fleet.pushed().await;
    let file = format!("applications/{NAMESPACE}/{app}.yaml");
    let last = steps.last().unwrap();
    let v1 = contender(&fleet, app, "").await;
    fleet.people.order(&file, &v1, last.step);
    fleet.pushed().await;
    arrived(&fleet, app, &v1, steps, steps.len() - 1).await;

    fleet.people.change(&format!("apps/{app}/all.yaml"), |text| text.replace("1.0.0", "2.0.0"));
    fleet.pushed().await;
    let v2 = contender(&fleet, app, &v1).await;
    for (number, expected) in steps.iter().enumerate() {
        if expected.ordered {
            arrived(&fleet, app, &v2, steps, number - 1).await;
            fleet.people.order(&file, &v2, expected.step);
            fleet.pushed().await;
        }
        // A step that goes on by itself stays for its soak time, in which it is looked at.
        fleet.eventually(async || sights(&fleet, app, (&v2, &v1), expected).await).await;
        fleet.reached(&format!("{app} is at {}", expected.step));
    }
    arrived(&fleet, app, &v2, steps, steps.len() - 1).await;
    // The end of a strategy is quiet.
    tokio::time::sleep(Duration::from_secs(30)).await;
    sights(&fleet, app, (&v2, &v1), last).await.unwrap();
    fleet.reached("the end");
}

fn status(fleet: &Simulation, app: &str) -> Result<Arc<ApplicationStatus>> {
    fleet.status_of(&AppKey::new(NAMESPACE, app))
}

async fn contender(fleet: &Simulation, app: &str, before: &str) -> String {
    fleet
        .eventually(async || {
            let contender = status(fleet, app)?.contender.clone().context("no contender")?.to_string();
            ensure!(contender != before, "{contender} is still the contender");
            Ok(contender)
        })
        .await
}

/// The release is at a step of its strategy and waits for a person, or for nobody at the end.
async fn arrived(fleet: &Simulation, app: &str, release: &str, steps: &[Sights], number: usize) {
    let state = if number + 1 == steps.len() { WaitingFor::None } else { WaitingFor::WaitingForCommand };
    fleet
        .eventually(async || {
            let status = status(fleet, app)?;
            let found = status.releases.iter().find(|found| found.name.as_str() == release);
            let found = found.context("the release is not known")?;
            ensure!(
                found.step == number && status.waiting.state == state,
                "at step {}: {:?}, {}",
                found.step,
                status.waiting.state,
                status.waiting.message
            );
            Ok(())
        })
        .await;
}

async fn sights(fleet: &Simulation, app: &str, (new, old): (&str, &str), expected: &Sights) -> Result<()> {
    for ((name, client), (contender, incumbent)) in fleet.clusters.iter().zip(&expected.clusters) {
        let sight = look(client, NAMESPACE, app).await?;
        let of = |release: &str| sight.releases.get(release).copied().unwrap_or(seen(0, 0));
        ensure!(of(new) == *contender && of(old) == *incumbent, "{}: {name} has {sight}", expected.step);
    }
    Ok(())
}

const FLEET: [&str; 4] = ["eu-canary", "eu-1", "eu-2", "us-1"];

/// [A3] The application of the book that may lose one of four clusters is held where all of them fail, and the old release serves on.
#[tokio::test(start_paused = true)]
async fn more_failing_clusters_than_may_hold_the_rollout() {
    let fleet = failure(15).await;
    let v1 = at_its_end(&fleet, "web", "full on").await;
    broken(&fleet, "web").await;
    let v2 = contender(&fleet, "web", &v1).await;
    let message = told(&fleet, "web", ConditionType::ClustersHealthy, Reason::RolloutHeld).await;
    assert!(
        message.contains("maxFailedClusters is 25%") && message.contains("ImagePullBackOff"),
        "{message}"
    );
    sleep(Duration::from_secs(3600)).await;
    let status = status(&fleet, "web").unwrap();
    assert_eq!(status.contender.as_ref().map(ToString::to_string), Some(v2));
    assert_eq!(status.releases[0].step, 0, "approval is auto, and it stays where it is");
    for (name, client) in &fleet.clusters {
        let sight = look(client, NAMESPACE, "web").await.unwrap();
        assert_eq!(sight.releases[&v1].endpoints, 4, "{name}: {sight}");
    }
    fleet.reached("the end");
}

/// [A3] [M12] The application of the book that may lose none is taken back by the hub from the canary, before another cluster is touched.
#[tokio::test(start_paused = true)]
async fn a_canary_that_fails_is_taken_back() {
    let fleet = failure(16).await;
    let v1 = at_its_end(&fleet, "api", "everywhere").await;
    broken(&fleet, "api").await;
    let v2 = contender(&fleet, "api", &v1).await;
    sleep(Duration::from_secs(3 * 60)).await;
    let message = told(&fleet, "api", ConditionType::ReleaseSynced, Reason::RolledBack).await;
    assert!(message.contains(&v2) && message.contains("eu-canary"), "{message}");
    assert!(!message.contains("us-1"), "another cluster was touched: {message}");
    let back = Sight::of(&[(&v1, seen(4, 4))], Some(&v1));
    for (name, client) in &fleet.clusters {
        fleet
            .eventually(async || {
                let sight = look(client, NAMESPACE, "api").await?;
                ensure!(sight == back, "{name} has {sight}");
                Ok(())
            })
            .await;
    }
    fleet.reached("the end");
}

/// The example of failure, as it is.
async fn failure(seed: u64) -> Simulation {
    let fleet = Simulation::start_with(seed, FLEET.map(str::to_owned).into()).await;
    fleet.people.add_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/failure"));
    fleet.pushed().await;
    fleet
}

/// The first release, at the last step and complete.
async fn at_its_end(fleet: &Simulation, app: &str, last: &str) -> String {
    let v1 = contender(fleet, app, "").await;
    fleet.people.order(&format!("applications/{NAMESPACE}/{app}.yaml"), &v1, last);
    fleet.pushed().await;
    fleet
        .eventually(async || {
            let status = status(fleet, app)?;
            let complete = status.releases.iter().any(|release| release.complete.is_some());
            ensure!(complete, "{:?}", status.waiting);
            Ok(())
        })
        .await;
    v1
}

/// Asks for an image that no node can pull.
async fn broken(fleet: &Simulation, app: &str) {
    let good = format!("registry.example/{app}");
    fleet
        .people
        .change(&format!("apps/{app}/all.yaml"), |text| text.replace(&good, "registry.example/broken"));
    fleet.pushed().await;
}

/// What a condition says, once it is there for this reason.
async fn told(fleet: &Simulation, app: &str, kind: ConditionType, reason: Reason) -> String {
    let end = Instant::now() + Duration::from_secs(600);
    loop {
        let conditions = status(fleet, app).map(|status| status.conditions.clone()).unwrap_or_default();
        if let Some(found) = conditions.iter().find(|c| c.kind == kind && c.reason == reason) {
            return found.message.clone();
        }
        assert!(Instant::now() < end, "{kind} is not {reason}: {conditions:?}");
        sleep(Duration::from_secs(1)).await;
    }
}
