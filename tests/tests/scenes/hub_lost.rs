//! Two hubs share a PostgreSQL. One is killed in the middle of a step, then the database is away for a while: the rollout goes on each time,
//! and nothing that was acknowledged is lost [A1, A6, X5].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::postgres::possible;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene, WITNESS, token};

use super::chaos::ensure_in_order;
use super::story::{APP, Floor, SOON, first_release, staging, under_way};

/// How long the database is away: several heartbeats.
const AWAY: Duration = Duration::from_secs(8);
/// What is not acknowledged is sent again after this.
const AGAIN: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_rollout_goes_on_when_a_hub_is_killed_and_when_their_database_is_away() {
    if !possible("a_rollout_goes_on_when_a_hub_is_killed_and_when_their_database_is_away") {
        return;
    }
    let options = Options { hubs: 2, postgres: true, ..Options::named("hub-lost") };
    let mut scene = Scene::start(options).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(&scene, &v1, &v2).await;

    let witness = Witness::begin(&scene.agents_hub()).await.unwrap();
    let told = AtomicBool::default();
    let (acknowledged, ()) = tokio::join!(witness.report_until(&told), async {
        scene.promote(APP, &v2, "50/50").unwrap();
        under_way(&scene, &v2).await;
        scene.hub().process.kill().unwrap();
        scene.reached("hub-1 is killed in the middle of the step");
        scene.send_agents_to(&scene.hubs[1]).unwrap();
        let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
        scene.wait_for(APP, &half, SOON).await.unwrap();
        told.store(true, Ordering::Relaxed);
    });
    // Whom the scene asks from now on.
    scene.hubs.swap(0, 1);
    scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    let (server, database) = scene.postgres().unwrap();
    let stored = server.query(database, "SELECT sequence FROM clusters WHERE cluster = 'witness'").unwrap();
    scene.reached(&format!(
        "{acknowledged} reports of one session were acknowledged, number {stored} is stored"
    ));
    assert_eq!(stored, acknowledged.to_string());

    scene.hubs[1].process.start().unwrap();
    scene.hubs[1].wait_until_serving().await.unwrap();
    server.stop().unwrap();
    scene.reached("the database is away");
    scene.promote(APP, &v2, "full on").unwrap();
    eventually(SOON, async || {
        for hub in &scene.hubs {
            let ready = reqwest::get(format!("{}/readyz", hub.url)).await?;
            ensure!(ready.status() == 503, "{} says it is ready", hub.process.name());
        }
        anyhow::Ok(())
    })
    .await;
    tokio::time::sleep(AWAY).await;
    server.start_again().unwrap();
    scene.reached("the database is back");
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    for _ in 0..2 {
        scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
        // Both know.
        scene.hubs.swap(0, 1);
    }

    for hub in &scene.hubs {
        hub.process.ensure_running().unwrap();
    }
    floor.assert_held(&scene, 4);
    let stages = scene.stages(APP, &v2).unwrap();
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0, 1, 2], "{stages:?}");
    stages.windows(2).for_each(|pair| ensure_in_order(&pair[0], &pair[1]).unwrap());
    scene.ensure_one_line().unwrap();
}

/// An agent that does nothing but report, in one session, as fast as it is answered.
struct Witness {
    client: reqwest::Client,
    hub: String,
    session: String,
}

impl Witness {
    async fn begin(hub: &str) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(SOON / 10).build()?;
        let mut witness = Self { client, hub: hub.to_owned(), session: String::new() };
        let introduction = json!({"cluster": WITNESS, "clusterUid": "uid-1", "agentVersion": "1.0.0"});
        let opened = witness.post("sessions", &introduction).await?;
        witness.session = opened["session"].as_str().context("no session")?.to_owned();
        Ok(witness)
    }

    /// Reports until `told`, each again until it is acknowledged; answers the number of the last one.
    async fn report_until(&self, told: &AtomicBool) -> u64 {
        for number in 1.. {
            let report = json!({
                "session": self.session, "sequence": number, "cluster": WITNESS, "clusterUid": "uid-1",
                "agentVersion": "1.0.0", "problems": [format!("this is number {number}")],
            });
            while let Err(refused) = self.post("reports", &report).await {
                assert!(!refused.to_string().contains("409"), "the session goes on: {refused}");
                tokio::time::sleep(AGAIN).await;
            }
            if told.load(Ordering::Relaxed) {
                return number;
            }
        }
        0
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request =
            self.client.post(format!("{}/api/v1/agent/{path}", self.hub)).bearer_auth(token(WITNESS));
        let answer = request.json(body).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }
}
