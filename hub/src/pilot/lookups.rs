//! Charts that are being looked up in their repositories; a repository that is away holds up only those who need it.

use super::backoff::Backoff;
use crate::fleet::{ChartPin, ChartPins};
use crate::render::charts::{ChartError, Charts};
use shipper_core::AppKey;
use shipper_core::intent::Chart;
use shipper_core::state::PinnedChart;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// What came of looking a chart up.
#[derive(Debug)]
pub(super) struct Found {
    chart: Chart,
    pin: ChartPin,
    permanent: bool,
}

/// Looks a chart block up.
pub(super) async fn look_up(chart: Chart, charts: &Charts) -> Found {
    let (Some(name), Some(repo_url)) = (&chart.name, &chart.repo_url) else {
        let message = "spec.template.chart needs name and repoUrl, or path".to_owned();
        return Found { chart, pin: Err(message), permanent: true };
    };
    let range = chart.version.as_deref().unwrap_or_default();
    let found = charts.resolve(repo_url, name, range).await;
    let permanent = found.as_ref().is_err_and(ChartError::is_permanent);
    let pin = found.map_err(|error| error.to_string()).map(|version| PinnedChart {
        name: chart.name.clone(),
        version: Some(version),
        repo_url: chart.repo_url.clone(),
        ..PinnedChart::default()
    });
    Found { chart, pin, permanent }
}

#[derive(Debug)]
struct Lookup {
    running: bool,
    backoff: Backoff,
    wanted_by: BTreeSet<AppKey>,
}

/// The charts that were or are looked up.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    pub(super) pins: ChartPins,
    running: HashMap<String, Lookup>,
}

impl Lookups {
    /// Whether a chart that an application needs has to be looked up now; it is taken to be under way then.
    pub(super) fn start(&mut self, chart: &Chart, app: &AppKey, now: Instant) -> bool {
        let lookup = self.running.entry(ChartPins::key(chart)).or_insert_with(|| Lookup {
            running: false,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(300)),
            wanted_by: BTreeSet::new(),
        });
        lookup.wanted_by.insert(app.clone());
        if lookup.running || lookup.backoff.holds(now) {
            return false;
        }
        lookup.running = true;
        true
    }

    /// Takes in what was found; the applications to plan again, and when to try again what failed.
    pub(super) fn finish(&mut self, found: Found, now: Instant) -> (BTreeSet<AppKey>, Option<Duration>) {
        let key = ChartPins::key(&found.chart);
        let failed = found.pin.is_err();
        self.pins.insert(&found.chart, found.pin);
        if !failed {
            return (self.running.remove(&key).map(|lookup| lookup.wanted_by).unwrap_or_default(), None);
        }
        let Some(lookup) = self.running.get_mut(&key) else { return (BTreeSet::new(), None) };
        lookup.running = false;
        // What is wrong with the block or the repository is put right by people, not by asking often.
        let asked = found.permanent.then_some(Duration::from_secs(60));
        let wait = lookup.backoff.failed(now, asked);
        (lookup.wanted_by.clone(), Some(wait))
    }
}
