//! A way to the hub on which reports are heard, or doubled, slow, unanswered and overtaken by newer ones. Everything else gets through.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use serde_json::Value;
use shipper_core::protocol::REPORTS;
use shipper_core::report::Report;

use crate::http_service::HttpService;

/// Larger than any report.
const LARGEST: usize = 64 << 20;
/// Longer than an agent waits until it reports again after a failure.
const LATE: Duration = Duration::from_millis(2_500);
/// Pauses are as irregular as multiples of this many milliseconds are in [`SPREAD`].
const STRIDE: usize = 397;
const SPREAD: usize = 1_500;

/// What becomes of a report. One after the other has the next fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Passed,
    /// It comes a second time, after a while.
    Doubled,
    /// It takes a while.
    Slow,
    /// The agent is told that it did not arrive; it does, after newer ones.
    Overtaken,
    /// It arrives, and the agent is told that it did not.
    Unanswered,
}

/// What becomes of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fates {
    /// All get through, and what they say is kept ([`ReportWay::heard`]).
    Heard,
    /// They are doubled, late and out of order.
    Unruly,
}

impl Fates {
    const fn all(self) -> &'static [Fate] {
        use Fate::{Doubled, Overtaken, Passed, Slow, Unanswered};
        match self {
            Self::Heard => &[Passed],
            Self::Unruly => &[Doubled, Slow, Overtaken, Doubled, Passed, Unanswered, Passed],
        }
    }
}

/// How many reports met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that came twice.
    pub doubled: usize,
    /// Those that took a while.
    pub slow: usize,
    /// Those that arrived without the agent knowing.
    pub unanswered: usize,
    /// Those that arrived when the hub had a newer one, or a newer session, already.
    pub outdated: usize,
}

/// A report, and when it came by.
#[derive(Debug, Clone)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// What it says.
    pub report: Report,
}

/// The way. It ends when dropped.
#[derive(Debug)]
pub struct ReportWay {
    shared: Arc<Shared>,
    service: HttpService,
}

#[derive(Debug)]
struct Shared {
    hub: String,
    client: reqwest::Client,
    fates: &'static [Fate],
    reports: AtomicUsize,
    tally: Mutex<Tally>,
    heard: Mutex<Vec<Heard>>,
}

/// A request as it came.
#[derive(Debug, Clone)]
struct Sent {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl ReportWay {
    /// A way to the hub at this address.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(hub: &str, fates: Fates) -> Result<Self> {
        crate::init();
        let shared = Arc::new(Shared {
            hub: hub.to_owned(),
            client: reqwest::Client::builder().build()?,
            fates: fates.all(),
            reports: AtomicUsize::default(),
            tally: Mutex::default(),
            heard: Mutex::default(),
        });
        let service = HttpService::start(Router::new().fallback(carry).with_state(shared.clone()))?;
        Ok(Self { shared, service })
    }

    /// Where agents find the hub.
    #[must_use]
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// What has become of reports so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        *self.shared.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reports so far, in the order in which they came by.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn carry(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else { return status(StatusCode::BAD_REQUEST) };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let is_report = parts.uri.path() == REPORTS;
    let sent = Sent { method: parts.method, path, headers: parts.headers, body };
    if !is_report {
        return shared.pass(&sent).await;
    }
    shared.hear(&sent.body);
    let number = shared.reports.fetch_add(1, Ordering::Relaxed);
    let pause = Duration::from_millis(u64::try_from(number * STRIDE % SPREAD).unwrap_or_default());
    match shared.fates[number % shared.fates.len()] {
        Fate::Passed => shared.pass(&sent).await,
        Fate::Doubled => {
            shared.count(|tally| tally.doubled += 1);
            let answer = shared.pass(&sent).await;
            tokio::spawn(Arc::clone(&shared).deliver_after(pause, sent));
            answer
        }
        Fate::Slow => {
            shared.count(|tally| tally.slow += 1);
            tokio::time::sleep(pause).await;
            shared.pass(&sent).await
        }
        Fate::Overtaken => {
            tokio::spawn(Arc::clone(&shared).deliver_after(LATE + pause, sent));
            status(StatusCode::GATEWAY_TIMEOUT)
        }
        Fate::Unanswered => {
            shared.count(|tally| tally.unanswered += 1);
            drop(shared.pass(&sent).await);
            status(StatusCode::BAD_GATEWAY)
        }
    }
}

impl Shared {
    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn hear(&self, body: &[u8]) {
        let Ok(report) = serde_json::from_slice(body) else { return };
        let heard = Heard { at: Instant::now(), report };
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
    }

    async fn ask(&self, sent: &Sent) -> reqwest::Result<reqwest::Response> {
        let mut request = self.client.request(sent.method.clone(), format!("{}{}", self.hub, sent.path));
        for name in [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT] {
            if let Some(value) = sent.headers.get(&name) {
                request = request.header(name, value);
            }
        }
        request.body(sent.body.clone()).send().await
    }

    /// What the hub answers.
    async fn pass(&self, sent: &Sent) -> Response<Body> {
        let Ok(answer) = self.ask(sent).await else { return status(StatusCode::BAD_GATEWAY) };
        let mut response = Response::builder().status(answer.status());
        if let Some(kind) = answer.headers().get(header::CONTENT_TYPE) {
            response = response.header(header::CONTENT_TYPE, kind);
        }
        let body = Body::from_stream(answer.bytes_stream());
        response.body(body).unwrap_or_else(|_| status(StatusCode::BAD_GATEWAY))
    }

    /// Delivers a report that nobody waits for any more.
    async fn deliver_after(self: Arc<Self>, pause: Duration, sent: Sent) {
        tokio::time::sleep(pause).await;
        let Ok(answer) = self.ask(&sent).await else { return };
        let number = |body: &[u8]| serde_json::from_slice::<Value>(body).ok()?.get("sequence")?.as_u64();
        let outdated = match answer.status() {
            StatusCode::CONFLICT => true,
            _ => answer.bytes().await.is_ok_and(|answer| number(&answer) > number(&sent.body)),
        };
        self.count(|tally| tally.outdated += usize::from(outdated));
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
