//! The one writer. Whatever is queued when it comes back from the disk goes into the next transaction, so a thousand
//! reports cost one flush, and each is answered only after it is durable. What is durable goes into the view in memory, and so, between two
//! transactions, does what other hubs stored; one teller sees to that and answers, in their order, while the next transaction is written.

use super::teller::{Durable, tell};
use super::view::View;
use super::{Store, StoreError, Write, Written};
use crate::backoff::Backoff;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// Writes that may wait; more are refused.
const QUEUE: usize = 8192;
/// Writes in one transaction.
const BATCH: usize = 2048;
/// Transactions that may wait to be told of while another one is told of.
const UNTOLD: usize = 1;
/// How soon after a failure it is tried whether the database works again, at first and at most.
const TRY_AGAIN: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];

/// Why a write was not stored.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// More writes wait than the disk keeps up with.
    #[error("the hub has more to store than its disk keeps up with; try again")]
    Busy,
    /// The database failed; its words are in the hub's log.
    #[error("the hub's database does not take writes; see the hub's log, then try again")]
    Failed,
    /// The database works and refuses what is in the write; its words are in the hub's log.
    #[error("the hub's database cannot hold what this says; see the hub's log")]
    Refused,
    /// The hub is stopping.
    #[error("the hub is stopping; try again")]
    Stopped,
}

/// Where writes go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    queue: mpsc::Sender<Queued>,
    outage: watch::Receiver<Option<Outage>>,
}

/// The database takes no writes.
#[derive(Clone, Debug)]
pub struct Outage {
    /// When the first one failed.
    pub since: Instant,
    /// What the database said to it.
    pub cause: String,
}

#[derive(Debug)]
struct Queued {
    write: Write,
    answer: Answer,
}

impl Intake {
    /// Reads what is stored into `view` and starts the writer. It ends, all answers given, when the last clone is dropped.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub async fn start(store: Arc<dyn Store>, view: View) -> Result<Self, StoreError> {
        view.load(store.load().await?);
        let (queue, queued) = mpsc::channel(QUEUE);
        let (told, outage) = watch::channel(None);
        let [first, longest] = TRY_AGAIN;
        let (durable, untold) = mpsc::channel(UNTOLD);
        tokio::spawn(tell(view.clone(), untold));
        let writer = Writer { store, view, durable, outage: told, failures: Backoff::new(first, longest) };
        tokio::spawn(writer.run(queued));
        Ok(Self { queue, outage })
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

    /// Returns after everything that is queued now was stored and told of, or failed.
    pub async fn flush(&self) {
        // Nothing to store, in its turn behind what is; that it fails says the same.
        let _ = self.write(Write::Events(Vec::new())).await;
    }

    /// Whether the last write was stored.
    pub fn healthy(&self) -> bool {
        self.outage.borrow().is_none()
    }

    /// What is wrong if it was not; told of every change.
    pub fn outage(&self) -> watch::Receiver<Option<Outage>> {
        self.outage.clone()
    }
}

/// Where somebody waits for what becomes of a write.
pub(super) type Answer = oneshot::Sender<Result<Written, IntakeError>>;

struct Writer {
    store: Arc<dyn Store>,
    view: View,
    durable: mpsc::Sender<Durable>,
    outage: watch::Sender<Option<Outage>>,
    failures: Backoff,
}

impl Writer {
    async fn run(mut self, mut queued: mpsc::Receiver<Queued>) {
        let mut batch = Vec::with_capacity(BATCH);
        // Where nobody tells of what is stored any more, nothing is stored.
        while !self.durable.is_closed() {
            let again = self.failures.until();
            tokio::select! {
                biased;
                count = queued.recv_many(&mut batch, BATCH) => match count {
                    0 => return,
                    _ => self.take(&mut batch).await,
                },
                () = self.store.changed() => {}
                // An agent sends nothing to a hub that is not ready, so the next write may never come.
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {
                    let tried = self.store.write(&[]).await;
                    self.note(&tried);
                }
            }
            if self.failures.until().is_none() {
                self.follow().await;
            }
        }
    }

    async fn take(&mut self, batch: &mut Vec<Queued>) {
        let (writes, mut answers): (Vec<_>, Vec<_>) = batch.drain(..).map(|q| (q.write, q.answer)).unzip();
        // Halves that are still to be stored, the first one last.
        let mut parts = vec![writes];
        while let Some(mut writes) = parts.pop() {
            let written = self.store(&writes).await;
            if written.as_ref().is_err_and(StoreError::is_about_values) && writes.len() > 1 {
                // One of them is at fault: the others are stored without it.
                parts.push(writes.split_off(writes.len() / 2));
                parts.push(writes);
                continue;
            }
            let later = answers.split_off(writes.len());
            let answers = std::mem::replace(&mut answers, later);
            match written {
                Ok(written) => self.hand_over(Durable::Own(writes, written, answers)).await,
                Err(error) => refuse(&writes, &error, answers),
            }
        }
    }

    async fn store(&mut self, writes: &[Write]) -> Result<Vec<Written>, StoreError> {
        let began = Instant::now();
        let written = self.store.write(writes).await;
        self.view.metrics.database_transaction.observe(began.elapsed().as_secs_f64());
        self.note(&written);
        written
    }

    async fn hand_over(&self, durable: Durable) {
        // Whoever waited for an answer is told that there is none.
        let _ = self.durable.send(durable).await;
    }

    /// Takes in what other hubs stored, if they did.
    async fn follow(&mut self) {
        match self.store.catch_up().await {
            Ok(news) if news.is_empty() => {}
            Ok(news) => self.hand_over(Durable::Others(news)).await,
            Err(error) => {
                self.view.metrics.database_failed(error.doing());
                tracing::warn!(%error, "what other hubs stored is not read; tried again");
            }
        }
    }

    fn note(&mut self, outcome: &Result<Vec<Written>, StoreError>) {
        match outcome {
            Err(error) if !error.is_about_values() => {
                self.view.metrics.database_failed(error.doing());
                let outage = || Outage { since: Instant::now(), cause: error.to_string() };
                if self.outage.send_if_modified(|now| now.is_none() && now.replace(outage()).is_none()) {
                    self.view.heartbeats.deafen();
                    tracing::error!(%error, "the database does not take writes: reports are not acknowledged until it does");
                }
                self.failures.failed(Instant::now(), None);
            }
            _ => {
                if self.outage.send_if_modified(|now| now.take().is_some()) {
                    self.view.heartbeats.listen();
                    tracing::info!("the database takes writes again");
                }
                self.failures.succeeded();
            }
        }
    }
}

fn refuse(writes: &[Write], error: &StoreError, answers: Vec<Answer>) {
    let refused = error.is_about_values();
    if refused {
        tracing::error!(%error, cluster = ?writes.first().and_then(Write::cluster), "the database cannot hold what this says");
    } else {
        tracing::debug!(%error, count = writes.len(), "not stored and not acknowledged");
    }
    for answer in answers {
        let _ = answer.send(Err(if refused { IntakeError::Refused } else { IntakeError::Failed }));
    }
}
