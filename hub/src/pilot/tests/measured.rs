//! [A4] What was measured for a gate is kept when it is over, however it ends.

use super::bed::{Bed, Hub, done, file, key};
use super::{cluster, has_releases, image};
use crate::store::{Measurement, MeasurementQuery};
use crate::timeline::Told;
use shipper_core::api::{GateEnd, WantedMeasure};
use shipper_core::report::{AnalysisReport, AppReport, MeasureReport, Outcome, Sample};
use shipper_core::state::Target;
use shipper_core::status::WaitingFor;
use std::sync::Arc;

const APPLICATION: &str = "\
apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {name: shop, namespace: web}
spec:
  template:
    manifests: {path: apps/web}
    strategy:
      steps:
      - name: half
        capacity: {contender: 50, incumbent: 50}
        traffic: {contender: 50, incumbent: 50}
        gate: {approval: auto, analysis: [{name: errors, http: {url: 'http://shop/errors'}, count: 2}]}
      - {name: full on, capacity: {contender: 100, incumbent: 0}, traffic: {contender: 100, incumbent: 0}}
";

/// What an agent reports that measured so many samples that passed, and failed.
fn having_measured(target: &Target, passed: u32, failed: u32) -> AppReport {
    let wanted = target.analysis.as_ref().unwrap();
    let sample = |outcome| Sample { at: wanted.run, outcome, measured: "200".to_owned() };
    let samples =
        (0..passed).map(|_| sample(Outcome::Passed)).chain((0..failed).map(|_| sample(Outcome::Failed)));
    let measure = MeasureReport {
        name: "errors".to_owned(),
        passed,
        failed,
        samples: samples.collect(),
        ..MeasureReport::default()
    };
    let analysis =
        AnalysisReport { release: wanted.release.clone(), run: wanted.run, measures: vec![measure] };
    AppReport { analysis: Some(analysis), ..done(target) }
}

/// Does what targets ask until something is to be measured; answers the target that asks for it. Reports are numbered on from `sequence`.
async fn until_measured(bed: &mut Bed, hub: &Hub, sequence: &mut u64) -> Target {
    loop {
        let target = bed.target("a", "shop").unwrap();
        if target.analysis.is_some() {
            return target;
        }
        *sequence += 1;
        hub.report("a", *sequence, &target).await;
        hub.app("shop", |status| {
            let cluster = &status.clusters[0];
            cluster.target_generation > Some(target.generation)
                || status.waiting.state == WaitingFor::WaitingForGate
        })
        .await;
    }
}

async fn until_told(told: &mut tokio::sync::broadcast::Receiver<Arc<Told>>, reason: &str) {
    while told.recv().await.unwrap().entry.event.reason != reason {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_what_was_measured_is_kept_when_its_gate_is_over() {
    let mut bed = Bed::new();
    bed.commit(&[
        ("clusters/a.yaml", Some(&cluster("a"))),
        ("apps/web/all.yaml", Some(&image("1"))),
        (&file("shop"), Some(APPLICATION)),
    ]);
    let hub = Hub::start(bed.config()).await;
    let mut told = hub.shared.timeline.listen();
    let mut sequence = 0;
    let query = MeasurementQuery::newest(key("shop"), 10);
    let kept = async || hub.shared.store.measurements(&query).await.unwrap().items;
    let ends =
        |one: &Measurement| (one.step_name.clone(), one.outcome, one.gate, one.measures[0].samples.len());

    hub.app("shop", has_releases(1)).await;
    let target = until_measured(&mut bed, &hub, &mut sequence).await;
    sequence += 1;
    hub.says("a", sequence, having_measured(&target, 1, 0)).await;
    assert_eq!(kept().await, [], "the gate is not over");
    sequence += 1;
    hub.says("a", sequence, having_measured(&target, 2, 0)).await;
    until_told(&mut told, "StepAsked").await;
    let passed = kept().await;
    assert_eq!(
        passed.iter().map(ends).collect::<Vec<_>>(),
        [("half".to_owned(), Outcome::Passed, GateEnd::Passed, 2)]
    );
    let wanted = WantedMeasure {
        name: "errors".to_owned(),
        condition: "wanted is a status from 200 to 299".to_owned(),
        count: 2,
    };
    assert_eq!(passed[0].wanted, [wanted]);
    let run = target.analysis.unwrap();
    assert_eq!((&passed[0].release, passed[0].run, passed[0].step), (&run.release, run.run, 0));
    let target = bed.target("a", "shop").unwrap();
    sequence += 1;
    hub.report("a", sequence, &target).await;
    until_told(&mut told, "Completed").await;

    bed.commit(&[("apps/web/all.yaml", Some(&image("2")))]);
    hub.app("shop", has_releases(2)).await;
    let target = until_measured(&mut bed, &hub, &mut sequence).await;
    sequence += 1;
    hub.says("a", sequence, having_measured(&target, 1, 1)).await;
    until_told(&mut told, "AnalysisFailed").await;
    let failed = kept().await;
    assert_eq!(
        (failed.len(), ends(&failed[0])),
        (2, ("half".to_owned(), Outcome::Failed, GateEnd::Failed, 2))
    );

    bed.commit(&[("apps/web/all.yaml", Some(&image("3")))]);
    hub.app("shop", has_releases(3)).await;
    let target = until_measured(&mut bed, &hub, &mut sequence).await;
    sequence += 1;
    hub.says("a", sequence, having_measured(&target, 1, 0)).await;
    hub.app("shop", |status| {
        status.clusters[0].analysis.as_ref().is_some_and(|report| report.measures[0].passed == 1)
    })
    .await;
    let mut told = hub.shared.timeline.listen();
    bed.commit(&[("apps/web/all.yaml", Some(&image("1")))]);
    // The second was withdrawn as well, when the third came, and that may be told only now.
    let left = loop {
        until_told(&mut told, "Withdrawn").await;
        let kept = kept().await;
        if kept.len() > 2 {
            break kept;
        }
    };
    assert_eq!(ends(&left[0]), ("half".to_owned(), Outcome::Unknown, GateEnd::Left, 1));
    assert_eq!(left.len(), 3);
    hub.stop().await;
}
