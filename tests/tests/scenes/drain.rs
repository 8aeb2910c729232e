//! A cluster with everything in it is drained: all that has a place to go is elsewhere before it leaves, the rest stays and says so [S4].

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::protocol::ClusterView;
use shipper_core::state::Leaves;
use shipper_core::status::{ApplicationStatus, DepartureStage, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::traffic::FleetTraffic;
use shipper_tests::scene::{Options, Scene};

use super::neighbours::NOTES;
use super::story::SOON;

/// The cluster that is drained, and the only one that has the [`PRESS`].
const HOME: &str = "cluster-1";
const OTHERS: [&str; 2] = ["cluster-2", "cluster-3"];
const PRESS: &str = "press";
/// Applications in the middle of a rollout, of four pods each; the last needs the press.
const SHOPS: usize = 6;
/// Small applications of two pods each; the last needs the press.
const NOTEBOOKS: usize = 24;
/// How long thirty applications take to move on a busy machine.
const MOVED: Duration = Duration::from_secs(240);

/// An application of this scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum App {
    Shop(usize),
    Notebook(usize),
}

impl App {
    fn all() -> impl Iterator<Item = Self> {
        (0..SHOPS).map(Self::Shop).chain((0..NOTEBOOKS).map(Self::Notebook))
    }

    fn name(self) -> String {
        match self {
            Self::Shop(number) => format!("shop-{number}"),
            Self::Notebook(number) => format!("notes-{number}"),
        }
    }

    /// No cluster but [`HOME`] will do.
    fn is_tied(self) -> bool {
        self == Self::Shop(SHOPS - 1) || self == Self::Notebook(NOTEBOOKS - 1)
    }

    /// Pods with traffic that it asks for.
    fn pods(self) -> usize {
        match self {
            Self::Shop(_) => 4,
            Self::Notebook(_) => 2,
        }
    }

    fn files(self, scene: &Scene) -> Vec<(String, String)> {
        let name = self.name();
        let needs = if self.is_tied() { format!(", capabilities: [{PRESS}]") } else { String::new() };
        let template = format!("  template:\n    clusterRequirements: {{regions: [{{name: eu}}]{needs}}}\n");
        match self {
            Self::Shop(_) => {
                let text = scene.application(&name).replacen("  template:\n", &template, 1);
                vec![(scene.file(&name), text)]
            }
            Self::Notebook(_) => {
                let manifests = format!("apps/{name}/all.yaml");
                let text = small(scene, &name, &template);
                vec![(scene.file(&name), text), (manifests, NOTES.replace("notes", &name))]
            }
        }
    }
}

/// The names of the two releases of a shop.
type Half = (String, String);

#[tokio::test]
async fn a_drained_cluster_is_empty_when_everything_serves_elsewhere() {
    let scene = Scene::start(Options::named("drain")).await.unwrap();
    let halves = everything_at_home(&scene).await;
    scene.reached(&format!("thirty applications are in {HOME}, {SHOPS} of them at half"));

    let traffic = FleetTraffic::watch(&scene).await.unwrap();
    for other in OTHERS {
        scene.shipperctl(&["clusters", "uncordon", other]).await.unwrap();
    }
    let said = scene.shipperctl(&["clusters", "drain", HOME]).await.unwrap();
    assert!(said.contains(&format!("Drain {HOME}")), "{said}");
    let tied: Vec<App> = App::all().filter(|app| app.is_tied()).collect();
    eventually(MOVED, async || {
        let left = view(&scene).await?.applications;
        let left: Vec<_> = left.iter().map(|one| one.application.name.to_string()).collect();
        ensure!(left.len() == tied.len(), "{HOME} still has {left:?}");
        anyhow::Ok(())
    })
    .await;
    scene.reached(&format!("{HOME} has only what cannot leave"));

    // Those without a place to go stay, serve on, and say so.
    for app in &tied {
        ensure_says_that_it_stays(&scene, &app.name()).await.unwrap();
        ensure_serves(&scene, *app, &halves, &[HOME]).await;
    }
    let view = view(&scene).await.unwrap();
    for one in &view.applications {
        let departure = one.departure.as_ref().unwrap();
        assert_eq!((departure.why, departure.stage), (Leaves::Drained, DepartureStage::Held), "{one:?}");
    }
    assert_eq!(view.overview().held, tied.len());
    let shown = scene.shipperctl(&["clusters", "show", HOME]).await.unwrap();
    assert_eq!(shown.matches("cannot leave").count(), tied.len(), "{shown}");

    // The others stand where they stood, elsewhere.
    for app in App::all().filter(|app| !app.is_tied()) {
        ensure_serves(&scene, app, &halves, &OTHERS).await;
        let nothing = look(&client(&scene, HOME).await, &scene.namespace, &app.name()).await.unwrap();
        assert!(nothing.releases.is_empty(), "{} in {HOME}: {nothing}", app.name());
    }
    ensure_none_had_fewer(&scene, &traffic);

    // With a place for them they go by themselves, and then the cluster is empty.
    scene.desk.pull().unwrap();
    let place = "clusters/cluster-2.yaml";
    let text = scene.desk.read(place).unwrap();
    scene.commit(&[(place, &format!("{text}  capabilities: [{PRESS}]\n"))], "Another press").unwrap();
    eventually(MOVED, async || {
        let shown = scene.shipperctl(&["clusters", "show", HOME]).await?;
        ensure!(shown.contains("drained") && shown.contains("no applications"), "{shown}");
        anyhow::Ok(())
    })
    .await;
    scene.reached(&format!("{HOME} is drained"));
    for app in tied {
        ensure_serves(&scene, app, &halves, &["cluster-2"]).await;
    }
    ensure_none_had_fewer(&scene, &traffic);

    // Back is one commit, and moves nobody.
    scene.shipperctl(&["clusters", "uncordon", HOME]).await.unwrap();
    let shop = App::Shop(0).name();
    let place = place_of(&scene.status(&shop).await.unwrap()).unwrap();
    scene.promote(&shop, &halves[0].1, "full on").unwrap();
    let status = scene.wait_until(&shop, &halves[0].1, 2, WaitingFor::None, SOON).await.unwrap();
    assert_eq!(place_of(&status).unwrap(), place);
    scene.ensure_one_line().unwrap();
}

/// All applications in the one cluster that is not cordoned, the shops in the middle of a rollout.
async fn everything_at_home(scene: &Scene) -> Vec<Half> {
    scene.desk.pull().unwrap();
    let home = format!("clusters/{HOME}.yaml");
    let text = scene.desk.read(&home).unwrap();
    scene.commit(&[(&home, &format!("{text}  capabilities: [{PRESS}]\n"))], "A press").unwrap();
    for other in OTHERS {
        scene.shipperctl(&["clusters", "cordon", other]).await.unwrap();
    }
    let files: Vec<_> = App::all().flat_map(|app| app.files(scene)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.commit(&files, "Add thirty applications").unwrap();
    let halves = join_all((0..SHOPS).map(|number| half(scene, App::Shop(number).name()))).await;
    for app in App::all() {
        ensure_serves(scene, app, &halves, &[HOME]).await;
    }
    let view = view(scene).await.unwrap();
    assert_eq!(view.applications.len(), SHOPS + NOTEBOOKS);
    assert!(view.cluster.free.as_ref().is_some_and(|free| free.get("cpu").to_whole() > 0), "{view:?}");
    halves
}

/// A shop at half between two releases.
async fn half(scene: &Scene, shop: String) -> Half {
    let v1 = scene.contender_after(&shop, "", MOVED).await.unwrap();
    scene.promote(&shop, &v1, "full on").unwrap();
    scene.wait_until(&shop, &v1, 2, WaitingFor::None, MOVED).await.unwrap();
    scene.edit(&shop, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(&shop, &v1, MOVED).await.unwrap();
    scene.promote(&shop, &v2, "50/50").unwrap();
    scene.wait_until(&shop, &v2, 1, WaitingFor::WaitingForCommand, MOVED).await.unwrap();
    (v1, v2)
}

/// It is in one of these clusters alone, and stands there as it is to stand.
async fn ensure_serves(scene: &Scene, app: App, halves: &[Half], places: &[&str]) {
    let name = app.name();
    eventually(MOVED, async || {
        let status = scene.status(&name).await?;
        let place = place_of(&status)?;
        ensure!(places.contains(&place.as_str()), "{name} is in {place}");
        let sight = look(&client(scene, &place).await, &scene.namespace, &name).await?.live();
        let expected = match app {
            App::Shop(number) => {
                let (v1, v2) = &halves[number];
                Sight::of(&[(v1, seen(2, 2)), (v2, seen(2, 2))], None)
            }
            App::Notebook(_) => {
                let release = status.contender.as_ref().context("no release")?.as_str();
                Sight::of(&[(release, seen(2, 2))], Some(release))
            }
        };
        ensure!(sight == expected, "{name} in {place}: {sight}; expected is {expected}");
        anyhow::Ok(())
    })
    .await;
}

async fn ensure_says_that_it_stays(scene: &Scene, app: &str) -> Result<()> {
    let (status, reason, message) = scheduled(&scene.status(app).await?)?;
    ensure!((status, reason) == (Status::False, Reason::NoReplacement), "{app}: {reason}: {message}");
    ensure!(message.contains(&format!("{HOME} stays although")), "{message}");
    for other in OTHERS {
        ensure!(message.contains(&format!("{other}: lacks capability {PRESS}")), "{message}");
    }
    let shown = scene.shipperctl(&["status", app]).await?;
    ensure!(shown.contains("NoReplacement") && shown.contains(PRESS), "{shown}");
    Ok(())
}

/// Never had an application fewer pods with traffic, over the fleet, than it asks for.
fn ensure_none_had_fewer(scene: &Scene, traffic: &FleetTraffic) {
    let fewest: Vec<_> = App::all().map(|app| (app, traffic.fewest(&app.name()))).collect();
    scene.reached(&format!("the fewest pods with traffic over the fleet: {fewest:?}"));
    for (app, fewest) in fewest {
        assert!(fewest >= app.pods(), "{} had {fewest} pods with traffic", app.name());
    }
}

/// An Application of plain manifests, with what its template begins with.
pub fn small(scene: &Scene, app: &str, template: &str) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata:\n  name: {app}\n  namespace: {}\nspec:\n{template}    manifests:\n      path: apps/{app}\n",
        scene.namespace
    )
}

/// What is said of its placement.
pub fn scheduled(status: &ApplicationStatus) -> Result<(Status, Reason, String)> {
    let condition = status.conditions.iter().find(|condition| condition.kind == ConditionType::Scheduled);
    condition.map(|c| (c.status, c.reason, c.message.clone())).context("nothing is said of placement")
}

/// The one cluster that it is in.
fn place_of(status: &ApplicationStatus) -> Result<String> {
    ensure!(status.clusters.len() == 1, "{} is in {:?}", status.application, status.clusters);
    Ok(status.clusters[0].cluster.to_string())
}

async fn view(scene: &Scene) -> Result<ClusterView> {
    let text = scene.shipperctl(&["clusters", "show", HOME, "-o", "json"]).await?;
    Ok(serde_json::from_str(&text)?)
}

async fn client(scene: &Scene, cluster: &str) -> kube::Client {
    scene.fleet.cluster(cluster).unwrap().client().await.unwrap()
}
