//! Whether a cluster can hold the peak of the rollout [S1].

use super::ClusterInfo;
use super::choose::Fit;
use crate::ClusterName;
use crate::manifest::values::variant;
use crate::plan::releases::{need_of, upcoming};
use crate::plan::{Draft, RenderNeed, Variant};
use crate::resources::{PODS, Resources};
use crate::state::ReleaseRecord;
use std::borrow::Cow;

/// Most resources that a refusal names.
const NAMED: usize = 3;

/// What an application needs of a cluster; nothing is looked up before a cluster is asked about.
pub(super) struct Demand<'d, 'a> {
    draft: &'d Draft<'a>,
    /// The releases that would come.
    releases: Option<Vec<Cow<'d, ReleaseRecord>>>,
    /// What has to be rendered to know.
    pub(super) renders: Vec<RenderNeed>,
}

impl<'d, 'a> Demand<'d, 'a> {
    pub(super) fn of(draft: &'d Draft<'a>) -> Self {
        Self { draft, releases: None, renders: Vec::new() }
    }

    /// Whether the cluster can hold it.
    pub(super) fn fits(&mut self, name: &ClusterName, info: &ClusterInfo) -> Fit {
        let (input, draft) = (self.draft.input, self.draft);
        let Some(free) = input.room.free.get(name) else { return Fit::Yes };
        let placed = info.placed();
        let mut peak = Resources::default();
        for release in self.releases.get_or_insert_with(|| coming(draft)) {
            let values = variant(&release.environment, name.as_str(), &placed.labels, &placed.region);
            let key: Variant = (release.name.clone(), values);
            match release.requests_of(key.1.as_deref()).or_else(|| input.room.requests.get(&key)) {
                Some(requests) => peak.raise_to(&peak_of(release, requests)),
                // Rendered before requests were kept, or not to be rendered at all: nothing is known.
                None if input.manifests.contains_key(&key) => {}
                None => {
                    self.renders.push(need_of(release, key.1, (name.as_str(), &placed)));
                    return Fit::Unknown;
                }
            }
        }
        let short = free.short_of(&peak);
        if short.is_empty() {
            return Fit::Yes;
        }
        let named: Vec<String> = short.iter().take(NAMED).map(ToString::to_string).collect();
        Fit::No(named.join("; "))
    }
}

/// Contender and incumbent, or the release that is to be made first.
fn coming<'d>(draft: &'d Draft<'_>) -> Vec<Cow<'d, ReleaseRecord>> {
    let roles = draft.roles();
    let standing: Vec<_> =
        [roles.contender, roles.incumbent].into_iter().flatten().map(Cow::Borrowed).collect();
    if standing.is_empty() { upcoming(draft).map(Cow::Owned).into_iter().collect() } else { standing }
}

/// What a release asks for at most: all its pods, and the surge [C2].
pub fn peak_of(release: &ReleaseRecord, requests: &Resources) -> Resources {
    let pods: u64 = requests.get(PODS).to_whole();
    let rendered = u32::try_from(pods).unwrap_or(u32::MAX);
    requests.scaled(pods + u64::from(release.strategy.surge.pods(rendered)), pods)
}
