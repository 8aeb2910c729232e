//! Charts that are being looked up in their repositories; a repository that is away holds up only those who need it.

use crate::backoff::Backoff;
use crate::fleet::{ChartPin, ChartPins};
use crate::render::charts::{ChartError, Charts};
use shipper_core::AppKey;
use shipper_core::intent::Chart;
use shipper_core::state::PinnedChart;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// What came of looking a chart up.
#[derive(Debug)]
pub(super) struct Found {
    app: AppKey,
    chart: Chart,
    pin: ChartPin,
    permanent: bool,
}

/// Looks a chart block up.
pub(super) async fn look_up(app: AppKey, chart: Chart, charts: &Charts) -> Found {
    let (Some(name), Some(repo_url)) = (&chart.name, &chart.repo_url) else {
        let message = "spec.template.chart needs name and repoUrl, or path".to_owned();
        return Found { app, chart, pin: Err(message), permanent: true };
    };
    let range = chart.version.as_deref().unwrap_or_default();
    let found = match &chart.resolve {
        Some(_) => charts.resolve_anew(repo_url, name, range).await,
        None => charts.resolve(repo_url, name, range).await,
    };
    let permanent = found.as_ref().is_err_and(ChartError::is_permanent);
    let pin = found.map_err(|error| error.to_string()).map(|version| PinnedChart {
        name: chart.name.clone(),
        version: Some(version),
        repo_url: chart.repo_url.clone(),
        ..PinnedChart::default()
    });
    Found { app, chart, pin, permanent }
}

#[derive(Debug)]
struct Lookup {
    running: bool,
    backoff: Backoff,
}

/// The charts that were or are looked up, each for one application: what another asked for an hour ago is not what is newest now [R3].
#[derive(Debug, Default)]
pub(super) struct Lookups {
    pub(super) pins: ChartPins,
    running: HashMap<(AppKey, String), Lookup>,
}

impl Lookups {
    /// Whether a chart that an application needs has to be looked up now; it is taken to be under way then.
    pub(super) fn start(&mut self, chart: &Chart, app: &AppKey, now: Instant) -> bool {
        let lookup = self.running.entry((app.clone(), ChartPins::key(chart))).or_insert_with(|| Lookup {
            running: false,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(300)),
        });
        if lookup.running || lookup.backoff.holds(now) {
            return false;
        }
        lookup.running = true;
        true
    }

    /// Takes in what was found; the application to plan again, and when to try again what failed.
    pub(super) fn finish(&mut self, found: Found, now: Instant) -> (AppKey, Option<Duration>) {
        let key = (found.app.clone(), ChartPins::key(&found.chart));
        let failed = found.pin.is_err();
        self.pins.insert(&found.app, &found.chart, found.pin);
        if !failed {
            self.running.remove(&key);
            return (found.app, None);
        }
        let Some(lookup) = self.running.get_mut(&key) else { return (found.app, None) };
        lookup.running = false;
        // What is wrong with the block or the repository is put right by people, not by asking often.
        let asked = found.permanent.then_some(Duration::from_secs(60));
        let wait = lookup.backoff.failed(now, asked);
        (found.app, Some(wait))
    }

    /// Forgets what was looked up for an application that does not ask for it any more, or whose record has it.
    pub(super) fn tidy(&mut self, app: &AppKey, needed: Option<&Chart>) {
        self.pins.tidy(app, needed);
        let needed = needed.map(ChartPins::key);
        self.running.retain(|(of, key), lookup| of != app || lookup.running || Some(key) == needed.as_ref());
    }
}
