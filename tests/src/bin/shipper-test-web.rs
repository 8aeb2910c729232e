//! The server in the pods of a real node. It answers every request with its version and its pod's name.
//!
//! Asked to end (SIGTERM), it takes no new connection from that moment on: whoever is still sent here notices. It goes on
//! serving those that are open and asks each to be closed; then it ends. `shipper-test-web pause` does nothing until it is
//! asked to end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const PORT: u16 = 8080;
/// Longer than any caller lets a connection idle.
const DRAIN: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Web {
    answer: String,
    draining: AtomicBool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut asked_to_end = signal(SignalKind::terminate())?;
    if std::env::args().nth(1).as_deref() == Some("pause") {
        asked_to_end.recv().await;
        return Ok(());
    }
    // The chart's ConfigMap says which version it is.
    let version = std::env::var("tag").unwrap_or_else(|_| "none".to_owned());
    let pod = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
    let answer = format!("{version} {}\n", pod.trim());
    let web = Arc::new(Web { answer, draining: AtomicBool::new(false) });
    let routes = Router::new().route("/", get(answer_with_version)).route("/ready", get(ready));
    let service = TowerToHyperService::new(routes.with_state(web.clone()));
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))).await?;
    loop {
        let (connection, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = asked_to_end.recv() => break,
        };
        connection.set_nodelay(true)?;
        // An error is that the caller is gone.
        let connection = http1::Builder::new().serve_connection(TokioIo::new(connection), service.clone());
        tokio::spawn(async move { _ = connection.await });
    }
    drop(listener);
    web.draining.store(true, Ordering::Relaxed);
    tokio::time::sleep(DRAIN).await;
    Ok(())
}

async fn answer_with_version(State(web): State<Arc<Web>>) -> ([(HeaderName, &'static str); 1], String) {
    let connection = if web.draining.load(Ordering::Relaxed) { "close" } else { "keep-alive" };
    ([(header::CONNECTION, connection)], web.answer.clone())
}

async fn ready() -> StatusCode {
    StatusCode::OK
}
