//! The same commits and reports read and planned alone, without the hub's loop around.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use shipper_core::plan::{AppInput, Room, plan};
use shipper_core::report::AppReport;
use shipper_core::state::Target;
use shipper_core::status::Liveness;
use shipper_core::{AppKey, ClusterName};
use shipper_git::{Oid, RemoteConfig, Store};
use shipper_hub::fleet::{AppState, ChartPins, FleetView, resolve};
use shipper_tests::git_repo::{BareRepo, Checkout};
use tokio::task::spawn_blocking;

use super::fleet::{namespace, touch};
use super::{Args, Found, MAIN, STATE};
use crate::reports::{met, short};

/// Measures what the hub does not say of itself.
///
/// # Errors
/// Git fails, or not everything is placed.
pub async fn measure(
    mut found: Found,
    repo: &BareRepo,
    desk: Checkout,
    directory: &Path,
    (count, args): (usize, &Args),
) -> Result<(Found, Checkout)> {
    let Args { on, samples, copies, .. } = *args;
    let url = repo.path().display().to_string();
    let directory = directory.to_owned();
    spawn_blocking(move || {
        let mut store =
            Store::open(&directory, RemoteConfig { shallow: false, ..RemoteConfig::new(url.parse()?) })?;
        let (main, state) = heads(&mut store)?;
        let mut view = FleetView::default();
        let began = Instant::now();
        view.follow_main(&store, main)?;
        view.follow_state(&store, Some(state))?;
        found.read_all = began.elapsed().as_secs_f64();
        let all = view.applications();
        ensure!(all.len() == count, "{} of {count} applications were read", all.len());
        let mut heard = Heard::all(&view, on)?;
        found.plan_all = {
            let all: Vec<Twin<'_>> = (0..copies)
                .flat_map(|_| &all)
                .map(|app| Twin::of(&view, &heard, app))
                .collect::<Result<_>>()?;
            let began = Instant::now();
            all.iter().for_each(|one| one.plan(&view, &heard));
            began.elapsed().as_secs_f64()
        };
        for number in 0..samples {
            let app = format!("app-{:05}", number * 104_729 % count);
            let key = AppKey::new(namespace(&app), app);
            // A pod is lost in one of its clusters, and is back in the next report.
            for said in [short, met] {
                let (cluster, report) = heard.of(&view, &key, number, said)?;
                let began = Instant::now();
                heard.hear(&key, cluster, serde_json::from_slice(&report)?);
                heard.plan(&view, &key);
                found.report.push(began.elapsed().as_secs_f64() * 1000.0);
            }
        }
        for number in 0..samples {
            let app = format!("app-{:05}", number * 104_729 % count);
            touch(&desk, &app, (samples + number, on))?;
            let (main, _) = heads(&mut store)?;
            let began = Instant::now();
            let dirty = view.follow_main(&store, main)?;
            found.read.push(began.elapsed().as_secs_f64() * 1000.0);
            ensure!(dirty.len() == 1, "{} applications are concerned", dirty.len());
            let began = Instant::now();
            dirty.iter().for_each(|app| heard.plan(&view, app));
            found.plan.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        Ok((found, desk))
    })
    .await?
}

fn heads(store: &mut Store) -> Result<(Oid, Oid)> {
    let heads = store.fetch(&[MAIN, STATE])?;
    let head = |name: &str| heads.get(name).copied().flatten().with_context(|| format!("there is no {name}"));
    Ok((head(MAIN)?, head(STATE)?))
}

/// What every cluster has reported of every application.
struct Heard {
    reports: BTreeMap<AppKey, BTreeMap<ClusterName, AppReport>>,
    liveness: BTreeMap<ClusterName, Liveness>,
}

impl Heard {
    /// That all is as asked for, everywhere.
    fn all(view: &FleetView, on: usize) -> Result<Self> {
        let mut reports: BTreeMap<AppKey, BTreeMap<ClusterName, AppReport>> = BTreeMap::new();
        for (app, state) in view.records().apps() {
            ensure!(state.targets.len() == on, "{app} has {} of {on} targets", state.targets.len());
            let said = state.targets.iter().map(|(cluster, target)| (cluster.clone(), met(target)));
            reports.insert(app.clone(), said.collect());
        }
        let clusters = view.objects().fleet().clusters.keys();
        let liveness = clusters.map(|cluster| (cluster.clone(), Liveness::Online)).collect();
        Ok(Self { reports, liveness })
    }

    /// What one of its clusters says of an application, as it comes over the wire.
    fn of(
        &self,
        view: &FleetView,
        app: &AppKey,
        number: usize,
        said: fn(&Target) -> AppReport,
    ) -> Result<(ClusterName, Vec<u8>)> {
        let state = view.records().app(app).with_context(|| format!("{app} has no records"))?;
        let targets = &state.targets;
        let (cluster, target) = targets
            .iter()
            .nth(number % targets.len().max(1))
            .with_context(|| format!("{app} has no target"))?;
        Ok((cluster.clone(), serde_json::to_vec(&said(target))?))
    }

    fn hear(&mut self, app: &AppKey, cluster: ClusterName, report: AppReport) {
        self.reports.entry(app.clone()).or_default().insert(cluster, report);
    }

    fn plan(&self, view: &FleetView, app: &AppKey) {
        let nothing = AppState::default();
        let (state, silent) = (view.records().app(app).unwrap_or(&nothing), BTreeMap::new());
        self.plan_on(view, (app, state), self.reports.get(app).unwrap_or(&silent));
    }

    fn plan_on(
        &self,
        view: &FleetView,
        (app, state): (&AppKey, &AppState),
        reports: &BTreeMap<ClusterName, AppReport>,
    ) {
        let intent = resolve(view, app, &ChartPins::default());
        let plan = plan(&AppInput {
            application: app,
            now: Timestamp::now(),
            source: "0123456789012345678901234567890123456789",
            intent: intent.as_ref(),
            absence: None,
            reading: &view.reading(app),
            fleet: view.objects().fleet(),
            record: state.record.as_ref(),
            releases: &state.releases,
            targets: &state.targets,
            reports,
            liveness: &self.liveness,
            manifests: &state.manifests.keys().map(|variant| (variant.clone(), Ok(()))).collect(),
            room: Room::default(),
        });
        std::hint::black_box(plan);
    }
}

/// One of many applications that are alike, with everything that is kept of each.
struct Twin<'a> {
    app: &'a AppKey,
    state: AppState,
    reports: BTreeMap<ClusterName, AppReport>,
}

impl<'a> Twin<'a> {
    fn of(view: &FleetView, heard: &Heard, app: &'a AppKey) -> Result<Self> {
        let state = view.records().app(app).with_context(|| format!("{app} has no records"))?;
        let reports = heard.reports.get(app).with_context(|| format!("{app} is not reported"))?;
        let mut twin = Self { app, state: state.clone(), reports: reports.clone() };
        // Records share what they have of this, and no two applications do.
        if let Some(placement) = twin.state.record.as_mut().and_then(|record| record.placement.as_mut()) {
            *placement = Arc::new((**placement).clone());
        }
        Ok(twin)
    }

    fn plan(&self, view: &FleetView, heard: &Heard) {
        heard.plan_on(view, (self.app, &self.state), &self.reports);
    }
}
