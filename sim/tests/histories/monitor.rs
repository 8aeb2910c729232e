//! What must hold at every event, judged on the clusters themselves and not on what anybody believes of them.

use super::chart::{self, REPLICAS, SERVICE};
use super::pods::Pods;
use super::settled::Settled;
use serde_json::Value;
use shipper_core::converge::traffic_goals;
use shipper_core::state::Target;
use shipper_core::{ReleaseName, labels};
use shipper_sim::object::{at, pod_is_ready};
use shipper_sim::{Cluster, ids};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// How long a target's numbers still count after it was replaced: what was begun under it may end under the next.
const MEMORY: Duration = Duration::from_secs(60);

/// How long it takes until what a person did has worked its way through lagging controllers.
pub const AFTERMATH: Duration = Duration::from_secs(10);

/// How long it takes until a failed pod has been replaced.
const RECOVERY: Duration = Duration::from_secs(30);

/// How long news of a failed pod takes to reach the agent, and an action that was decided before to have its effect.
const NEWS: Duration = Duration::from_secs(5);

/// The truth of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Ready pods with traffic, by UID, with their release.
    pub served: BTreeMap<String, ReleaseName>,
    /// Pods that are not terminating, by UID, and whether they are ready.
    pub pods: BTreeMap<String, bool>,
    /// The UIDs of the ready addresses of the Service.
    pub listed: BTreeSet<String>,
    /// `spec.replicas` over all Deployments of the application.
    pub replicas: u32,
    /// Their UIDs.
    pub deployments: BTreeSet<String>,
    /// Somebody else has set that of one, and it was not put back yet.
    pub taken: bool,
}

pub fn truth(cluster: &Cluster) -> Truth {
    let app = chart::app();
    let mut truth = Truth::default();
    for slice in cluster.peek_all(ids::ENDPOINT_SLICES, Some(&app.namespace)) {
        if at(slice, "/metadata/labels").and_then(|l| l.get(labels::SERVICE_NAME)).and_then(Value::as_str)
            != Some(SERVICE)
        {
            continue;
        }
        for endpoint in slice.get("endpoints").and_then(Value::as_array).into_iter().flatten() {
            if at(endpoint, "/conditions/ready") == Some(&Value::Bool(true)) {
                truth
                    .listed
                    .extend(at(endpoint, "/targetRef/uid").and_then(Value::as_str).map(str::to_owned));
            }
        }
    }
    for pod in cluster.peek_all(ids::PODS, Some(&app.namespace)) {
        let text = |path: &str| at(pod, path).and_then(Value::as_str);
        if at(pod, "/metadata/deletionTimestamp").is_some_and(|at| !at.is_null())
            || matches!(text("/status/phase"), Some("Failed" | "Succeeded"))
        {
            continue;
        }
        let uid = text("/metadata/uid").unwrap_or_default();
        truth.pods.insert(uid.to_owned(), pod_is_ready(pod));
        let release =
            at(pod, "/metadata/labels").and_then(|l| l.get(labels::RELEASE)).and_then(Value::as_str);
        if let Some(release) = release
            && truth.listed.contains(uid)
            && pod_is_ready(pod)
        {
            truth.served.insert(uid.to_owned(), release.into());
        }
    }
    for deployment in cluster.peek_all(ids::DEPLOYMENTS, Some(&app.namespace)) {
        let replicas = at(deployment, "/spec/replicas").and_then(Value::as_u64).unwrap_or(0);
        truth.replicas += u32::try_from(replicas).unwrap_or(u32::MAX);
        let managers = at(deployment, "/metadata/managedFields").and_then(Value::as_array);
        truth.taken |= managers.into_iter().flatten().any(|entry| {
            entry["manager"] != labels::FIELD_MANAGER && entry["fieldsV1"]["f:spec"]["f:replicas"].is_object()
        });
        truth.deployments.extend(at(deployment, "/metadata/uid").and_then(Value::as_str).map(str::to_owned));
    }
    truth
}

/// What a person would look at: the Service, its slices and the pods.
pub fn describe(cluster: &Cluster) -> String {
    let namespace = chart::app().namespace;
    let mut text = String::new();
    for service in cluster.peek_all(ids::SERVICES, Some(&namespace)) {
        text += &format!("service {} {}\n", service["metadata"]["name"], service["spec"]["selector"]);
    }
    for slice in cluster.peek_all(ids::ENDPOINT_SLICES, Some(&namespace)) {
        text += &format!(
            "slice {} of {}:",
            slice["metadata"]["name"],
            slice["metadata"]["labels"][labels::SERVICE_NAME]
        );
        for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
            text += &format!(" {}={}", endpoint["targetRef"]["name"], endpoint["conditions"]["ready"]);
        }
        text.push('\n');
    }
    for pod in cluster.peek_all(ids::PODS, Some(&namespace)) {
        text += &format!(
            "pod {} ready {} terminating {} labels {}\n",
            pod["metadata"]["name"],
            pod_is_ready(pod),
            pod["metadata"]["deletionTimestamp"].is_string(),
            pod["metadata"]["labels"]
        );
    }
    text
}

/// G and ceiling of a target, from its numbers alone.
fn bounds(target: &Target) -> (u32, u32) {
    let desired = |capacity: u8| (REPLICAS * u32::from(capacity)).div_ceil(100);
    let live: Vec<_> = target.releases.iter().filter(|r| !r.absent).collect();
    let goals = traffic_goals(live.iter().map(|r| (&r.name, desired(r.capacity), r.traffic.unwrap_or(0))));
    let total: u32 = live.iter().map(|r| desired(r.capacity)).sum();
    (goals.total, total.max(REPLICAS) + target.surge.pods(REPLICAS))
}

/// The goals of a target, per release.
pub fn goals(target: &Target) -> BTreeMap<ReleaseName, u32> {
    let desired = |capacity: u8| (REPLICAS * u32::from(capacity)).div_ceil(100);
    let live: Vec<_> = target.releases.iter().filter(|r| !r.absent).collect();
    traffic_goals(live.iter().map(|r| (&r.name, desired(r.capacity), r.traffic.unwrap_or(0)))).by_release
}

/// What a target asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    since: Duration,
    /// G.
    goal: u32,
    ceiling: u32,
    settle: Duration,
}

/// Watches one cluster.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Targets the agent worked on lately.
    targets: VecDeque<Asked>,
    before: Truth,
    /// The version of the cluster at which that was so: where nothing was written since, it is so now.
    version: Option<u64>,
    /// Pods that failed by themselves.
    failed: BTreeSet<String>,
    /// When serving pods failed by themselves lately: what was decided before anybody could know is no fault.
    failures: VecDeque<Duration>,
    /// When pods failed by themselves, ever.
    lately: Vec<Duration>,
    /// A person broke the Service or its labels: until traffic is whole again nothing can be said.
    disturbed: Option<Duration>,
    /// A person set the replicas.
    scaled: Option<Duration>,
    /// When replicas that another set were last put back.
    taken_back: Option<Duration>,
    pods: Pods,
    settled: Settled,
}

impl Monitor {
    pub fn target(&mut self, target: &Target, now: Duration) {
        let (goal, ceiling) = bounds(target);
        // Who is to be gone need not settle.
        let settle = if target.absent { Duration::ZERO } else { target.settle_seconds.into() };
        let asked = Asked { since: now, goal, ceiling, settle };
        if self.targets.back().is_none_or(|last| Asked { since: now, ..*last } != asked) {
            self.targets.push_back(asked);
        }
    }

    pub fn pod_failed(&mut self, cluster: &Cluster, uid: &str) {
        let now = cluster.now();
        // Slices lag: one that is to serve may be listed after it failed, and be counted on.
        let is_to_serve = cluster
            .peek_all(ids::PODS, Some(&chart::app().namespace))
            .into_iter()
            .any(|pod| pod["metadata"]["uid"] == uid && pod["metadata"]["labels"][labels::TRAFFIC] == "true");
        if is_to_serve || self.before.served.contains_key(uid) {
            self.failures.push_back(now);
        }
        self.failed.insert(uid.to_owned());
        self.lately.push(now);
    }

    pub fn disturb(&mut self, now: Duration) {
        self.disturbed = Some(now);
    }

    pub fn scaled(&mut self, now: Duration) {
        self.scaled = Some(now);
        self.disturb(now);
    }

    /// Judges the cluster after an event.
    pub fn check(&mut self, cluster: &Cluster) -> Result<(), String> {
        let now = cluster.now();
        while self.targets.len() > 1 && self.targets[1].since + MEMORY < now {
            self.targets.pop_front();
        }
        let news = (self.version != Some(cluster.version())).then(|| truth(cluster));
        let truth = news.as_ref().unwrap_or(&self.before);
        let floor = self.targets.iter().map(|asked| asked.goal).min().unwrap_or(0);
        let ceiling = self.targets.iter().map(|asked| asked.ceiling).max().unwrap_or(u32::MAX);
        while self.failures.front().is_some_and(|at| *at + NEWS < now) {
            self.failures.pop_front();
        }
        let serving = u32::try_from(truth.served.len() + self.failures.len()).unwrap_or(u32::MAX);
        let newest_goal = self.targets.back().map_or(0, |asked| asked.goal);
        if serving >= newest_goal && self.disturbed.is_some_and(|since| since + AFTERMATH < now) {
            self.disturbed = None;
        }
        // [C2] floor: no pod is taken out of traffic below the floor, unless it failed by itself.
        if serving < floor && self.disturbed.is_none() {
            let taken: Vec<&String> = self
                .before
                .served
                .keys()
                .filter(|uid| !truth.served.contains_key(*uid) && !self.failed.contains(*uid))
                .collect();
            if !taken.is_empty() {
                return Err(format!(
                    "C2 floor: {serving} ready pods with traffic, {floor} are to stay; taken: {taken:?} of {:?}",
                    self.before.served.values().collect::<Vec<_>>()
                ));
            }
        }
        // [C2] ceiling: nothing is raised above it.
        if truth.replicas <= ceiling {
            self.scaled = self.scaled.filter(|since| *since + AFTERMATH > now);
        } else if truth.replicas > self.before.replicas && self.scaled.is_none() {
            return Err(format!(
                "C2 ceiling: replicas raised from {} to {}, at most {ceiling}",
                self.before.replicas, truth.replicas
            ));
        }
        if news.is_some() {
            self.pods.check((&self.before, truth), ceiling, self.scaled.is_some(), now)?;
            let settle = self.targets.iter().map(|asked| asked.settle).min();
            // What another added goes at once [C7], whenever a policy lets it be taken back.
            let taken_back = self.before.taken && !truth.taken;
            self.taken_back = Some(now).filter(|_| taken_back).or(self.taken_back);
            let goes = self.taken_back.is_some_and(|since| since + AFTERMATH > now);
            let settle = settle.filter(|_| self.disturbed.is_none() && self.scaled.is_none() && !goes);
            self.settled.check((&self.before, truth), settle, &self.failed, now)?;
        }
        if let Some(truth) = news {
            (self.before, self.version) = (truth, Some(cluster.version()));
        }
        Ok(())
    }

    /// Whether the cluster serves with so many pods, those aside that failed by themselves and are there still or failed just now, and those
    /// that cannot run.
    pub fn serves_enough(&self, cluster: &Cluster, least: u32) -> Result<(), String> {
        let floor = self.targets.iter().map(|asked| asked.goal).min().unwrap_or(least).min(least);
        let serving = truth(cluster).served.len();
        let fails = |pod: &Value| {
            let uid = at(pod, "/metadata/uid").and_then(Value::as_str);
            let waiting = at(pod, "/status/containerStatuses/0/state/waiting").is_some();
            waiting || uid.is_some_and(|uid| self.failed.contains(uid))
        };
        let namespace = chart::app().namespace;
        let pods = cluster.peek_all(ids::PODS, Some(&namespace));
        let limping = pods.filter(|pod| fails(pod)).count();
        let lately = self.lately.iter().filter(|at| **at + RECOVERY > cluster.now()).count();
        let enough = serving + limping + lately >= floor as usize || self.disturbed.is_some();
        if enough {
            Ok(())
        } else {
            Err(format!("serves with {serving} of {floor} pods, {limping} of them limp"))
        }
    }

    /// Whether a release has ready pods with traffic.
    pub fn serves(&self, release: &ReleaseName) -> bool {
        self.before.served.values().any(|served| served == release)
    }
}
