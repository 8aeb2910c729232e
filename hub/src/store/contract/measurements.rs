//! What was measured for gates that are over is kept by run and cluster, and for as long as the timeline.

use super::{at, eu, keep, key, one};
use crate::store::timeline::size_of_measurement;
use crate::store::{Keep, Measured, Measurement, MeasurementQuery, Store, Write, Written};
use shipper_core::AppKey;
use shipper_core::api::{GateEnd, WantedMeasure};
use shipper_core::report::{MeasureReport, Outcome, Sample};
use std::sync::Arc;

pub(in crate::store) fn measurement(name: &str, run: i64, cluster: &str, outcome: Outcome) -> Measurement {
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
        wanted: vec![WantedMeasure {
            name: "errors".to_owned(),
            condition: "fails if > 0.01".to_owned(),
            count: 3,
        }],
    }
}

/// The newest of `web/name`, so many at most.
async fn newest(store: &dyn Store, app: AppKey, limit: u32) -> Vec<Measurement> {
    store.measurements(&MeasurementQuery::newest(app, limit)).await.unwrap().items
}

pub(super) async fn a4_what_was_measured_is_kept_by_run_and_cluster(store: Arc<dyn Store>) {
    let store = &*store;
    let of = async |app: AppKey| newest(store, app, 10).await;
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
    assert_eq!(newest(store, key("shop"), 1).await, std::slice::from_ref(&again));

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

/// Every part from the newest on; after each, `meanwhile`.
async fn in_parts(
    store: &dyn Store,
    mut query: MeasurementQuery,
    meanwhile: impl AsyncFn(i64),
) -> Vec<Measurement> {
    let mut all = Vec::new();
    for part in 0.. {
        let Measured { items, next } = store.measurements(&query).await.unwrap();
        assert!(items.len() <= query.limit as usize);
        all.extend(items);
        let Some(next) = next else { break };
        assert!(query.before.is_none_or(|before| next < before), "it goes on, and not round");
        query.before = Some(next);
        meanwhile(part).await;
    }
    all
}

pub(super) async fn a4_all_measurements_are_read_in_parts_whatever_comes_meanwhile(store: Arc<dyn Store>) {
    let store = &*store;
    let all: Vec<Measurement> = (0..40)
        .map(|run| {
            let cluster = ["eu", "us"][usize::from(run % 3 == 0)];
            let mut one =
                measurement(["shop", "blog"][usize::from(run % 4 == 0)], run, cluster, Outcome::Passed);
            if run % 5 == 0 {
                one.release = "shop-0c0ffee0-0".into();
            }
            one
        })
        .collect();
    one(store, Write::Measurements(all.clone())).await;
    let nothing = async |_| {};
    let asked = |release: Option<&str>, cluster: Option<&str>, limit| MeasurementQuery {
        release: release.map(Into::into),
        cluster: cluster.map(Into::into),
        ..MeasurementQuery::newest(key("shop"), limit)
    };
    for (release, cluster) in [
        (None, None),
        (Some("shop-0c0ffee0-0"), None),
        (None, Some("us")),
        (Some("shop-83e4eedd-0"), Some("eu")),
        (Some("shop-none-0"), None),
    ] {
        let fits = |one: &&Measurement| {
            one.application == key("shop")
                && release.is_none_or(|release| one.release.as_str() == release)
                && cluster.is_none_or(|cluster| one.cluster.as_str() == cluster)
        };
        let expected: Vec<Measurement> = all.iter().rev().filter(fits).cloned().collect();
        for limit in [1, 7, 30, 50] {
            let found = in_parts(store, asked(release, cluster, limit), nothing).await;
            assert_eq!(found, expected, "{release:?} {cluster:?} {limit}");
        }
    }

    // What is new is not told to who is further back already; what is replaced keeps its place, so it is told once.
    let expected: Vec<Measurement> =
        all.iter().rev().filter(|one| one.application == key("shop")).cloned().collect();
    let (first, last) = (&expected[0], expected.last().unwrap());
    let meanwhile = async |part| {
        let new = measurement("shop", 1_000 + part, "eu", Outcome::Failed);
        let again = [first, last].map(|one| Measurement { at: at(2_000), ..one.clone() });
        one(store, Write::Measurements(again.into_iter().chain([new]).collect())).await;
    };
    let found = in_parts(store, asked(None, None, 7), meanwhile).await;
    let runs = |all: &[Measurement]| all.iter().map(|one| one.run).collect::<Vec<_>>();
    assert_eq!(runs(&found), runs(&expected));
    assert_eq!(found.last().unwrap().at, at(2_000), "as it was said last");
}

pub(super) async fn measurements_are_bounded_by_age_number_and_size(store: Arc<dyn Store>) {
    let store = &*store;
    let all: Vec<Measurement> = (0..6).map(|run| measurement("shop", run, "eu", Outcome::Passed)).collect();
    one(store, Write::Measurements(all)).await;
    let left = async || {
        let found = newest(store, key("shop"), 10).await;
        found.iter().map(|one| one.run.as_second() - at(0).as_second()).collect::<Vec<_>>()
    };
    assert_eq!(store.prune(keep(11, 10)).await.unwrap(), 1);
    assert_eq!(left().await, [5, 4, 3, 2, 1], "what was over before that is dropped");
    assert_eq!(store.prune(keep(0, 4)).await.unwrap(), 1);
    assert_eq!(left().await, [5, 4, 3, 2]);
    let newest = newest(store, key("shop"), 2).await;
    let size = |one: &Measurement| size_of_measurement(one, &serde_json::to_string(one).unwrap());
    let bytes: u64 = newest.iter().map(size).sum();
    assert_eq!(store.prune(Keep { bytes, ..keep(0, 10) }).await.unwrap(), 2, "as many as fit are kept");
    assert_eq!(left().await, [5, 4]);
    assert_eq!(store.prune(Keep { bytes: bytes - 1, ..keep(0, 10) }).await.unwrap(), 1);
    assert_eq!(left().await, [5]);
}
