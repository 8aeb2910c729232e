//! What is being rendered, and what was rendered and is not committed yet.

use super::compose::Rendered;
use crate::backoff::Backoff;
use crate::fleet::AppState;
use crate::render::charts::Charts;
use crate::render::{RenderRequest, Renderer, Source};
use shipper_core::AppKey;
use shipper_core::intent::{Application, StrategySpec, TrafficMode};
use shipper_core::manifest::Manifests;
use shipper_core::plan::{AppPlan, Intent, Variant};
use shipper_core::resources::{Resources, of_manifests};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What an application allows; another answer makes another rendering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) cluster_scope: bool,
    pub(super) secrets: bool,
    mode: TrafficMode,
    traffic_named: bool,
}

impl Allowed {
    pub(super) fn by(intent: &Intent) -> Self {
        let spec = &intent.application.spec;
        Self {
            cluster_scope: spec.allow_cluster_scope,
            secrets: spec.allow_secrets,
            mode: spec.traffic,
            traffic_named: intent.strategy.as_ref().is_some_and(StrategySpec::manages_traffic),
        }
    }
}

/// Whether a Service has to take the release's traffic.
pub(super) fn manages_traffic(application: &Application, strategy: &StrategySpec) -> bool {
    application.spec.traffic == TrafficMode::PodLabels && strategy.manages_traffic()
}

/// Where a rendering's input comes from.
#[derive(Debug)]
pub(super) enum Input {
    /// It is at hand, or cannot be used for a reason that lasts.
    Here(Result<Source, String>),
    /// An archive of a chart repository.
    Archive { repo_url: String, name: String, version: String },
}

/// One rendering to be done.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) app: AppKey,
    pub(super) variant: Variant,
    pub(super) allowed: Allowed,
    pub(super) input: Input,
    /// Its `source` is filled in from `input`.
    pub(super) request: RenderRequest,
}

/// What came of a [`Job`].
#[derive(Debug)]
pub(super) struct Done {
    pub(super) app: AppKey,
    variant: Variant,
    allowed: Allowed,
    result: Result<Made, Failed>,
}

/// What was rendered.
#[derive(Debug)]
struct Made {
    bytes: Arc<[u8]>,
    /// What all its pods ask for.
    requests: Resources,
}

impl Made {
    fn of(bytes: Vec<u8>) -> Self {
        // What the renderer made can be read.
        let requests = Manifests::parse(&bytes).map(|read| of_manifests(&read)).unwrap_or_default();
        Self { bytes: bytes.into(), requests }
    }
}

#[derive(Debug)]
struct Failed {
    message: String,
    /// The same again on any machine.
    permanent: bool,
}

impl Done {
    /// What was rendered, or why it could not be.
    pub(super) fn into_result(self) -> Result<Arc<[u8]>, String> {
        self.result.map(|made| made.bytes).map_err(|failed| failed.message)
    }
}

impl Job {
    /// Does it.
    pub(super) async fn run(mut self, renderer: &Renderer, charts: &Charts) -> Done {
        let result = self.render(renderer, charts).await;
        Done { app: self.app, variant: self.variant, allowed: self.allowed, result }
    }

    async fn render(&mut self, renderer: &Renderer, charts: &Charts) -> Result<Made, Failed> {
        let here = Input::Here(Err("taken".to_owned()));
        self.request.source = match std::mem::replace(&mut self.input, here) {
            Input::Here(source) => source.map_err(|message| Failed { message, permanent: true })?,
            Input::Archive { repo_url, name, version } => charts
                .archive(&repo_url, &name, &version)
                .await
                .map(Source::Archive)
                .map_err(|error| Failed { message: error.to_string(), permanent: error.is_permanent() })?,
        };
        match renderer.render(&self.request).await {
            Ok(bytes) => Ok(Made::of(bytes)),
            Err(error) => Err(Failed { message: error.to_string(), permanent: error.is_permanent() }),
        }
    }
}

#[derive(Debug)]
enum Entry {
    /// With why it could not be rendered the last time, which is true until it can.
    Running(Backoff, Option<String>),
    Rendered(Made),
    Failed(String),
    /// Tried again once the back-off is over.
    Waiting(Backoff, String),
}

#[derive(Debug)]
struct OfApp {
    allowed: Allowed,
    entries: BTreeMap<Variant, Entry>,
}

/// What is being rendered, and what was and is not committed yet.
#[derive(Debug, Default)]
pub(super) struct Renders(BTreeMap<AppKey, OfApp>);

impl Renders {
    /// Drops what was rendered under other permissions.
    pub(super) fn under(&mut self, app: &AppKey, allowed: Allowed) {
        if self.0.get(app).is_some_and(|of| of.allowed != allowed) {
            self.0.remove(app);
        }
    }

    /// The manifests at hand, for the plan: those in Git and those here.
    pub(super) fn at_hand(&self, app: &AppKey, state: &AppState) -> BTreeMap<Variant, Result<(), String>> {
        let mut known: BTreeMap<Variant, Result<(), String>> =
            state.manifests.keys().map(|variant| (variant.clone(), Ok(()))).collect();
        for (variant, entry) in self.0.get(app).into_iter().flat_map(|of| &of.entries) {
            match entry {
                Entry::Rendered(_) => drop(known.entry(variant.clone()).or_insert(Ok(()))),
                Entry::Failed(message) => drop(known.entry(variant.clone()).or_insert(Err(message.clone()))),
                Entry::Running(..) | Entry::Waiting(..) => {}
            }
        }
        known
    }

    /// What was rendered, for the commit.
    pub(super) fn rendered(&self, app: &AppKey) -> Rendered {
        let entries = self.0.get(app).into_iter().flat_map(|of| &of.entries);
        entries
            .filter_map(|(variant, entry)| match entry {
                Entry::Rendered(made) => Some((variant.clone(), Arc::clone(&made.bytes))),
                _ => None,
            })
            .collect()
    }

    /// What the pods of freshly rendered manifests ask for.
    pub(super) fn requests(&self, app: &AppKey) -> BTreeMap<Variant, Resources> {
        let entries = self.0.get(app).into_iter().flat_map(|of| &of.entries);
        entries
            .filter_map(|(variant, entry)| match entry {
                Entry::Rendered(made) => Some((variant.clone(), made.requests.clone())),
                _ => None,
            })
            .collect()
    }

    /// Whether a rendering that is needed has to be started now; it is taken to be running then.
    pub(super) fn start(&mut self, app: &AppKey, variant: &Variant, allowed: Allowed, now: Instant) -> bool {
        let of = self.0.entry(app.clone()).or_insert(OfApp { allowed, entries: BTreeMap::new() });
        let running = match of.entries.get(variant) {
            None => Entry::Running(Backoff::new(Duration::from_secs(1), Duration::from_secs(300)), None),
            Some(Entry::Waiting(backoff, message)) if !backoff.holds(now) => {
                Entry::Running(backoff.clone(), Some(message.clone()))
            }
            Some(_) => return false,
        };
        of.entries.insert(variant.clone(), running);
        true
    }

    /// Takes in what came of a job; for a fault of this machine, when to try again.
    pub(super) fn finish(&mut self, done: Done, now: Instant) -> Option<Duration> {
        let of = self.0.get_mut(&done.app).filter(|of| of.allowed == done.allowed)?;
        let Some(Entry::Running(backoff, _)) = of.entries.get_mut(&done.variant) else { return None };
        let mut wait = None;
        let entry = match done.result {
            Ok(made) => Entry::Rendered(made),
            Err(Failed { message, permanent: true }) => Entry::Failed(message),
            Err(Failed { message, .. }) => {
                wait = Some(backoff.failed(now, None));
                Entry::Waiting(backoff.clone(), message)
            }
        };
        of.entries.insert(done.variant, entry);
        wait
    }

    /// A rendering that was started could not be.
    pub(super) fn forget(&mut self, app: &AppKey, variant: &Variant) {
        if let Some(of) = self.0.get_mut(app) {
            of.entries.remove(variant);
        }
    }

    /// Why renderings of an application wait, in words.
    pub(super) fn waiting(&self, app: &AppKey) -> Option<String> {
        let entries = self.0.get(app)?.entries.iter();
        entries.into_iter().find_map(|((release, _), entry)| match entry {
            Entry::Waiting(_, message) | Entry::Running(_, Some(message)) => {
                Some(format!("{release}: {message}; tried again by itself"))
            }
            _ => None,
        })
    }

    /// Forgets what is committed and what no plan asks for any more.
    pub(super) fn tidy(&mut self, app: &AppKey, state: &AppState, plan: &AppPlan) {
        let Some(of) = self.0.get_mut(app) else { return };
        of.entries.retain(|variant, _| {
            // A plan asks for what is missing alone: the rest of a release is kept until all of it is there.
            let needed = plan.renders.iter().any(|need| need.release.name == variant.0);
            let committed = state.manifests.contains_key(variant);
            !committed && (needed || plan.releases.contains_key(&variant.0))
        });
        if of.entries.is_empty() {
            self.0.remove(app);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use shipper_core::plan::RenderNeed;
    use shipper_core::state::ReleaseRecord;

    fn app() -> AppKey {
        AppKey::new("web", "hello")
    }

    fn release() -> ReleaseRecord {
        sample::release(&app())
    }

    fn asking_for(variants: &[&Option<String>]) -> AppPlan {
        let need = |variant: &&Option<String>| RenderNeed {
            release: release(),
            variant: (*variant).clone(),
            values: serde_json::Map::new(),
        };
        let mut plan = sample::plan(&app());
        plan.renders = variants.iter().map(need).collect();
        plan
    }

    fn allowed() -> Allowed {
        Allowed { cluster_scope: false, secrets: false, mode: TrafficMode::None, traffic_named: false }
    }

    #[test]
    fn what_was_wrong_is_said_until_it_is_not_wrong_any_more() {
        let (mut renders, now, variant) = (Renders::default(), Instant::now(), (release().name, None));
        let done = |result| Done { app: app(), variant: variant.clone(), allowed: allowed(), result };
        assert!(renders.start(&app(), &variant, allowed(), now));
        assert_eq!(renders.waiting(&app()), None);
        let away = || Err(Failed { message: "the repository is away".to_owned(), permanent: false });
        let wait = renders.finish(done(away()), now).unwrap();
        assert!(renders.waiting(&app()).is_some());
        assert!(renders.start(&app(), &variant, allowed(), now + wait));
        assert!(renders.waiting(&app()).is_some_and(|said| said.contains("is away")), "it is tried again");
        renders.finish(done(Ok(Made::of(b"{}".to_vec()))), now + wait);
        assert_eq!(renders.waiting(&app()), None);
    }

    #[test]
    fn what_is_rendered_of_a_release_waits_for_the_rest_of_it() {
        let allowed = allowed();
        let (plain, other) = (None, Some("deadbeef".to_owned()));
        let (mut renders, now, nothing) = (Renders::default(), Instant::now(), AppState::default());
        let variant = |values: &Option<String>| (release().name, values.clone());
        for values in [&plain, &other] {
            assert!(renders.start(&app(), &variant(values), allowed, now));
        }
        for (finished, missing) in [(&plain, vec![&other]), (&other, vec![])] {
            let result = Ok(Made::of(b"{}".to_vec()));
            renders.finish(Done { app: app(), variant: variant(finished), allowed, result }, now);
            if !missing.is_empty() {
                // The plan that follows asks for what is missing alone.
                renders.tidy(&app(), &nothing, &asking_for(&missing));
            }
        }
        let at_hand = renders.at_hand(&app(), &nothing);
        assert!([&plain, &other].iter().all(|values| at_hand.contains_key(&variant(values))), "{at_hand:?}");
        renders.tidy(&app(), &nothing, &asking_for(&[]));
        assert!(renders.at_hand(&app(), &nothing).is_empty(), "no plan asks for the release any more");
    }
}
