//! Metrics, alerts and dashboards: what the chart holds is loaded by a real Prometheus, which scrapes a real hub and real agents over
//! simulated clusters in real time, while things happen that somebody is to be told of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod monitoring {
    mod chart;
    mod exposed;
    mod fired;
    mod grafana;
    mod loaded;
    mod promtool;
    mod recorded;
    mod watched;
}
