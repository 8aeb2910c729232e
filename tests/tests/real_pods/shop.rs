//! A shop with 8 pods in each of two clusters, and callers who write down what they are answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use shipper_core::status::WaitingFor;
use shipper_tests::cluster::Cluster;
use shipper_tests::eventually::eventually;
use shipper_tests::fleet::Fleet;
use shipper_tests::load::Load;
use shipper_tests::load::shares::Shares;
use shipper_tests::scene::bounds::BoundsWatch;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

/// How long anything may take on a busy machine, kills included.
pub const SOON: Duration = Duration::from_secs(120);
pub const APP: &str = "shop";
const APPLICATION: &str = include_str!("files/application.yaml");
const DEPLOYMENT: &str = include_str!("files/deployment.yaml");
/// What every step wants.
const FLOOR: usize = 8;
/// What the first step wants, which is one more, and the surge.
const CEILING: usize = 11;
const STEPS: [&str; 4] = ["staging", "quarter", "half", "full on"];
/// By then a proxy has heard of what is in the EndpointSlices, however busy the machine.
const PROXY: Duration = Duration::from_millis(1_500);
/// So many that a share which is wrong by one pod is far beyond what chance does.
const ANSWERS: usize = 600;

pub struct Shop {
    pub scene: Scene,
    /// The first release, complete.
    pub v1: String,
    loads: Vec<Load>,
    bounds: Vec<BoundsWatch>,
}

impl Shop {
    /// The first release is complete, and has been called since.
    pub async fn open(fleet: &Arc<Fleet>, name: &'static str) -> Self {
        let scene = Scene::start_on(fleet.clone(), Options::named(name)).await.unwrap();
        add(&scene, |text| text);
        let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
        scene.wait_until(APP, &v1, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
        let mut shop = Self { scene, v1, loads: Vec::new(), bounds: Vec::new() };
        shop.step(&shop.v1, "full on", &Sight::of(&[(&shop.v1, seen(8, 8))], Some(&shop.v1))).await;
        for cluster in fleet.clusters() {
            let namespace = &shop.scene.namespace;
            shop.loads.push(Load::start(cluster, namespace, APP).await.unwrap());
            let client = cluster.client().await.unwrap();
            shop.bounds.push(BoundsWatch::start(&client, namespace, APP).await.unwrap());
        }
        shop
    }

    /// Asks for another version; returns its release, once that stands beside the old one without traffic, and the commit.
    pub async fn ask_for(&self, old: &str, (from, to): (&str, &str)) -> (String, String) {
        let asked = self.scene.edit(APP, &format!("tag: {from}"), &format!("tag: {to}")).unwrap();
        let new = self.scene.contender_after(APP, old, SOON).await.unwrap();
        let staging = Sight::of(&[(old, seen(8, 8)), (&new, seen(1, 0))], Some(old));
        self.scene.wait_for_live(APP, &staging, SOON).await.unwrap();
        self.scene.wait_until(APP, &new, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
        (new, asked)
    }

    /// Orders a step and waits until it is achieved.
    pub async fn step(&self, release: &str, step: &str, sight: &Sight) {
        self.scene.promote(APP, release, step).unwrap();
        self.scene.wait_for_live(APP, sight, SOON).await.unwrap();
        let number = STEPS.iter().position(|name| *name == step).unwrap();
        let last = number + 1 == STEPS.len();
        let waiting = if last { WaitingFor::None } else { WaitingFor::WaitingForCommand };
        self.scene.wait_until(APP, release, number, waiting, SOON).await.unwrap();
        self.scene.reached(&format!("{release} is at {step}"));
    }

    /// One release has everything.
    pub async fn full(&self, release: &str) {
        let full = Sight::of(&[(release, seen(8, 8))], Some(release));
        self.scene.wait_for_live(APP, &full, SOON).await.unwrap();
        self.scene.wait_until(APP, release, 3, WaitingFor::None, SOON).await.unwrap();
        self.scene.reached(&format!("{release} has everything"));
    }

    /// Orders half and returns in the middle of the shift: the release answers in every cluster, not from all of its pods yet.
    pub async fn begin_half(&self, release: &str) {
        self.scene.promote(APP, release, "half").unwrap();
        for client in self.scene.clients().await.unwrap() {
            eventually(SOON, async || {
                let sight = look(&client, &self.scene.namespace, APP).await?;
                let pods = sight.releases.get(release).context("not there yet")?.endpoints;
                ensure!(pods > 0, "{sight}");
                anyhow::Ok(())
            })
            .await;
        }
        self.scene.reached(&format!("{release} is on its way to half"));
    }

    /// Exactly so many pods of each version answer in each cluster, each as often as the others [C5].
    pub async fn ensure_shares(&self, pods: &[(&str, usize)]) {
        let clusters = self.loads.iter().zip(self.scene.fleet.clusters());
        join_all(clusters.map(|(load, cluster)| ensure_shares(&self.scene, load, cluster, pods))).await;
    }

    /// Not one request was lost, in no cluster, over new connections and over kept ones; and never were there fewer pods with
    /// traffic, or more pods, than there may be [C2].
    pub fn ensure_none_lost(&self) {
        for ((load, watch), cluster) in self.loads.iter().zip(&self.bounds).zip(self.scene.fleet.clusters()) {
            ensure_none_lost(&self.scene, (load, watch), cluster);
        }
        for (watch, cluster) in self.bounds.iter().zip(self.scene.fleet.clusters()) {
            let pictures = watch.ensure_within(FLOOR, CEILING);
            let pictures = pictures.with_context(|| cluster.name().to_owned()).unwrap();
            self.scene.reached(&format!("{}: bounds held at {pictures} events", cluster.name()));
        }
    }
}

/// Commits the application, changed as is wanted, and the template of its pods.
pub fn add(scene: &Scene, change: impl FnOnce(String) -> String) {
    let text = change(APPLICATION.replace("$APP", APP).replace("$NAMESPACE", &scene.namespace));
    let files = [(&*scene.file(APP), &*text), ("charts/shop/templates/deployment.yaml", DEPLOYMENT)];
    scene.commit(&files, "Add the shop").unwrap();
}

/// Exactly so many pods of each version answer in a cluster, each as often as the others [C5].
pub async fn ensure_shares(scene: &Scene, load: &Load, cluster: &Cluster, pods: &[(&str, usize)]) {
    let since = Instant::now() + PROXY;
    let shares = eventually(SOON, async || {
        let shares = Shares::since(&load.answers(), since);
        ensure!(shares.total() >= ANSWERS, "{} of {ANSWERS} answers", shares.total());
        anyhow::Ok(shares)
    })
    .await;
    shares.ensure_follow(pods).with_context(|| cluster.name().to_owned()).unwrap();
    scene.reached(&format!("{}: answers of {:?}", cluster.name(), shares.answers()));
}

/// Not one request was lost in a cluster, of enough over new connections and enough over kept ones.
fn ensure_none_lost(scene: &Scene, (load, watch): (&Load, &BoundsWatch), cluster: &Cluster) {
    let (answers, lost) = (load.answers(), load.lost());
    let kept = answers.iter().filter(|answer| answer.kept).count();
    let slowest = answers.iter().map(|answer| answer.took).max().unwrap_or_default();
    let name = cluster.name();
    scene.reached(&format!(
        "{name}: {} requests answered, {kept} over kept connections, the slowest after {slowest:?}; {} lost",
        answers.len(),
        lost.len()
    ));
    ensure_both(answers.len(), kept).unwrap();
    let Some(first) = lost.first() else { return };
    let words = format!("{name}: {} lost, the first {:?} ago: {first:?}", lost.len(), first.at.elapsed());
    panic!("{words}; about it:\n{}", watch.around(first.at));
}

fn ensure_both(answers: usize, kept: usize) -> Result<()> {
    let new = answers - kept;
    ensure!(new > 1_000 && kept > 1_000, "too few to say anything: {new} new and {kept} kept connections");
    Ok(())
}
