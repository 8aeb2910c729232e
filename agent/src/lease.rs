//! One agent acts per cluster [C9]: who holds the Lease `shipper-agent` acts, all others observe.
//!
//! Clocks of other machines do not count: a Lease is free when its holder has not renewed it for its whole duration as
//! *this* agent saw it. The holder stops acting some seconds before others may take over.

use crate::api::{Api, ApiError, Kind};
use crate::engine::state::State;
use crate::random::Random;
use serde_json::{Value, json};
use shipper_core::labels::FIELD_MANAGER;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Its name.
pub const LEASE: &str = "shipper-agent";
/// How long it holds.
pub const DURATION: Duration = Duration::from_secs(30);
/// How often it is renewed.
pub const RENEW: Duration = Duration::from_secs(10);
/// How often another's is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often a failed renewal is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// The holder stops so much earlier than others may begin. Its writes end by then: each has what is left of the Lease as its
/// deadline, here and on the server, and what arrives later all the same meets its precondition.
const SAFETY: Duration = Duration::from_secs(5);
/// Longest wait for an answer about the Lease itself: a try that hangs must leave time for others.
const ANSWER: Duration = Duration::from_secs(8);

/// Where this agent stands with the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Not asked yet.
    Unasked,
    /// Held until then, if not renewed.
    Held(Instant),
    /// Another has it.
    Another,
    /// It could not be asked, or was given back.
    Unknown,
}

/// Whether this agent may act.
#[derive(Clone, Debug)]
pub struct Leadership(Arc<watch::Sender<Standing>>);

impl Default for Leadership {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Standing::Unasked)))
    }
}

impl Leadership {
    /// Nobody's yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the Lease is verified as held at this moment.
    pub fn is_held(&self) -> bool {
        self.held_until().is_some()
    }

    /// Until when it may act, if it may: no write may be under way after that.
    pub fn held_until(&self) -> Option<Instant> {
        match *self.0.borrow() {
            Standing::Held(until) if Instant::now() < until => Some(until),
            _ => None,
        }
    }

    /// Returns when this agent is the one to speak for the cluster: not while another acts, but also while the API server cannot
    /// be asked who does, because that is what then has to be said.
    pub async fn may_speak(&self) {
        let speaks = |standing: &Standing| matches!(standing, Standing::Held(_) | Standing::Unknown);
        // Fails only when the sender is gone, which is held here.
        let _ = self.0.subscribe().wait_for(speaks).await;
    }

    /// Returns when this agent may act.
    pub async fn may_act(&self) {
        let held = |standing: &Standing| matches!(standing, Standing::Held(until) if Instant::now() < *until);
        // Fails only when the sender is gone, which is held here.
        let _ = self.0.subscribe().wait_for(held).await;
    }

    /// Holds it until then.
    pub fn hold(&self, until: Instant) {
        self.0.send_replace(Standing::Held(until));
    }

    fn another(&self) {
        self.0.send_replace(Standing::Another);
    }

    /// Whether it is held could not be found out: an earlier answer holds for its time.
    fn unknown(&self) {
        self.0.send_if_modified(|standing| {
            let first = *standing == Standing::Unasked;
            if first {
                *standing = Standing::Unknown;
            }
            first
        });
    }

    fn give_up(&self) {
        self.0.send_replace(Standing::Unknown);
    }
}

/// Takes and keeps the Lease.
pub struct Keeper {
    api: Api,
    state: Arc<State>,
    leadership: Leadership,
    random: Random,
    namespace: String,
    identity: String,
    /// The Lease as last seen, and since when it is unchanged.
    seen: Option<(Value, Instant)>,
}

impl Keeper {
    /// `identity` must be another one for every process that lives at the same time. Whose it was before, if anybody's, is taken over
    /// at once.
    pub fn new(
        api: Api,
        state: Arc<State>,
        leadership: Leadership,
        random: Random,
        namespace: String,
        identity: String,
    ) -> Self {
        Self { api, state, leadership, random, namespace, identity, seen: None }
    }

    /// Keeps at it until dropped.
    pub async fn run(&mut self) {
        loop {
            let held = self.leadership.is_held();
            let pause = match self.turn().await {
                Ok(true) => {
                    self.state.problem("lease", None);
                    if !held {
                        tracing::info!(identity = self.identity, "holds the Lease: acting");
                        self.state.wake_all();
                    }
                    RENEW
                }
                Ok(false) => {
                    self.leadership.another();
                    let holder = self.holder().unwrap_or_default().to_owned();
                    let text = format!(
                        "another agent ({holder}) holds the Lease {}/{LEASE}; this one only observes",
                        self.namespace
                    );
                    self.state.problem("lease", Some(text));
                    LOOK
                }
                Err(error) => {
                    self.leadership.unknown();
                    if error.code() == Some(409) {
                        self.seen = None;
                    }
                    if !self.leadership.is_held() {
                        self.state.problem(
                            "lease",
                            Some(format!("cannot take the Lease {}/{LEASE}: {error}", self.namespace)),
                        );
                    }
                    RETRY
                }
            };
            sleep(self.random.spread(pause)).await;
        }
    }

    /// Gives it back, so that the next agent need not wait.
    pub async fn release(&mut self) {
        if !self.leadership.is_held() {
            return;
        }
        self.leadership.give_up();
        if let Some((lease, _)) = &self.seen {
            let mut lease = lease.clone();
            lease["spec"]["holderIdentity"] = json!("");
            lease["spec"]["leaseDurationSeconds"] = json!(1);
            let until = Instant::now() + ANSWER;
            if let Err(error) = self.api.update(&self.path(), FIELD_MANAGER, &lease, until).await {
                tracing::warn!(%error, "the Lease could not be given back; the next agent waits until it expires");
            }
        }
    }

    fn path(&self) -> String {
        let kind =
            Kind::known("coordination.k8s.io/v1", "Lease").map(|k| k.object(Some(&self.namespace), LEASE));
        kind.unwrap_or_default()
    }

    fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.0.pointer("/spec/holderIdentity")?.as_str().filter(|holder| !holder.is_empty())
    }

    /// One attempt: `true` = held.
    async fn turn(&mut self) -> Result<bool, ApiError> {
        if !self.leadership.is_held() || self.seen.is_none() {
            self.look().await?;
        }
        let ours = self.holder() == Some(&self.identity);
        if !ours && !self.is_free() {
            return Ok(false);
        }
        let asked = Instant::now();
        let lease = self.lease(ours);
        let answer = match &self.seen {
            Some(_) => self.api.update(&self.path(), FIELD_MANAGER, &lease, asked + ANSWER).await?,
            None => {
                let path = self.path();
                let collection = path.rsplit_once('/').map_or("", |(collection, _)| collection);
                self.api.create(collection, FIELD_MANAGER, &lease, asked + ANSWER).await?
            }
        };
        self.seen = Some((answer, asked));
        self.leadership.hold(asked + DURATION - SAFETY);
        Ok(true)
    }

    async fn look(&mut self) -> Result<(), ApiError> {
        let lease = match self.api.get("get", &self.path(), "application/json").await {
            Ok(lease) => lease,
            Err(error) if error.code() == Some(404) => {
                self.seen = None;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let unchanged = self.seen.as_ref().filter(|(seen, _)| seen.get("spec") == lease.get("spec"));
        let since = unchanged.map_or_else(Instant::now, |(_, since)| *since);
        self.seen = Some((lease, since));
        Ok(())
    }

    fn is_free(&self) -> bool {
        let Some((lease, since)) = &self.seen else { return true };
        let seconds =
            lease.pointer("/spec/leaseDurationSeconds").and_then(Value::as_u64).unwrap_or(DURATION.as_secs());
        self.holder().is_none() || since.elapsed() >= Duration::from_secs(seconds)
    }

    fn lease(&self, ours: bool) -> Value {
        let now = self.state.clock().now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let mut lease = self.seen.as_ref().map_or_else(
            || {
                json!({
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": LEASE, "namespace": self.namespace},
                    "spec": {"leaseTransitions": 0},
                })
            },
            |(lease, _)| lease.clone(),
        );
        // Only names and the precondition go back; what the server keeps of it is its own.
        if let Some(metadata) = lease.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let spec = &mut lease["spec"];
        if !ours {
            let transitions = spec["leaseTransitions"].as_u64().unwrap_or(0);
            spec["leaseTransitions"] = json!(if self.seen.is_some() { transitions + 1 } else { 0 });
            spec["acquireTime"] = json!(now);
        }
        spec["holderIdentity"] = json!(self.identity);
        spec["leaseDurationSeconds"] = json!(DURATION.as_secs());
        spec["renewTime"] = json!(now);
        lease
    }
}
