//! What was measured for gates that are over is kept by run and cluster, and for as long as the timeline.

use super::{at, eu, keep, key, one};
use crate::store::timeline::size_of_measurement;
use crate::store::{Keep, Measurement, Store, Write, Written};
use shipper_core::AppKey;
use shipper_core::api::GateEnd;
use shipper_core::report::{MeasureReport, Outcome, Sample};
use std::sync::Arc;

fn measurement(name: &str, run: i64, cluster: &str, outcome: Outcome) -> Measurement {
    let sample = Sample { at: at(run), outcome, measured: "0.02 „größer“ \0".to_owned() };
    Measurement {
        at: at(run + 10),
        application: key(name),
        release: format!("{name}-83e4eedd-0").as_str().into(),
        step: 1,
        step_name: "half".to_owned(),
        run: at(run),
        cluster: cluster.into(),
        outcome,
        gate: GateEnd::Passed,
        measures: vec![MeasureReport {
            name: "errors".to_owned(),
            passed: 3,
            samples: vec![sample],
            ..MeasureReport::default()
        }],
    }
}

pub(super) async fn a4_what_was_measured_is_kept_by_run_and_cluster(store: Arc<dyn Store>) {
    let store = &*store;
    let of = async |app: AppKey| store.measurements(&app, 10).await.unwrap();
    let first = [("eu", Outcome::Passed), ("us", Outcome::Unknown)]
        .map(|(cluster, outcome)| measurement("shop", 100, cluster, outcome));
    let other = measurement("blog", 100, "eu", Outcome::Passed);
    let all = first.iter().cloned().chain([other.clone()]).collect();
    assert_eq!(one(store, Write::Measurements(all)).await, Written::Logged);
    let again = measurement("shop", 200, "eu", Outcome::Failed);
    one(store, Write::Measurements(vec![again.clone()])).await;
    let [eu_first, us_first] = first;
    assert_eq!(of(key("shop")).await, [again.clone(), us_first.clone(), eu_first.clone()], "newest first");
    assert_eq!(of(key("blog")).await, [other]);
    assert_eq!(of(AppKey::new("data", "shop")).await, []);
    assert_eq!(store.measurements(&key("shop"), 1).await.unwrap(), std::slice::from_ref(&again));

    // The same run is told again, as by a hub that pushed and does not know that it did.
    let later = Measurement { at: at(300), outcome: Outcome::Passed, ..us_first };
    one(store, Write::Measurements(vec![later.clone()])).await;
    assert_eq!(of(key("shop")).await, [again.clone(), later, eu_first.clone()]);

    // Twice in one batch, while the database was slow: the last counts, and nothing else in the batch suffers.
    let [before, after] =
        [Outcome::Unknown, Outcome::Failed].map(|outcome| Measurement { outcome, ..eu_first.clone() });
    let twice = [vec![before], vec![after.clone()]].map(Write::Measurements);
    assert_eq!(store.write(&twice).await.unwrap(), [Written::Logged, Written::Logged]);
    assert_eq!(of(key("shop")).await.last(), Some(&after));
    assert!(!store.load().await.unwrap().agents.contains_key(&eu()), "it opens no session");
}

pub(super) async fn measurements_are_bounded_by_age_number_and_size(store: Arc<dyn Store>) {
    let store = &*store;
    let all: Vec<Measurement> = (0..6).map(|run| measurement("shop", run, "eu", Outcome::Passed)).collect();
    one(store, Write::Measurements(all)).await;
    let left = async || {
        let found = store.measurements(&key("shop"), 10).await.unwrap();
        found.iter().map(|one| one.run.as_second() - at(0).as_second()).collect::<Vec<_>>()
    };
    assert_eq!(store.prune(keep(11, 10)).await.unwrap(), 1);
    assert_eq!(left().await, [5, 4, 3, 2, 1], "what was over before that is dropped");
    assert_eq!(store.prune(keep(0, 4)).await.unwrap(), 1);
    assert_eq!(left().await, [5, 4, 3, 2]);
    let newest = store.measurements(&key("shop"), 2).await.unwrap();
    let size = |one: &Measurement| size_of_measurement(one, &serde_json::to_string(one).unwrap());
    let bytes: u64 = newest.iter().map(size).sum();
    assert_eq!(store.prune(Keep { bytes, ..keep(0, 10) }).await.unwrap(), 2, "as many as fit are kept");
    assert_eq!(left().await, [5, 4]);
    assert_eq!(store.prune(Keep { bytes: bytes - 1, ..keep(0, 10) }).await.unwrap(), 1);
    assert_eq!(left().await, [5]);
}
