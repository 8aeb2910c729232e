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
use shipper_core::api::Evidence;
use shipper_core::intent::{Object, load};
use shipper_core::plan::{Absence, AppPlan, Variant, plan};
use shipper_core::{AppKey, ClusterName};
use shipper_git::{Oid, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// Largest file of a cluster that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

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
        if let Some(chart) = chart_to_resolve(view, app, &self.lookups.pins).cloned()
            && self.lookups.start(&chart, app, Instant::now())
        {
            let found = look_up(app.clone(), chart, &self.charts).await;
            self.lookups.finish(found, Instant::now());
        }
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
