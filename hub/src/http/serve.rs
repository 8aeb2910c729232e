//! The socket: plain HTTP/1.1 with limits on slow clients. TLS is the work of a proxy in front; it would be put around the
//! stream where [`connection`] gets it.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A client that has not sent a whole head by then is gone; also the longest silence between two requests.
const HEAD: Duration = Duration::from_secs(60);
/// How long answers in flight may take when the hub stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until stopped, then lets answers in flight finish.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let open = GracefulShutdown::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, router.clone(), open.watcher()));
            }
            Err(error) => {
                // Mostly out of file descriptors, which only time heals.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, open.shutdown()).await.is_err() {
        tracing::warn!("answers were still in flight when the hub stopped");
    }
}

async fn connection(stream: TcpStream, router: Router, open: Watcher) {
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = open.watch(served).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
