//! What one application asks for, with everything pinned [R1, R3, R4].

use super::sources::{Sources, tidy};
use super::view::FleetView;
use shipper_core::intent::{Application, Chart, StrategySpec};
use shipper_core::plan::{Intent, Resolved, Unresolved, pinned};
use shipper_core::state::{Environment, PinnedChart, PinnedSource, ReleaseRecord};
use shipper_core::{AppKey, hash};
use shipper_git::{Mode, Oid};
use std::collections::HashMap;

/// What a chart repository made of a chart block, or in words why it could not.
pub type ChartPin = Result<PinnedChart, String>;

/// The chart blocks that were looked up in their repositories and are in no record yet: at most one for each application.
#[derive(Debug, Default)]
pub struct ChartPins(HashMap<AppKey, (String, ChartPin)>);

impl ChartPins {
    /// What is known of a block of an application.
    pub fn get(&self, app: &AppKey, chart: &Chart) -> Option<&ChartPin> {
        self.0.get(app).filter(|(key, _)| *key == Self::key(chart)).map(|(_, pin)| pin)
    }

    /// Keeps what was found, in the place of what was known.
    pub fn insert(&mut self, app: &AppKey, chart: &Chart, pin: ChartPin) {
        self.0.insert(app.clone(), (Self::key(chart), pin));
    }

    /// Forgets what an application does not need.
    pub fn tidy(&mut self, app: &AppKey, needed: Option<&Chart>) {
        if self.0.get(app).is_some_and(|(key, _)| needed.is_none_or(|chart| *key != Self::key(chart))) {
            self.0.remove(app);
        }
    }

    /// Equal blocks have equal keys.
    pub fn key(chart: &Chart) -> String {
        hash::canonical_sha256(chart)
    }
}

/// What `main` says of an application; `None` = it is not there.
pub fn resolve(view: &FleetView, app: &AppKey, pins: &ChartPins) -> Option<Intent> {
    let application = view.objects().application(app)?;
    Some(Intent {
        application: application.clone(),
        environment: environment(view, application, pins),
        strategy: strategy(view, application),
    })
}

/// The chart block that must be looked up in its repository before the application can be resolved: one that no kept
/// release pins [R3] and that is not known yet.
pub fn chart_to_resolve<'a>(view: &'a FleetView, app: &AppKey, pins: &ChartPins) -> Option<&'a Chart> {
    let chart = view.objects().application(app)?.spec.template.chart.as_ref()?;
    let kept = chart.path.is_some() || recorded(view, app, chart).is_some();
    (!kept && !matches!(pins.get(app, chart), Some(Ok(_)))).then_some(chart)
}

/// The chart block whose pin is in no record yet.
pub fn chart_without_record<'a>(view: &'a FleetView, app: &AppKey) -> Option<&'a Chart> {
    let chart = view.objects().application(app)?.spec.template.chart.as_ref()?;
    (chart.path.is_none() && recorded(view, app, chart).is_none()).then_some(chart)
}

/// The pin of a kept release with the same block, or of the release that is being rendered [R3].
fn recorded(view: &FleetView, app: &AppKey, chart: &Chart) -> Option<PinnedChart> {
    let record = view.records().app(app).and_then(|state| state.record.as_ref());
    let rendering = || record?.pin.as_ref().filter(|pin| pin.written == *chart).map(|pin| pin.chart.clone());
    pinned(releases(view, app), chart).or_else(rendering)
}

fn releases<'a>(view: &'a FleetView, app: &AppKey) -> impl Iterator<Item = &'a ReleaseRecord> {
    view.records().app(app).into_iter().flat_map(|state| state.releases.values())
}

fn environment(
    view: &FleetView,
    application: &Application,
    pins: &ChartPins,
) -> Result<Resolved, Unresolved> {
    let template = &application.spec.template;
    let mut environment = Environment {
        chart: None,
        manifests: None,
        values: template.values.clone(),
        overrides: template.overrides.clone(),
        restart: application.spec.restart.clone(),
    };
    match (&template.chart, &template.manifests) {
        (Some(chart), None) => {
            environment.chart = Some(pin(view, application, chart, pins)?);
        }
        (None, Some(manifests)) => {
            let (path, oid) = pin_path(view.sources(), "spec.template.manifests.path", &manifests.path)?;
            environment.manifests = Some(PinnedSource { path, tree: oid.1.to_string() });
        }
        _ => return Err(unresolved("spec.template must name either chart or manifests".to_owned())),
    }
    Ok(Resolved { environment, written_chart: template.chart.clone() })
}

fn pin(
    view: &FleetView,
    application: &Application,
    chart: &Chart,
    pins: &ChartPins,
) -> Result<PinnedChart, Unresolved> {
    if let Some(path) = &chart.path {
        let (path, (mode, oid)) = pin_path(view.sources(), "spec.template.chart.path", path)?;
        if mode != Mode::Directory {
            return Err(unresolved(format!(
                "spec.template.chart.path: {path} is a file; name the folder of a chart"
            )));
        }
        return Ok(PinnedChart { path: Some(path), tree: Some(oid.to_string()), ..PinnedChart::default() });
    }
    let app = application.key();
    if let Some(pin) = recorded(view, &app, chart) {
        return Ok(pin);
    }
    match pins.get(&app, chart) {
        Some(Ok(pin)) => Ok(pin.clone()),
        Some(Err(message)) => Err(unresolved(message.clone())),
        None => {
            let name = chart.name.as_deref().unwrap_or("the chart");
            let repository = chart.repo_url.as_deref().unwrap_or("its repository");
            let message = format!("{name} is being looked up in {repository}");
            Err(Unresolved { message, looking: true })
        }
    }
}

fn pin_path(sources: &Sources, field: &str, written: &str) -> Result<(String, (Mode, Oid)), Unresolved> {
    let path = tidy(written);
    match sources.at(&path) {
        Some((Mode::Symlink | Mode::Submodule, _)) => Err(unresolved(format!(
            "{field}: {path} is a symbolic link or submodule, which is never followed; name a folder or file"
        ))),
        Some(at) => Ok((path, at)),
        None => {
            Err(unresolved(format!("{field}: there is no {written:?} on main; add it or correct the path")))
        }
    }
}

/// The strategy to copy into the next release; `None` where `strategyRef` names none.
fn strategy(view: &FleetView, application: &Application) -> Option<StrategySpec> {
    let template = &application.spec.template;
    match (&template.strategy, &template.strategy_ref) {
        (Some(inline), _) => Some(inline.clone()),
        (None, Some(name)) => view.objects().strategy(name).map(|strategy| strategy.spec.clone()),
        (None, None) => Some(StrategySpec::default()),
    }
}

fn unresolved(message: String) -> Unresolved {
    Unresolved { message, looking: false }
}
