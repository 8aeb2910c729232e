//! What there is to say to the hub and to whoever looks at the agent.

use super::State;
use shipper_core::AppKey;
use shipper_core::converge::is_parent;
use shipper_core::observe::Index;
use shipper_core::report::AppReport;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the reporter has to say.
pub struct News {
    /// Reports that changed after the given change, with the number of their own.
    pub reports: Vec<(Arc<AppReport>, u64)>,
    /// What is wrong with the agent as a whole.
    pub problems: Vec<String>,
    /// The accepted state commit.
    pub commit: Option<String>,
    /// Its epoch and generation.
    pub standing: Option<(u64, u64)>,
    /// Applications that are gone from targets and cluster.
    pub gone: Vec<AppKey>,
}

/// What is so at one moment, in numbers.
pub(crate) struct Sight {
    /// Objects in trouble, by reason.
    pub(crate) troubles: BTreeMap<&'static str, i64>,
    /// Things that are wrong with the agent as a whole.
    pub(crate) problems: i64,
    /// Applications that are asked for.
    pub(crate) applications: i64,
    /// Epoch and generation of the accepted commit.
    pub(crate) standing: Option<(u64, u64)>,
}

impl State {
    /// Says, or no longer says, what is wrong with a part of the agent.
    pub fn problem(&self, part: &str, text: Option<String>) {
        let mut inner = self.lock();
        let changed = match text {
            Some(text) => {
                if inner.problems.get(part) != Some(&text) {
                    tracing::warn!(part, problem = %text);
                }
                inner.problems.insert(part.to_owned(), text.clone()) != Some(text)
            }
            None => inner.problems.remove(part).is_some(),
        };
        if changed {
            self.news.notify_one();
        }
    }

    /// Reports that changed after each application's `acknowledged` change, and the rest that a report carries.
    pub fn news(&self, acknowledged: &BTreeMap<AppKey, u64>) -> News {
        let inner = self.lock();
        let fresh = |key: &AppKey, change: u64| acknowledged.get(key).is_none_or(|known| *known < change);
        let reports = inner
            .apps
            .iter()
            .filter_map(|(key, app)| app.report.clone().filter(|(_, change)| fresh(key, *change)))
            .collect();
        let gone = inner.departed.iter().filter(|key| is_gone(&inner.index, key)).cloned().collect();
        News {
            reports,
            problems: inner.problems.values().cloned().collect(),
            commit: inner.commit.clone(),
            standing: inner.standing,
            gone,
        }
    }

    /// The hub knows that these are gone.
    pub fn gone_acknowledged(&self, gone: &[AppKey]) {
        let mut inner = self.lock();
        for key in gone {
            inner.departed.remove(key);
        }
    }

    /// Whether every application has been looked at since its target came.
    pub fn is_ready(&self) -> bool {
        let inner = self.lock();
        inner.commit.is_some() && inner.apps.values().all(|app| app.report.is_some())
    }

    /// What is to be counted at this moment.
    pub(crate) fn sight(&self) -> Sight {
        let inner = self.lock();
        let mut troubles = BTreeMap::new();
        let reports = inner.apps.values().filter_map(|app| app.report.as_ref());
        for problem in reports.flat_map(|(report, _)| &report.problems) {
            *troubles.entry(problem.reason.entry().name).or_default() += 1;
        }
        Sight {
            troubles,
            problems: inner.problems.len().cast_signed() as i64,
            applications: inner.apps.len().cast_signed() as i64,
            standing: inner.standing,
        }
    }
}

/// Nothing of it is in the cluster but its empty inventory.
fn is_gone(index: &Index, app: &AppKey) -> bool {
    index.observed(app).is_none_or(|observed| {
        observed.pods.is_empty()
            && observed
                .objects
                .iter()
                .filter(|(_, live)| live.set.is_some())
                .all(|(key, _)| is_parent(app, key))
    })
}
