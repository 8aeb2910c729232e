//! The fleet, and what people commit to `main`, in order but at any time.

use serde_json::{Value, json};
use shipper_core::intent::{Application, Cluster, ClusterSpec, Metadata, Rollout, StepRef, StrategySpec};
use shipper_core::plan::{ClusterInfo, Fleet, Intent, Resolved};
use shipper_core::state::{Environment, PinnedSource};
use shipper_core::{AppKey, ReleaseName};

/// The clusters.
pub const CLUSTERS: [&str; 2] = ["c1", "c2"];

/// The application.
pub fn app() -> AppKey {
    AppKey::new("web", "app")
}

/// Both clusters, of one region.
pub fn fleet() -> Fleet {
    let mut fleet = Fleet::default();
    for name in CLUSTERS {
        let metadata = Metadata { name: name.to_owned(), ..Metadata::default() };
        let spec = ClusterSpec { region: "eu".to_owned(), ..ClusterSpec::default() };
        fleet.clusters.insert(name.into(), ClusterInfo { cluster: Cluster { metadata, spec } });
    }
    fleet
}

/// Commits on `main`, one after another.
pub struct Script {
    /// What it is about.
    pub name: &'static str,
    /// What `main` says of the application after each commit.
    pub commits: Vec<Intent>,
    /// Nothing is written yet when it begins; otherwise the first commit is rolled out, at rest.
    pub new: bool,
    /// Which hub hears what.
    pub hears: Hears,
    /// Agents may be answered by a mirror that lags by a commit.
    pub mirror: bool,
    /// The state branch may be restored from a backup that lags by a commit, once, in the middle of the rollout.
    pub restores: bool,
    /// The store may be lost, once, in the middle of the rollout.
    pub loses: bool,
    /// Pods of one cluster may fail, once, in the middle of the rollout.
    pub fails: bool,
    /// Where every cluster is to be in the end: version, capacity, traffic.
    pub end: (&'static str, u8, u8),
}

/// Which hub hears what clusters report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// They have one store.
    Shared,
    /// Only the first does; the other has no store at all.
    First,
    /// Each hears every report for itself, or does not.
    Apart,
}

impl Script {
    /// Whether older commits than the newest matter.
    pub fn tracks(&self) -> bool {
        self.mirror || self.restores
    }

    /// v2 is ordered from half to the end, and taken back.
    pub fn ordered_and_returned() -> Self {
        let order = Rollout::to_step(release("v2").as_str(), StepRef::Name("all".to_owned()));
        Self {
            name: "ordered and returned",
            commits: vec![
                intent("v1", &at_once(), None),
                intent("v2", &in_steps("manual"), None),
                intent("v2", &in_steps("manual"), Some(&order)),
                intent("v1", &at_once(), None),
            ],
            new: false,
            hears: Hears::First,
            mirror: false,
            restores: false,
            loses: true,
            fails: false,
            end: ("v1", 100, 100),
        }
    }

    /// v2 goes on by itself; v3 comes while it does, or after.
    pub fn by_itself() -> Self {
        Self {
            name: "by itself",
            commits: vec![
                intent("v1", &in_steps("auto"), None),
                intent("v2", &in_steps("auto"), None),
                intent("v3", &at_once(), None),
            ],
            new: false,
            hears: Hears::Shared,
            mirror: false,
            restores: false,
            loses: false,
            fails: true,
            end: ("v3", 100, 100),
        }
    }

    /// The first release ever, and another before it is complete; agents are answered by a mirror that lags.
    pub fn first_release() -> Self {
        Self {
            name: "first release",
            commits: vec![intent("v1", &in_steps("auto"), None), intent("v2", &at_once(), None)],
            new: true,
            hears: Hears::Shared,
            mirror: true,
            restores: false,
            loses: false,
            fails: true,
            end: ("v2", 100, 100),
        }
    }

    /// v2 goes on by itself; each hub hears for itself what clusters say.
    pub fn heard_apart() -> Self {
        Self {
            name: "heard apart",
            commits: vec![intent("v1", &at_once(), None), intent("v2", &in_steps("auto"), None)],
            new: false,
            hears: Hears::Apart,
            mirror: false,
            restores: false,
            loses: false,
            fails: true,
            end: ("v2", 100, 100),
        }
    }

    /// v2 goes on by itself, and the state branch is restored from a backup meanwhile.
    pub fn restored() -> Self {
        Self {
            name: "restored",
            commits: vec![intent("v1", &at_once(), None), intent("v2", &in_steps("auto"), None)],
            new: false,
            hears: Hears::Shared,
            mirror: false,
            restores: true,
            loses: false,
            fails: false,
            end: ("v2", 100, 100),
        }
    }
}

static FULL: std::sync::LazyLock<Value> = std::sync::LazyLock::new(
    || json!({"name": "all", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}}),
);

fn at_once() -> Value {
    json!({"steps": [FULL.clone()]})
}

fn in_steps(approval: &str) -> Value {
    let half = json!({"name": "half", "gate": {"approval": approval},
        "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50}});
    json!({"steps": [half, FULL.clone()]})
}

/// What a version is pinned to.
pub fn environment(version: &str) -> Environment {
    Environment {
        chart: None,
        manifests: Some(PinnedSource { path: "apps/app".to_owned(), tree: version.to_owned() }),
        values: serde_json::Map::new(),
        overrides: Vec::new(),
        restart: None,
    }
}

/// The name of the first release of a version.
fn release(version: &str) -> ReleaseName {
    ReleaseName::from(format!("app-{}-0", environment(version).hash()))
}

fn intent(version: &str, strategy: &Value, rollout: Option<&Rollout>) -> Intent {
    let spec = json!({"template": {"manifests": {"path": "apps/app"}}, "rollout": rollout});
    let metadata = Metadata { name: app().name, namespace: Some(app().namespace), ..Metadata::default() };
    let strategy: StrategySpec = serde_json::from_value(strategy.clone()).expect("a strategy");
    let environment = environment(version);
    Intent {
        application: Application { metadata, spec: serde_json::from_value(spec).expect("a spec") },
        environment: Ok(Resolved { environment, written_chart: None }),
        strategy: Some(strategy),
    }
}
