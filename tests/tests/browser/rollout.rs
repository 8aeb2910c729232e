//! A rollout over three real clusters, watched in a browser: the page follows within a second of what the hub says, and a broken image
//! appears as failing pods with reason and clusters.

use std::time::{Duration, Instant};

use anyhow::ensure;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::{Options, Scene};

use super::chromium::{Browser, Theme};

const APP: &str = "shop";
const SOON: Duration = Duration::from_secs(90);
/// How soon the page follows what the API says.
const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_page_follows_a_rollout_over_three_clusters_within_a_second() {
    let scene = Scene::start(Options::named("browser")).await.unwrap();
    let Some(browser) = Browser::start("a_page_follows", &scene.hub().url).await else { return };
    browser.wear(Theme::Light, 1280).await;
    let application = scene.application(APP);
    scene.commit(&[(&scene.file(APP), &application)], "The first one").unwrap();
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    browser.open(&format!("/applications/{}/{APP}", scene.namespace)).await;
    browser.run_script("window.mark = 'never loaded again'").await;
    for (step, name, state) in [
        (0, "staging", WaitingFor::WaitingForCommand),
        (1, "50/50", WaitingFor::WaitingForCommand),
        (2, "full on", WaitingFor::None),
    ] {
        if step > 0 {
            scene.shipperctl(&["promote", APP, "--step", name]).await.unwrap();
        }
        scene.wait_until(APP, &v1, step, state, SOON).await.unwrap();
        let known = Instant::now();
        shows(&browser, if state == WaitingFor::None { "is complete" } else { "Waits for you" }, name, step)
            .await;
        scene.reached(&format!("the page shows step {name} {:?} after the API", known.elapsed()));
    }

    scene.edit(APP, "image: registry.example/shop", "image: registry.example/broken").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.shipperctl(&["promote", APP, "--step", "50/50"]).await.unwrap();
    eventually(SOON, || async {
        let status = scene.status(APP).await?;
        let groups =
            status.clusters.iter().flat_map(|cluster| &cluster.releases).flat_map(|release| &release.pods);
        let failing = groups.filter(|group| group.reason == "ImagePullBackOff").count();
        ensure!(failing == 3, "in {failing} clusters");
        anyhow::Ok(())
    })
    .await;
    eventually(AT_ONCE, || async {
        let text = browser.text().await;
        ensure!(text.contains("ImagePullBackOff") && text.contains("registry.example/broken:v1"), "{text}");
        let group = text.lines().find(|line| line.contains(&format!("pods of {v2} in "))).unwrap_or_default();
        for cluster in scene.fleet.clusters() {
            ensure!(group.contains(cluster.name()), "{} is not in {group:?}", cluster.name());
        }
        anyhow::Ok(())
    })
    .await;
    assert_eq!(browser.run_script("return window.mark").await, "never loaded again");
    // On the fleet's page and in a terminal it is one fault, over all clusters.
    browser.open("/").await;
    eventually(SOON, || async {
        let status = scene.status(APP).await?;
        let groups = status.clusters.iter().flat_map(|cluster| &cluster.releases).flat_map(|one| &one.pods);
        let pods: u32 =
            groups.filter(|group| group.reason == "ImagePullBackOff").map(|group| group.count).sum();
        let told = format!("{pods} pods of 1 application in 3 clusters");
        let line = "return document.querySelector('#failing li')?.innerText.replace(/\\s+/g, ' ') ?? 'none'";
        let line = browser.run_script(line).await.to_string();
        ensure!(line.contains(&format!("ImagePullBackOff {told} for example ")), "{told} is not in {line}");
        ensure!(line.contains("registry.example/broken:v1"), "{line}");
        let all = scene.shipperctl(&["status"]).await?;
        ensure!(all.contains(&format!("Failing pods\n  ImagePullBackOff: {told}\n")), "{all}");
        anyhow::Ok(())
    })
    .await;
    browser.run_script("document.querySelector('#failing li a[href^=\"/applications\"]').click()").await;
    let there = format!("/applications/{}/{APP}", scene.namespace);
    eventually(SOON, || async {
        let at = browser.run_script("return location.pathname").await;
        ensure!(at == there, "{at}");
        anyhow::Ok(())
    })
    .await;
    assert_eq!(browser.faults().await, Vec::<String>::new());
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    assert_eq!(browser.strangers().await.0, Vec::<String>::new());
    browser.end().await;
}

/// Waits for a second until the page says what is waited for, and that the step is achieved.
async fn shows(browser: &Browser, words: &str, step: &str, index: usize) {
    eventually(AT_ONCE, || async {
        let text = browser.text().await;
        ensure!(text.contains(words), "{words:?} is not in {text}");
        let rung = format!("return document.getElementById('step-{}')?.innerText ?? ''", index + 1);
        let rung = browser.run_script(&rung).await.to_string();
        ensure!(rung.contains(step) && rung.contains("achieved"), "step {step} is {rung}");
        anyhow::Ok(())
    })
    .await;
}
