//! The application, and what is asked for of it: targets one after another, each at any time.

use serde_json::{Value, json};
use shipper_core::converge::{PROPAGATION, Wanted, traffic_goals};
use shipper_core::intent::{Surge, TrafficMode};
use shipper_core::manifest::{Context, Manifests, normalise};
use shipper_core::state::{Seconds, Target, TargetRelease};
use shipper_core::{AppKey, ReleaseName};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many releases a script may name.
pub const RELEASES: usize = 3;
/// Steps of time that make up [`PROPAGATION`]: each controller follows within as many.
pub const LAG: u8 = 1;
/// Steps of time that make up the settle time.
pub const SETTLE: u8 = 2;

/// Name of the Service, and of the Deployment as the chart has it.
pub const NAME: &str = "app";

/// One step of time.
pub fn tick() -> Duration {
    PROPAGATION / u32::from(LAG)
}

/// The application.
pub fn app() -> AppKey {
    AppKey::new("web", NAME)
}

/// The name of a release, counted from zero.
pub fn release(number: usize) -> ReleaseName {
    ReleaseName::from(format!("app-0000000{number}-0"))
}

/// What people ask for, and what may go wrong meanwhile.
pub struct Script {
    /// What it is about.
    pub name: &'static str,
    pub targets: Vec<Target>,
    /// Pods that every release renders; one, if nothing else is said.
    pub replicas: u32,
    /// Nothing is there when it begins; otherwise the first target is met, at rest.
    pub new: bool,
    /// One pod may fail by itself, once.
    pub fails: bool,
    /// The agent may be killed, once.
    pub kills: bool,
}

/// What is asked for of a release: percent of pods, weight; `None` = a tombstone.
type Numbers = Option<(u8, u32)>;

/// One release has it all.
const ALL: Numbers = Some((100, 100));
const HALF: Numbers = Some((50, 50));
const NOTHING: Numbers = Some((0, 0));

impl Script {
    fn new(name: &'static str, targets: &[&[Numbers]]) -> Self {
        let targets =
            targets.iter().zip(1..).map(|(numbers, generation)| target(generation, numbers)).collect();
        Self { name, targets, replicas: 1, new: false, fails: false, kills: false }
    }

    /// The contender gets half, then all.
    pub fn forward() -> Self {
        Self::new("forward", &[&[ALL], &[HALF, HALF], &[NOTHING, ALL]])
    }

    /// The contender gets half and loses it again, and is removed.
    pub fn taken_back() -> Self {
        Self::new("taken back", &[&[ALL], &[HALF, HALF], &[ALL, NOTHING], &[ALL, None]])
    }

    /// All at once; and back.
    pub fn at_once() -> Self {
        Self::new("at once", &[&[ALL], &[NOTHING, ALL], &[ALL, NOTHING]])
    }

    /// Another release comes while the contender has half.
    pub fn superseded() -> Self {
        Self::new("superseded", &[&[ALL], &[HALF, HALF], &[HALF, NOTHING, HALF]])
    }

    /// The first release ever.
    pub fn first_release() -> Self {
        Self { new: true, ..Self::new("first release", &[&[HALF], &[ALL]]) }
    }

    /// Every release renders two pods.
    pub fn of_two(self) -> Self {
        Self { replicas: 2, ..self }
    }

    /// A pod may fail by itself.
    pub fn failing(self) -> Self {
        Self { fails: true, ..self }
    }

    /// The agent may be killed.
    pub fn killing(self) -> Self {
        Self { kills: true, ..self }
    }

    /// What every release renders to.
    pub fn manifests(&self) -> BTreeMap<ReleaseName, Manifests> {
        (0..RELEASES).map(|number| (release(number), manifests(number, self.replicas))).collect()
    }

    /// Pods that a target asks for of each release, and how many of these are to have traffic [C3, C5].
    pub fn asked(&self, target: usize) -> [(u32, u32); RELEASES] {
        let listed = || self.targets[target].releases.iter().filter(|release| !release.absent);
        let pods = |capacity: u8| (self.replicas * u32::from(capacity)).div_ceil(100);
        let weights = listed().map(|r| (&r.name, pods(r.capacity), r.traffic.unwrap_or_default()));
        let goals = traffic_goals(weights.collect::<Vec<_>>());
        let of = |number| {
            let found = listed().find(|listed| listed.name == release(number));
            found.map_or((0, 0), |listed| (pods(listed.capacity), goals.of(&listed.name)))
        };
        [0, 1, 2].map(of)
    }

    /// The release of a target that has all the weight.
    pub fn sole(&self, target: usize) -> Option<u8> {
        let goals = self.asked(target).map(|(_, goal)| goal);
        let mut with = (0..).zip(goals).filter(|(_, goal)| *goal > 0).map(|(number, _)| number);
        with.next().filter(|_| with.next().is_none())
    }
}

/// All manifests are at hand, but for those of tombstones.
pub fn wanted<'a>(target: &'a Target, manifests: &'a BTreeMap<ReleaseName, Manifests>) -> Wanted<'a> {
    Wanted { target, manifests }
}

fn target(generation: u64, numbers: &[Numbers]) -> Target {
    let releases = numbers.iter().enumerate().map(|(number, numbers)| TargetRelease {
        name: release(number),
        generation: number as u64 + 1,
        capacity: numbers.map_or(0, |(capacity, _)| capacity),
        traffic: Some(numbers.map_or(0, |(_, weight)| weight)),
        absent: numbers.is_none(),
        autoscaler_base: BTreeMap::new(),
    });
    Target {
        absent: false,
        application: app(),
        generation,
        surge: Surge::Pods(1),
        settle_seconds: Seconds::from(tick() * u32::from(SETTLE)),
        traffic: TrafficMode::PodLabels,
        create_namespace: false,
        arriving: false,
        analysis: None,
        releases: releases.collect(),
    }
}

fn manifests(number: usize, replicas: u32) -> Manifests {
    let rendered = [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
            "spec": {"selector": {"app": NAME}, "ports": [{"port": 80, "targetPort": "http"}]}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": NAME}},
                "template": {"metadata": {"labels": {"app": NAME}},
                    "spec": {"containers": [{"name": NAME, "image": format!("example.com/app:{number}")}]}}}}),
    ];
    let context = Context {
        application: &app(),
        release: &release(number),
        manages_traffic: true,
        allow_cluster_scope: false,
        allow_secrets: false,
    };
    let text: Vec<String> = rendered.iter().map(Value::to_string).collect();
    let bytes = normalise(text.join("\n---\n").as_bytes(), &context).expect("objects that Shipper accepts");
    Manifests::parse(&bytes).expect("normalised manifests")
}
