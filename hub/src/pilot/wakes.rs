//! What wakes the loop. A wake only marks that something may be different; what is so is read anew.

use super::lookups::Found;
use super::renders::Done;
use super::trail::Times;
use crate::details::Details;
use crate::hints::Hinted;
use crate::notify::Receiver;
use crate::questions::{Decided, Question};
use crate::rendered::{Renderings, Wanted};
use crate::shared::Shared;
use shipper_core::{AppKey, ClusterName};
use shipper_git::{Oid, RemoteConfig, RepositoryUrl, watch_local};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until};

/// How often a watching thread looks whether it is still wanted.
const STILL_WANTED: Duration = Duration::from_secs(1);

/// What the loop's own tasks and its control send it.
#[derive(Debug)]
pub(super) enum Message {
    Rendered(Box<Done>, Times),
    LookedUp(Box<Found>),
    Accept(Oid),
    /// Somebody asks why.
    Asked(Question),
    /// Somebody asks what the records hold.
    AskedDetails(Question<Details>),
    /// Somebody asks what was rendered of releases.
    AskedRendered(Question<Renderings, Wanted>),
    /// Somebody asks whether a commit has been decided on.
    AskedDecided(Question<bool, Decided>),
    /// A repository on this machine changed.
    Changed,
}

/// What is marked.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) hinted: Hinted,
    pub(super) apps: BTreeSet<AppKey>,
    pub(super) clusters: BTreeSet<ClusterName>,
    pub(super) messages: Vec<Message>,
    /// Wakes since the last cycle.
    pub(super) wakes: usize,
}

/// Everything that wakes the loop.
pub(super) struct Wakes {
    shared: Arc<Shared>,
    reports: Receiver<AppKey>,
    liveness: Receiver<ClusterName>,
    sender: UnboundedSender<Message>,
    messages: UnboundedReceiver<Message>,
    pub(super) marks: Marks,
}

impl Wakes {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        let (reports, liveness) = (shared.reports.subscribe(), shared.heartbeats.subscribe());
        Self { shared, reports, liveness, sender, messages, marks: Marks::default() }
    }

    pub(super) fn sender(&self) -> UnboundedSender<Message> {
        self.sender.clone()
    }

    /// Waits for a wake, or for `deadline`, and marks it. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self, deadline: Option<Instant>) {
        let timer = async {
            match deadline {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            hinted = self.shared.hints.next() => self.marks.hinted.join(hinted),
            apps = self.reports.next() => self.marks.apps.extend(apps),
            clusters = self.liveness.next() => self.marks.clusters.extend(clusters),
            asked = self.shared.questions.next() => {
                self.marks.messages.extend(asked.into_iter().map(Message::Asked));
            }
            asked = self.shared.details.next() => {
                self.marks.messages.extend(asked.into_iter().map(Message::AskedDetails));
            }
            asked = self.shared.rendered.next() => {
                self.marks.messages.extend(asked.into_iter().map(Message::AskedRendered));
            }
            asked = self.shared.decided.next() => {
                self.marks.messages.extend(asked.into_iter().map(Message::AskedDecided));
            }
            Some(message) = self.messages.recv() => match message {
                Message::Changed => self.marks.hinted.anything = true,
                message => self.marks.messages.push(message),
            },
            () = timer => return,
        }
        self.marks.wakes += 1;
    }

    /// Watches a repository on this machine from a thread of its own; another kind of address is not watched.
    pub(super) fn watch(&self, remote: &RemoteConfig) {
        if let RepositoryUrl::Local(path) = &remote.url {
            let (path, sender) = (path.clone(), self.sender());
            std::thread::spawn(move || watch(&path, &sender));
        }
    }
}

fn watch(path: &Path, sender: &UnboundedSender<Message>) {
    let watch = match watch_local(path) {
        Ok(watch) => watch,
        Err(error) => {
            tracing::warn!(%error, "the repository is polled");
            return;
        }
    };
    // Whatever happened before the watch was there.
    let _ = sender.send(Message::Changed);
    while !sender.is_closed() {
        match watch.changes.recv_timeout(STILL_WANTED) {
            Ok(()) => drop(sender.send(Message::Changed)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
