//! The one writer. Whatever is queued when it comes back from the disk goes into the next transaction, so a thousand
//! reports cost one flush, and each is answered only after it is durable. What is durable goes into the view in memory.

use super::reports::Stored;
use super::{AgentInfo, Agents, Incarnation, Reports, Store, StoreError, Write, Written};
use crate::liveness::Heartbeats;
use crate::metrics::Metrics;
use shipper_core::ClusterName;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait; more are refused.
const QUEUE: usize = 8192;
/// Writes in one transaction.
const BATCH: usize = 2048;

/// Why a write was not stored.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// More writes wait than the disk keeps up with.
    #[error("the hub has more to store than its disk keeps up with; try again")]
    Busy,
    /// The database failed; its words are in the hub's log.
    #[error("the hub's database does not take writes; see the hub's log, then try again")]
    Failed,
    /// The hub is stopping.
    #[error("the hub is stopping; try again")]
    Stopped,
}

/// Where writes go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    queue: mpsc::Sender<Queued>,
    healthy: Arc<AtomicBool>,
}

/// What is kept in memory of what is stored.
#[derive(Clone, Debug)]
pub struct View {
    /// The latest reports.
    pub reports: Arc<Reports>,
    /// The agents they came from.
    pub agents: Arc<Agents>,
    /// When each was heard.
    pub heartbeats: Arc<Heartbeats>,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Queued {
    write: Write,
    answer: oneshot::Sender<Result<Written, IntakeError>>,
}

impl Intake {
    /// Reads what is stored into `view` and starts the writer. It ends, all answers given, when the last clone is dropped.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub async fn start(store: Arc<dyn Store>, view: View) -> Result<Self, StoreError> {
        let loaded = store.load().await?;
        for (cluster, agent) in loaded.agents {
            view.heartbeats.expect(cluster.clone());
            view.agents.put(cluster, agent);
        }
        view.reports.load(loaded.reports);
        let (queue, queued) = mpsc::channel(QUEUE);
        let healthy = Arc::new(AtomicBool::new(true));
        tokio::spawn(run(store, view, queued, healthy.clone()));
        Ok(Self { queue, healthy })
    }

    /// Stores one write; returns after it is durable.
    ///
    /// # Errors
    /// It is not stored.
    pub async fn write(&self, write: Write) -> Result<Written, IntakeError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Queued { write, answer }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => IntakeError::Busy,
            mpsc::error::TrySendError::Closed(_) => IntakeError::Stopped,
        })?;
        answered.await.unwrap_or(Err(IntakeError::Stopped))
    }

    /// Returns after everything that is queued now was stored or failed.
    pub async fn flush(&self) {
        // Nothing to store, in its turn behind what is; that it fails says the same.
        let _ = self.write(Write::Events(Vec::new())).await;
    }

    /// Whether the last write was stored.
    pub fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }
}

async fn run(
    store: Arc<dyn Store>,
    view: View,
    mut queued: mpsc::Receiver<Queued>,
    healthy: Arc<AtomicBool>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while queued.recv_many(&mut batch, BATCH).await > 0 {
        let (writes, answers): (Vec<_>, Vec<_>) = batch.drain(..).map(|q| (q.write, q.answer)).unzip();
        let written = store.write(&writes).await;
        healthy.store(written.is_ok(), Ordering::Relaxed);
        match written {
            Ok(written) => {
                remember(&view, &writes, &written);
                for (answer, written) in answers.into_iter().zip(written) {
                    // Whoever asked may have given up waiting; it is stored all the same.
                    let _ = answer.send(Ok(written));
                }
            }
            Err(error) => {
                tracing::error!(%error, writes = writes.len(), "reports are not stored and not acknowledged");
                for answer in answers {
                    let _ = answer.send(Err(IntakeError::Failed));
                }
            }
        }
    }
}

fn remember(view: &View, writes: &[Write], written: &[Written]) {
    let mut stored = Vec::with_capacity(writes.len());
    for (write, written) in writes.iter().zip(written) {
        match (write, written) {
            (Write::Open { request, .. }, Written::Opened(incarnation)) => {
                let known = view.agents.get(&request.cluster);
                let fresh = AgentInfo {
                    cluster_uid: request.cluster_uid.clone(),
                    agent_version: request.agent_version.clone(),
                    commit: None,
                    standing: None,
                    problems: Vec::new(),
                    api_calls: std::collections::BTreeMap::new(),
                    last_report: None,
                    free: None,
                };
                let agent = match (incarnation, known) {
                    (Incarnation::Same, Some(known)) => {
                        AgentInfo { agent_version: request.agent_version.clone(), ..known }
                    }
                    _ => fresh,
                };
                view.agents.put(request.cluster.clone(), agent);
                view.heartbeats.expect(request.cluster.clone());
                if let Incarnation::New { old } = incarnation {
                    replaced(view, &request.cluster, old, &request.cluster_uid);
                    stored.push(Stored::Purged(&request.cluster));
                }
            }
            (Write::Report { report, at }, Written::Stored { .. }) => {
                view.agents.put(
                    report.cluster.clone(),
                    AgentInfo {
                        cluster_uid: report.cluster_uid.clone(),
                        agent_version: report.agent_version.clone(),
                        commit: report.commit.clone(),
                        standing: report.epoch.zip(report.generation),
                        problems: report.problems.clone(),
                        api_calls: report.api_calls.clone(),
                        last_report: Some(*at),
                        free: report.free.clone(),
                    },
                );
                view.heartbeats.heard(&report.cluster);
                view.metrics.reports_stored.inc();
                stored.push(Stored::Report(report));
            }
            (Write::Report { report, .. }, Written::Older { .. }) => view.heartbeats.heard(&report.cluster),
            _ => {}
        }
    }
    view.reports.take(stored);
}

fn replaced(view: &View, cluster: &ClusterName, old: &str, new: &str) {
    tracing::warn!(
        %cluster, old, new,
        "another cluster reports under this name: all that the old one said counts no more; if both are alive, give one another name"
    );
    view.heartbeats.forget(cluster);
}
