//! What the agent has seen, object by object: a real index for each, for what is seen of one depends on its own events alone (of a pod, on
//! slices too, as far as they list it). Each is kept once and named by a number, with its moments as far back as they can matter; what is
//! seen of all is put together from these.

use super::objects::{Objects, SLOTS, pod_name};
use super::script::{LAG, NAME, RELEASES, SETTLE, app, tick};
use super::world::{Deployment, Face, Selector};
use jiff::{SignedDuration, Timestamp};
use shipper_core::converge::UNREADY_GRACE;
use shipper_core::manifest::ObjectKey;
use shipper_core::observe::{Index, Observed, View};
use std::collections::HashMap;

/// When it is now, whenever that is.
pub const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);
/// Steps of time after which it does not matter how many more there were, but for pods that are not ready.
const OLD: u8 = LAG + SETTLE;

/// What is seen of every object, by number; 0 = nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    pub pods: [u32; SLOTS],
    pub deployments: [u32; RELEASES],
    pub service: u32,
    pub shadow: u32,
}

/// Something that the agent learns of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// A step of time.
    Tick,
    /// So much time that whatever is not ready now has been so for long.
    Long,
    Pod(usize, Face),
    /// It has just given the traffic label, or taken it.
    Labelled(usize, Face),
    PodGone(usize),
    /// A slice of the traffic Service (`None`) or of a shadow lists the pod, or not.
    Listed(usize, Option<u8>, bool),
    /// A slice of a shadow is gone.
    SliceGone(u8),
    Deployment(usize, Deployment),
    /// It was looked at because a write was refused.
    Found(usize, Deployment),
    /// It was looked for because a write was refused.
    NotFound(usize),
    Deleting(usize, Deployment),
    DeploymentGone(usize, Deployment),
    Service(Selector),
    Shadow(u8),
    ShadowDeleting(u8),
    ShadowGone(u8),
}

/// One object as it is seen.
#[derive(Clone)]
struct One {
    index: Index,
    now: Timestamp,
    version: u64,
}

/// Everything that was ever seen of anything.
pub struct Sights {
    pub objects: Objects,
    /// Where nothing of the application is there but its inventory.
    base: Observed,
    all: Vec<One>,
    /// As it is seen at [`NOW`].
    parts: Vec<Observed>,
    numbers: HashMap<String, u32>,
    next: HashMap<(u32, News), u32>,
}

impl Sights {
    /// Nothing but number 0, which is nothing.
    pub fn new(objects: Objects, base: Observed) -> Self {
        let mut index = Index::new();
        index.register(&app());
        let mut sights = Self {
            objects,
            base,
            all: Vec::new(),
            parts: Vec::new(),
            numbers: HashMap::new(),
            next: HashMap::new(),
        };
        sights.keep(One { index, now: NOW, version: 1 });
        sights
    }

    /// What is seen of an object once this is known of it.
    pub fn hear(&mut self, seen: u32, news: News) -> u32 {
        if let Some(known) = self.next.get(&(seen, news)) {
            return *known;
        }
        let mut one = self.all[seen as usize].clone();
        self.tell(&mut one, news);
        let number = self.keep(one);
        self.next.insert((seen, news), number);
        number
    }

    /// What is seen of everything.
    pub fn observed(&self, seen: &Seen) -> Observed {
        let mut whole = self.base.clone();
        let numbers = seen.pods.iter().chain(&seen.deployments).chain([&seen.service, &seen.shadow]);
        for number in numbers {
            let part = &self.parts[*number as usize];
            whole.objects.extend(part.objects.clone());
            whole.pods.extend(part.pods.clone());
            whole.deleting.extend(part.deleting.iter().cloned());
            for (name, slice) in &part.slices {
                let known = whole.slices.entry(name.clone()).or_insert_with(|| slice.clone());
                known.ready.extend(slice.ready.iter().cloned());
            }
        }
        whole
    }

    fn tell(&self, one: &mut One, news: News) {
        let (app, objects) = (app(), &self.objects);
        one.version += 1;
        let (index, now, version) = (&mut one.index, one.now, one.version);
        match news {
            News::Tick => one.now += tick(),
            News::Long => one.now += UNREADY_GRACE,
            News::Pod(slot, face) => drop(index.apply(&objects.pod(slot, face, version), now)),
            News::Labelled(slot, face) => {
                index.labelled(&app, &pod_name(slot), face.is_labelled(), now);
                index.apply(&objects.pod(slot, face, version), now);
            }
            News::PodGone(slot) => drop(index.delete(&objects.pod(slot, Face::default(), version), now)),
            News::Listed(slot, shadow, listed) => {
                let ready: Vec<_> = listed.then(|| pod_name(slot)).into_iter().collect();
                index.apply(&objects.slice(shadow, &ready), now);
            }
            News::SliceGone(shadow) => drop(index.delete(&objects.slice(Some(shadow), &[]), now)),
            News::Deployment(number, deployment) => {
                index.apply(&objects.deployment(number, deployment, version), now);
            }
            News::Found(number, deployment) => {
                let object = objects.deployment(number, deployment, version);
                ObjectKey::of(&object).iter().for_each(|key| index.forget(&app, key));
                index.apply(&object, now);
            }
            News::NotFound(number) => {
                let object = objects.deployment(number, Deployment::default(), version);
                ObjectKey::of(&object).iter().for_each(|key| index.forget(&app, key));
            }
            News::Deleting(number, deployment) => {
                let object = objects.deployment(number, deployment, version);
                let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
                ObjectKey::of(&object).iter().for_each(|key| index.deleting(&app, key, &uid));
            }
            News::DeploymentGone(number, deployment) => {
                index.delete(&objects.deployment(number, deployment, version), now);
            }
            News::Service(selector) => drop(index.apply(&objects.service(selector, version), now)),
            News::Shadow(number) => drop(index.apply(&objects.shadow(number, version), now)),
            News::ShadowDeleting(number) => {
                let object = objects.shadow(number, version);
                let uid = format!("shadow-{number}");
                ObjectKey::of(&object).iter().for_each(|key| index.deleting(&app, key, &uid));
            }
            News::ShadowGone(number) => drop(index.delete(&objects.shadow(number, version), now)),
        }
    }

    fn keep(&mut self, one: One) -> u32 {
        let part = at_now(&one);
        let text = format!("{part:?}");
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).expect("a small model");
        self.numbers.insert(text, number);
        self.all.push(one);
        self.parts.push(part);
        number
    }
}

/// What is seen, with its moments counted from [`NOW`] and no older than matters, and without versions.
fn at_now(one: &One) -> Observed {
    let mut part = one.index.observed(&app()).expect("a registered application").clone();
    assert!(part.repairs.is_empty() && part.failures.is_empty(), "nobody else acts here: {part:?}");
    let old = SignedDuration::try_from(tick() * u32::from(OLD)).expect("a short time");
    let long = SignedDuration::try_from(UNREADY_GRACE).expect("a short time");
    let shift = |moment: &mut Timestamp| *moment = NOW - one.now.duration_since(*moment).min(old);
    for pod in part.pods.values_mut() {
        pod.resource_version.clear();
        // Of the shadow nobody asks it.
        pod.left.retain(|service, _| service == NAME);
        pod.left.values_mut().chain(&mut pod.unlabelled).for_each(shift);
        let unready = one.now.duration_since(pod.ready_changed);
        [&mut pod.seen_since, &mut pod.mark_changed, &mut pod.ready_changed].into_iter().for_each(shift);
        if !pod.ready && unready >= long {
            pod.ready_changed = NOW - long;
        }
    }
    for live in part.objects.values_mut() {
        live.resource_version.clear();
        match &mut live.view {
            View::Deployment(deployment) => {
                deployment.raised.iter_mut().for_each(shift);
                deployment.lowered.iter_mut().for_each(|lowered| shift(&mut lowered.since));
            }
            View::Service(service) => service.selects_since.iter_mut().for_each(shift),
            _ => {}
        }
    }
    part
}
