//! Analysis: what is measured in a cluster before a rollout may leave a step, and when that is a failure [A4].

use super::strategy::{duration, optional_duration};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// One thing that is measured, `gate.analysis[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// Unique in its step.
    pub name: String,
    /// What is asked.
    #[serde(flatten)]
    pub measure: Measure,
    /// A CEL condition that makes a sample a failure; `> 0.01` is short for `value > 0.01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_if: Option<String>,
    /// A CEL condition that a sample has to meet to pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_if: Option<String>,
    /// Time before each sample; default 1 min. A Job is run at once.
    #[serde(default = "default_interval", skip_serializing_if = "is_default_interval", with = "duration")]
    pub interval: Duration,
    /// Samples that have to pass; default 1.
    #[serde(default = "default_count", skip_serializing_if = "is_default_count")]
    pub count: u32,
    /// Longest time for one sample; default 10 s, for a Job 10 min.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_duration")]
    pub timeout: Option<Duration>,
}

impl Analysis {
    /// Longest time for one sample.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(match self.measure {
            Measure::Job(_) => Duration::from_secs(600),
            Measure::Prometheus(_) | Measure::Http(_) => Duration::from_secs(10),
        })
    }

    /// How long it takes where every sample is had at the first try.
    pub fn length(&self) -> Duration {
        match self.measure {
            Measure::Job(_) => self.timeout(),
            Measure::Prometheus(_) | Measure::Http(_) => {
                self.interval.saturating_mul(self.count).saturating_add(self.timeout())
            }
        }
    }
}

fn default_interval() -> Duration {
    Duration::from_secs(60)
}

fn is_default_interval(interval: &Duration) -> bool {
    *interval == default_interval()
}

fn default_count() -> u32 {
    1
}

fn is_default_count(count: &u32) -> bool {
    *count == default_count()
}

/// What is asked for a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// An instant query.
    Prometheus(PrometheusQuery),
    /// A GET.
    Http(HttpCheck),
    /// A Job that is run to its end.
    Job(JobRun),
}

/// An instant query to a Prometheus, or to whatever speaks its HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusQuery {
    /// `http://prometheus.monitoring:9090`, as seen from the agent.
    pub address: String,
    /// PromQL.
    pub query: String,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

/// A GET whose answer is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpCheck {
    /// What is got; redirects are not followed.
    pub url: String,
    /// Status codes that pass; empty = 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

impl HttpCheck {
    /// Whether a status code is one that passes.
    pub fn expects(&self, status: u16) -> bool {
        if self.status.is_empty() { (200..300).contains(&status) } else { self.status.contains(&status) }
    }
}

/// A Job whose result is the sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRun {
    /// A `batch/v1` JobSpec.
    pub spec: Map<String, Value>,
}

/// Credentials, which stand in the cluster and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// A Secret in the application's namespace: `token`, or `username` and `password`; beside them `ca.crt`.
    pub secret_ref: SecretRef,
}

/// A Secret in the application's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    pub name: String,
}
