//! The test of the test: a share that is a pod too large or too small is found.

use std::time::{Duration, Instant};

use anyhow::Result;
use shipper_tests::load::Answer;
use shipper_tests::load::shares::Shares;

fn answers(counts: &[(&str, usize, usize)]) -> Vec<Answer> {
    let at = Instant::now();
    let one = |version: &str, pod: usize| Answer {
        at,
        took: Duration::from_millis(1),
        kept: false,
        version: version.to_owned(),
        pod: format!("{version}-{pod}"),
    };
    let of = |(version, pods, count): &(&str, usize, usize)| -> Vec<Answer> {
        (0..*count).map(|number| one(version, number % pods)).collect()
    };
    counts.iter().flat_map(of).collect()
}

fn check(counts: &[(&str, usize, usize)], pods: &[(&str, usize)]) -> Result<()> {
    let since = Instant::now();
    Shares::since(&answers(counts), since).ensure_follow(pods)
}

#[test]
fn what_chance_does_passes_and_one_pod_more_or_less_does_not() {
    check(&[("v1", 6, 740), ("v2", 2, 260)], &[("v1", 6), ("v2", 2), ("v3", 0)]).unwrap();
    check(&[("v1", 6, 650), ("v2", 2, 350)], &[("v1", 6), ("v2", 2)]).unwrap_err();
    check(&[("v1", 5, 750), ("v2", 2, 250)], &[("v1", 6), ("v2", 2)]).unwrap_err();
    check(&[("v1", 8, 1000)], &[("v1", 8)]).unwrap();
    check(&[("v1", 8, 999), ("v2", 1, 1)], &[("v1", 8)]).unwrap_err();
}
