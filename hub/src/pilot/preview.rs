//! What the loop would decide on another commit of `main`: the same reading, the same rendering and the same planner, with nothing
//! written and nobody told. For `shipperctl plan`, which brings its own clone and the hub's evidence.

use super::ground::Ground;
use super::input::job;
use super::lookups::{Lookups, look_up};
use super::renders::{Allowed, Renders};
use crate::fleet::missing::{confirmed, last_version};
use crate::fleet::{AppState, FleetView, chart_to_resolve, resolve};
use crate::render::Renderer;
use crate::render::charts::Charts;
use jiff::Timestamp;
use shipper_core::api::Evidence;
use shipper_core::condition::Status;
use shipper_core::intent::{Object, load};
use shipper_core::manifest::values::merged_values;
use shipper_core::plan::{Absence, AppPlan, ClusterInfo, RenderNeed, Variant, plan, upcoming};
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipper_git::{Oid, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// Largest file of a cluster that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What would be rendered of an application.
#[derive(Debug)]
pub struct Rendering {
    /// The release that it would be; the number at its end is the next of those that the view knows.
    pub release: ReleaseName,
    /// The manifests, as the hub commits them.
    pub manifests: Arc<[u8]>,
}

/// Why nothing is rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderingError {
    /// The file is not there, or was never good.
    #[error("{app} has no file that is good: {reason}")]
    NoIntent {
        /// Which application.
        app: AppKey,
        /// What is wrong with it.
        reason: String,
    },
    /// The chart cannot be pinned.
    #[error("{0}")]
    Unresolved(String),
    /// Its strategy is not there.
    #[error(
        "strategyRef {name:?} of {app} names no file strategies/{name}.yaml; no release is made until it does"
    )]
    NoStrategy {
        /// Which application.
        app: AppKey,
        /// The name.
        name: String,
    },
    /// The renderer refuses.
    #[error("{release} cannot be rendered: {reason}")]
    Failed {
        /// What it would be.
        release: ReleaseName,
        /// Why not.
        reason: String,
    },
    /// The copy of the repository is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Decides without writing.
pub struct Preview {
    renderer: Renderer,
    charts: Charts,
    renders: Renders,
    lookups: Lookups,
}

/// What would be decided.
#[derive(Debug)]
pub struct Decision {
    /// The plan.
    pub plan: AppPlan,
    /// What was rendered for it and is in no commit yet.
    pub rendered: BTreeMap<Variant, Arc<[u8]>>,
}

impl Preview {
    /// One that renders with these.
    pub fn new(renderer: Renderer, charts: Charts) -> Self {
        Self { renderer, charts, renders: Renders::default(), lookups: Lookups::default() }
    }

    /// What the loop would render of an application: its environment as it is, or with the overrides of a cluster.
    ///
    /// # Errors
    /// When the loop would make no release of it, with the words in which it says so.
    pub async fn render(
        &mut self,
        store: &Store,
        view: &FleetView,
        app: &AppKey,
        cluster: Option<&ClusterName>,
        now: Timestamp,
    ) -> Result<Rendering, RenderingError> {
        self.pin(view, app).await;
        let intent = resolve(view, app, &self.lookups.pins);
        let problems = || {
            let conditions = view.reading(app).into_iter().filter(|one| one.status == Status::False);
            conditions.map(|condition| condition.message).collect::<Vec<_>>().join("\n")
        };
        // The last good version stays in force in the hub; who renders wants to see the one that is there.
        let refused = view.reading(app).iter().any(|one| one.status == Status::False);
        let Some(intent) = intent.filter(|_| !refused) else {
            return Err(RenderingError::NoIntent { app: app.clone(), reason: problems() });
        };
        let resolved = match &intent.environment {
            Ok(resolved) => resolved,
            Err(unresolved) => return Err(RenderingError::Unresolved(unresolved.message.clone())),
        };
        let (reports, liveness, free) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let ground = Ground {
            view,
            renders: &self.renders,
            intent: Some(&intent),
            absence: None,
            now,
            reports: &reports,
            liveness: &liveness,
            free: &free,
        };
        let Some(release) = ground.ask(app, upcoming) else {
            let name = intent.application.spec.template.strategy_ref.clone().unwrap_or_default();
            return Err(RenderingError::NoStrategy { app: app.clone(), name });
        };
        let environment = &resolved.environment;
        let in_cluster = cluster.and_then(|name| Some((name, view.objects().fleet().clusters.get(name)?)));
        let values = match in_cluster {
            None => environment.values.clone(),
            Some((name, ClusterInfo { cluster })) => {
                let labels = &cluster.metadata.labels;
                merged_values(environment, name.as_str(), labels, &cluster.spec.region)
            }
        };
        let allowed = Allowed::by(&intent);
        let need = RenderNeed { release, variant: None, values };
        let done =
            job(view, store, app, &intent.application, &need, allowed)?.run(&self.renderer, &self.charts);
        let release = need.release.name.clone();
        match done.await.into_result() {
            Ok(manifests) => Ok(Rendering { release, manifests }),
            Err(reason) => Err(RenderingError::Failed { release, reason }),
        }
    }

    /// Looks up the version of a chart that is a range.
    async fn pin(&mut self, view: &FleetView, app: &AppKey) {
        if let Some(chart) = chart_to_resolve(view, app, &self.lookups.pins).cloned()
            && self.lookups.start(&chart, app, Instant::now())
        {
            let found = look_up(app.clone(), chart, &self.charts).await;
            self.lookups.finish(found, Instant::now());
        }
    }

    /// What the loop would decide on an application at the commits that the view has read. `store` has their history.
    ///
    /// # Errors
    /// When the store is damaged.
    pub async fn decide(
        &mut self,
        store: &Store,
        view: &FleetView,
        app: &AppKey,
        evidence: &Evidence,
    ) -> Result<Decision, StoreError> {
        self.pin(view, app).await;
        let absence = absence(store, view, app)?;
        let intent = resolve(view, app, &self.lookups.pins);
        let allowed = intent.as_ref().map(Allowed::by);
        if let Some(allowed) = allowed {
            self.renders.under(app, allowed);
        }
        loop {
            let ground = Ground {
                view,
                renders: &self.renders,
                intent: intent.as_ref(),
                absence: absence.as_ref(),
                now: evidence.at,
                reports: &evidence.reports,
                liveness: &evidence.liveness,
                free: &evidence.free,
            };
            let plan = ground.ask(app, plan);
            let mut rendered = false;
            if let (Some(intent), Some(allowed)) = (&intent, allowed) {
                for need in &plan.renders {
                    let variant = (need.release.name.clone(), need.variant.clone());
                    if self.renders.start(app, &variant, allowed, Instant::now()) {
                        let job = job(view, store, app, &intent.application, need, allowed)?;
                        let done = job.run(&self.renderer, &self.charts).await;
                        self.renders.finish(done, Instant::now());
                        rendered = true;
                    }
                }
            }
            if !rendered {
                return Ok(Decision { plan, rendered: self.renders.rendered(app) });
            }
        }
    }
}

/// What is to be known of an application whose file is gone [X1].
fn absence(store: &Store, view: &FleetView, app: &AppKey) -> Result<Option<Absence>, StoreError> {
    let Some(main) = view.branches().main.filter(|_| view.is_missing(app)) else { return Ok(None) };
    let record = view.records().app(app).and_then(|state| state.record.as_ref());
    let noticed = record.and_then(|record| Oid::from_str(&record.missing.as_ref()?.source).ok());
    let files = ["yaml", "yml"].map(|end| format!("applications/{}/{}.{end}", app.namespace, app.name));
    let confirmed = confirmed(store, &store.snapshot(main)?, (&files, &app.to_string()), noticed)?;
    let undecided = |state: &AppState| {
        let missing = state.record.as_ref().and_then(|record| record.missing.as_ref());
        missing.is_none_or(|missing| missing.removal.is_none())
    };
    let others = view
        .records()
        .apps()
        .filter(|(other, state)| *other != app && view.is_missing(other) && undecided(state))
        .count();
    let clusters = view.objects().missing_clusters().len();
    Ok(Some(Absence { confirmed: confirmed.map(|commit| commit.to_string()), others: others + clusters }))
}

/// Puts clusters that are missing on `main` in force as they last were, unless a commit confirms that they are removed [X2, X4], as the
/// loop does; which applications that concerns.
///
/// # Errors
/// When the store is damaged.
pub fn settle_clusters(store: &Store, view: &mut FleetView) -> Result<BTreeSet<AppKey>, StoreError> {
    let Some(main) = view.branches().main else { return Ok(BTreeSet::new()) };
    let main = store.snapshot(main)?;
    let gone: BTreeSet<ClusterName> = match view.records().fleet() {
        Some(Ok(state)) => state.removed_clusters.keys().cloned().collect(),
        _ => BTreeSet::new(),
    };
    let lacking: Vec<ClusterName> =
        view.records().clusters().filter(|name| view.lacks_cluster(name)).cloned().collect();
    let (mut missing, mut removed) = (BTreeMap::new(), BTreeSet::new());
    for name in lacking {
        let files = ["yaml", "yml"].map(|end| format!("clusters/{name}.{end}"));
        if gone.contains(&name) || confirmed(store, &main, (&files, name.as_str()), None)?.is_some() {
            removed.insert(name);
            continue;
        }
        for file in &files {
            if let Some(bytes) = last_version(store, &main, file, MAX_FILE)?
                && let Some(Object::Cluster(cluster)) = load(file, &bytes).object
            {
                missing.insert(name.clone(), cluster);
                break;
            }
        }
    }
    Ok(view.settle_clusters(missing, removed))
}
