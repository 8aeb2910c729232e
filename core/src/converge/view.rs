//! The releases of a target side by side with what is seen of them: what the other rooms of convergence work on.

use super::adopt::keeps_selector;
use super::applyset::applyset_id;
use super::autoscaler::{Autoscaler, autoscaler};
use super::{Goals, PROPAGATION, UNREADY_GRACE, Wanted, traffic_goals};
use crate::intent::TrafficMode;
use crate::manifest::{ManifestObject, Manifests};
use crate::observe::{Live, Lowered, Observed, Pod};
use crate::state::TargetRelease;
use crate::{ReleaseName, labels};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One Deployment of one release.
pub(super) struct Workload<'a> {
    pub(super) release: &'a TargetRelease,
    pub(super) manifest: &'a ManifestObject,
    /// Name without the release's suffix: Deployments that replace one another share it.
    pub(super) base: String,
    pub(super) live: Option<&'a Live>,
    /// Pods that are not terminating.
    pub(super) pods: Vec<&'a Pod>,
    /// What percentages are taken of: the rendered replicas, with an autoscaler its base.
    pub(super) rendered: u32,
    /// ceil(rendered × percent / 100); with an autoscaler the larger of its minimum and `spec.replicas` [C3].
    pub(super) desired: u32,
    /// What follows the load within the release.
    pub(super) autoscaler: Option<Autoscaler<'a>>,
    /// The traffic Service selects its pods.
    pub(super) serves: bool,
    /// It was lowered, and the ReplicaSet controller may be about to take pods, or may still make those of the larger count.
    pub(super) lowering: Option<Lowered>,
}

impl Workload<'_> {
    /// `spec.replicas` as seen; 0 where the Deployment is not there.
    pub(super) fn replicas(&self) -> u32 {
        self.live.and_then(Live::deployment).map_or(0, |d| d.replicas)
    }

    /// Whether our field manager owns `spec.replicas`; so it does as long as nobody has changed it.
    pub(super) fn owns_replicas(&self) -> bool {
        self.live.and_then(Live::deployment).is_none_or(|d| d.owns_replicas)
    }

    /// Whether another manager set `spec.replicas` that has no business to [C7]; an autoscaler has [C3].
    pub(super) fn replicas_taken(&self) -> bool {
        !self.owns_replicas() && self.autoscaler.is_none()
    }

    /// The pods that it has, is asked to have or may get all the same, whichever are more [C2].
    pub(super) fn footprint(&self) -> u32 {
        let told = self.live.and_then(Live::deployment).map_or(0, |d| d.total);
        let coming = self.lowering.filter(|lowered| lowered.unclear).map_or(0, |lowered| lowered.from);
        self.replicas().max(count(self.pods.len())).max(told).max(coming)
    }

    pub(super) fn min_ready(&self) -> Duration {
        Duration::from_secs(self.manifest.min_ready_seconds().into())
    }
}

/// Everything converge looks at, computed once.
pub(super) struct View<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) observed: &'a Observed,
    pub(super) now: Timestamp,
    /// The application's ApplySet ID: what carries it is ours.
    pub(super) own: String,
    /// Deployments of all releases of the target whose manifests are known, tombstones aside; newest release first.
    pub(super) workloads: Vec<Workload<'a>>,
    /// The release whose traffic objects are applied [C11].
    pub(super) lead: Option<&'a TargetRelease>,
    /// The release whose traffic Service is applied: the one that the Service still selects, until the selector moves on; then the lead.
    pub(super) front: Option<&'a TargetRelease>,
    /// The Service that takes the traffic, from that release's manifests; `None` where traffic is not managed.
    pub(super) service: Option<&'a ManifestObject>,
    /// The target gives weights to releases whose pods no Service would bring any traffic to.
    pub(super) service_missing: bool,
    /// The traffic Service was there before and still has the selector that it had [C8].
    pub(super) old_selector: bool,
    pub(super) goals: Goals,
    /// Pods that are ready in the traffic Service's EndpointSlices.
    pub(super) endpoints: BTreeSet<&'a str>,
}

impl<'a> View<'a> {
    pub(super) fn new(wanted: Wanted<'a>, observed: &'a Observed, now: Timestamp) -> Self {
        let lead = lead(wanted);
        let managed = wanted.target.traffic == TrafficMode::PodLabels
            && wanted.target.releases.iter().any(|r| r.traffic.is_some());
        let front = selected_release(wanted, observed, lead).or(lead);
        let of = |release: Option<&'a TargetRelease>| wanted.manifests.get(&release?.name);
        let service = of(front).filter(|_| managed).and_then(Manifests::traffic_service);
        let service_missing =
            managed && service.is_none() && of(front).is_some_and(|m| m.deployments().next().is_some());
        let mut workloads = Vec::new();
        for release in wanted.target.releases.iter().rev().filter(|r| !r.absent) {
            let Some(manifests) = wanted.manifests.get(&release.name) else { continue };
            let selector =
                manifests.traffic_service().filter(|_| managed).map(ManifestObject::service_selector);
            for manifest in manifests.deployments() {
                workloads.push(workload((wanted, release), manifest, selector.as_ref(), observed, now));
            }
        }
        let serving: BTreeMap<&ReleaseName, u32> =
            workloads.iter().filter(|w| w.serves).fold(BTreeMap::new(), |mut sums, w| {
                *sums.entry(&w.release.name).or_default() += w.desired;
                sums
            });
        let goals = traffic_goals(
            wanted
                .target
                .releases
                .iter()
                .filter(|r| !r.absent)
                .map(|r| (&r.name, serving.get(&r.name).copied().unwrap_or(0), r.traffic.unwrap_or(0))),
        );
        let endpoints = service
            .and_then(|s| Some(observed.endpoints(&s.key.name, &observed.objects.get(&s.key)?.uid)))
            .unwrap_or_default();
        let old_selector = service.is_some_and(|service| keeps_selector(service, observed));
        Self {
            wanted,
            observed,
            now,
            own: applyset_id(&wanted.target.application),
            workloads,
            lead,
            front,
            service,
            service_missing,
            old_selector,
            goals,
            endpoints,
        }
    }

    /// The pod is ready for as long as its Deployment asks.
    pub(super) fn available(&self, workload: &Workload<'_>, pod: &Pod) -> bool {
        pod.ready && self.elapsed(pod.ready_changed) >= workload.min_ready()
    }

    /// The pod is unready for so long that it gives way.
    pub(super) fn stale(&self, pod: &Pod) -> bool {
        !pod.ready && self.elapsed(pod.ready_changed) >= UNREADY_GRACE
    }

    /// A ready pod with traffic [C5]: available, ready in the Service's EndpointSlices, and still selected: what was taken from the selection
    /// a moment ago may be listed for a little longer, but is not to be relied on.
    pub(super) fn served(&self, workload: &Workload<'_>, pod: &Pod) -> bool {
        let selected = match self.corked() {
            Some(release) => pod.release.as_str() == release,
            None => pod.serving,
        };
        workload.serves
            && selected
            && self.available(workload, pod)
            && self.endpoints.contains(pod.name.as_str())
    }

    /// How long ago a moment was; a moment of the future was just now.
    pub(super) fn elapsed(&self, since: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(since)).unwrap_or_default()
    }

    /// Since when a pod is in no slice of the traffic Service; `None` = it is in one. As long as it had the label, or the Service selected
    /// it otherwise, it may have been in one that is still to be seen.
    pub(super) fn out_since(&self, pod: &Pod) -> Option<Timestamp> {
        if self.endpoints.contains(pod.name.as_str()) {
            return None;
        }
        let moved = self.selects_since().filter(|moved| *moved > pod.seen_since);
        // Where no slice has said so since, the endpoint controller may not have followed yet.
        let lost = pod.unlabelled.max(moved).map(|lost| lost.saturating_add(PROPAGATION).unwrap_or(lost));
        let left = self.left(pod).filter(|left| pod.unlabelled.max(moved).is_none_or(|lost| *left >= lost));
        Some(left.or(lost).unwrap_or(pod.seen_since))
    }

    /// How long a pod stays out of the EndpointSlices before it may go.
    pub(super) fn settle(&self) -> Duration {
        self.wanted.target.settle_seconds.into()
    }

    /// When a pod was last seen to leave the slices of the traffic Service.
    pub(super) fn left(&self, pod: &Pod) -> Option<Timestamp> {
        self.service.and_then(|service| pod.left.get(&service.key.name)).copied()
    }

    /// Pods of Deployments that serve, with their Deployment.
    pub(super) fn serving_pods(&self) -> impl Iterator<Item = (&Workload<'a>, &'a Pod)> {
        self.workloads.iter().filter(|w| w.serves).flat_map(|w| w.pods.iter().map(move |pod| (w, *pod)))
    }

    /// The one release that has weight; `None` where none or several have.
    pub(super) fn sole(&self) -> Option<&'a TargetRelease> {
        let mut weighted = self
            .wanted
            .target
            .releases
            .iter()
            .filter(|r| !r.absent && r.traffic.is_some_and(|weight| weight > 0));
        weighted.next().filter(|_| weighted.next().is_none())
    }

    /// The live traffic Service.
    pub(super) fn live_service(&self) -> Option<&'a Live> {
        self.observed.objects.get(&self.service?.key)
    }

    /// Since when the live traffic Service selects as it does.
    pub(super) fn selects_since(&self) -> Option<Timestamp> {
        self.live_service()?.service()?.selects_since
    }

    /// The release that the live Service selects by label.
    pub(super) fn corked(&self) -> Option<&'a str> {
        self.live_service()?.service()?.selector.get(labels::RELEASE).map(String::as_str)
    }

    /// Ready pods of the release are to go.
    pub(super) fn lowers(&self, release: &ReleaseName) -> bool {
        let mut own = self.workloads.iter().filter(|w| w.serves && w.release.name == *release);
        own.any(|w| w.replicas() > w.desired && !w.replicas_taken())
    }

    /// The Service selects this release, and is to select by label.
    pub(super) fn uncorks(&self, release: &ReleaseName) -> bool {
        self.corked() == Some(release.as_str())
            && (self.lowers(release) || self.sole().is_none_or(|sole| sole.name != *release))
    }

    /// The Service selects this release, which has fewer ready pods than are to have traffic: one that becomes ready serves at once, and is
    /// to go on serving when the labels take over [C2, C6].
    pub(super) fn counts_on_unready(&self, release: &ReleaseName) -> bool {
        let ready = || self.serving_pods().filter(|(w, pod)| w.release.name == *release && pod.ready).count();
        self.corked() == Some(release.as_str()) && count(ready()) < self.goals.total
    }

    /// Whether the release has any object or pod in the cluster.
    pub(super) fn present(&self, release: &ReleaseName) -> bool {
        self.observed.objects.values().any(|live| live.release.as_ref() == Some(release))
            || self.observed.pods.values().any(|pod| pod.release == *release)
    }
}

/// The release of the target that the live traffic Service selects by label: its ports go with its pods, so its version of the Service
/// stays until the selector moves on.
fn selected_release<'a>(
    wanted: Wanted<'a>,
    observed: &Observed,
    lead: Option<&'a TargetRelease>,
) -> Option<&'a TargetRelease> {
    let service = wanted.manifests.get(&lead?.name)?.traffic_service()?;
    let selector = &observed.objects.get(&service.key)?.service()?.selector;
    let name = selector.get(labels::RELEASE)?;
    let release = wanted.target.releases.iter().find(|r| r.name.as_str() == name && !r.absent)?;
    let own = wanted.manifests.get(&release.name)?.traffic_service()?;
    (own.key == service.key).then_some(release)
}

/// The release with the largest weight, the older on a tie [C11]; without any traffic in the target, the newest with capacity.
fn lead(wanted: Wanted<'_>) -> Option<&TargetRelease> {
    let live = || wanted.target.releases.iter().filter(|r| !r.absent);
    let weighted = live().filter_map(|r| Some((r.traffic?, r)));
    // `max_by_key` keeps the last of equals; reversed, that is the oldest.
    let heaviest = weighted.rev().max_by_key(|(weight, _)| *weight);
    match heaviest {
        Some((weight, release)) if weight > 0 => Some(release),
        _ => live().rev().find(|r| r.capacity > 0).or_else(|| live().next_back()),
    }
}

fn workload<'a>(
    (wanted, release): (Wanted<'a>, &'a TargetRelease),
    manifest: &'a ManifestObject,
    selector: Option<&BTreeMap<String, String>>,
    observed: &'a Observed,
    now: Timestamp,
) -> Workload<'a> {
    let template = manifest.pod_labels();
    let matches = |selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>| {
        selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let own = match_labels(manifest);
    let pods = observed
        .pods
        .values()
        .filter(|pod| !pod.terminating && pod.release == release.name && matches(&own, &pod.labels))
        .collect();
    let live = observed.objects.get(&manifest.key);
    let autoscaler = autoscaler(wanted, observed, release, manifest);
    let rendered = autoscaler.as_ref().map_or_else(|| manifest.replicas(), |scaler| scaler.base);
    let desired = match &autoscaler {
        Some(scaler) if release.capacity > 0 => {
            scaler.minimum.max(live.and_then(Live::deployment).map_or(0, |d| d.replicas))
        }
        _ => share(rendered, release.capacity),
    };
    Workload {
        lowering: live.and_then(Live::deployment).and_then(|d| d.lowering(now)),
        release,
        manifest,
        base: manifest.key.base_name(&release.name),
        live,
        pods,
        rendered,
        desired,
        autoscaler,
        serves: selector.is_some_and(|selector| matches(selector, &template)),
    }
}

fn match_labels(manifest: &ManifestObject) -> BTreeMap<String, String> {
    manifest
        .value
        .pointer("/spec/selector/matchLabels")
        .and_then(serde_json::Value::as_object)
        .map(|map| map.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect())
        .unwrap_or_default()
}

/// ceil(pods × percent / 100).
pub(super) fn share(pods: u32, percent: u8) -> u32 {
    (u64::from(pods) * u64::from(percent)).div_ceil(100).try_into().unwrap_or(u32::MAX)
}

pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
