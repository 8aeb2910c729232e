//! A cluster behind `kube::Client`: requests in, responses and watch streams out, on tokio's clock.
//!
//! With tokio's clock paused, simulated time runs as fast as everything that waits allows.

mod body;
mod discovery;
mod route;
mod serve;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::cluster::Cluster;
use body::Answer;

/// A cluster shared between clients and a test.
pub type Shared = Arc<Mutex<Cluster>>;

/// Locks a shared cluster, whatever became of other holders.
pub fn lock(cluster: &Mutex<Cluster>) -> MutexGuard<'_, Cluster> {
    cluster.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ties a cluster's time to tokio's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn now(self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    pub(crate) fn instant(self, at: Duration) -> Instant {
        self.start + at
    }
}

/// A client of the cluster, whose default namespace is `default`.
///
/// Must be called within a tokio runtime: a task of it drives the cluster while the client lives.
pub fn client(cluster: &Shared) -> kube::Client {
    let now = lock(cluster).now();
    let clock = Clock { start: Instant::now().checked_sub(now).unwrap_or_else(Instant::now) };
    let driver = tokio::spawn(drive(Arc::downgrade(cluster), clock));
    let service = Service { cluster: cluster.clone(), clock, _driver: Arc::new(Driver(driver)) };
    kube::Client::new(service, "default")
}

/// Ends the driver with the last client that needs it.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn drive(cluster: Weak<Mutex<Cluster>>, clock: Clock) {
    let mut sleep = Box::pin(tokio::time::sleep(Duration::ZERO));
    let mut handle = None;
    std::future::poll_fn(move |context| {
        let Some(cluster) = cluster.upgrade() else { return Poll::Ready(()) };
        let mut cluster = lock(&cluster);
        loop {
            cluster.advance(clock.now());
            handle = Some(cluster.register(handle, context.waker()));
            let Some(next) = cluster.next_event() else { return Poll::Pending };
            sleep.as_mut().reset(clock.instant(next));
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}

#[derive(Clone)]
struct Service {
    cluster: Shared,
    clock: Clock,
    _driver: Arc<Driver>,
}

impl tower::Service<Request<Body>> for Service {
    type Response = Response<Answer>;
    type Error = tower::BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let bytes = body.collect().await?.to_bytes();
            let reply = {
                let mut cluster = lock(&service.cluster);
                cluster.advance(service.clock.now());
                serve::serve(&mut cluster, &parts, &bytes)
            };
            Ok(reply.into_response(&service.cluster, service.clock, service._driver))
        })
    }
}
