//! A server on loopback that can be switched off and on again at the same address.
//!
//! It has a thread pool of its own, so that it outlives the runtime of the test that made it, and so that switching it
//! off ends its connections in whatever state they are.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::ports;

const TRIES: usize = 10;
const SWITCH_OFF: Duration = Duration::from_secs(5);

/// A running HTTP/1.1 server. Dropping it switches it off.
#[derive(Debug)]
pub struct HttpService {
    address: SocketAddr,
    routes: Router,
    runtime: Mutex<Option<Runtime>>,
}

impl HttpService {
    /// Serves `routes` on a free port.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub fn start(routes: Router) -> Result<Self> {
        crate::init();
        let address = || Ok::<_, anyhow::Error>(SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?)));
        let mut service = Self { address: address()?, routes, runtime: Mutex::default() };
        for _ in 1..TRIES {
            if service.switch_on().is_ok() {
                return Ok(service);
            }
            // Another process was faster.
            service.address = address()?;
        }
        service.switch_on()?;
        Ok(service)
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens, if it does.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens again after [`HttpService::switch_off`].
    ///
    /// # Errors
    /// When it is on already, or the port cannot be listened on.
    pub fn switch_on(&self) -> Result<()> {
        let mut slot = self.slot();
        ensure!(slot.is_none(), "the server at {} is on already", self.address);
        // The port is bound when this returns.
        let listener = std::net::TcpListener::bind(self.address)
            .with_context(|| format!("cannot listen on {}", self.address))?;
        listener.set_nonblocking(true)?;
        let routes = self.routes.clone();
        let runtime =
            Builder::new_multi_thread().worker_threads(2).enable_all().thread_name("http").build()?;
        runtime.spawn(serve(listener, routes));
        *slot = Some(runtime);
        Ok(())
    }

    /// Stops listening and drops all connections, as a crash would. Does nothing when it is off.
    ///
    /// # Errors
    /// When the server cannot be ended.
    pub fn switch_off(&self) -> Result<()> {
        let Some(runtime) = self.slot().take() else { return Ok(()) };
        on_thread(|| runtime.shutdown_timeout(SWITCH_OFF))
    }

    fn slot(&self) -> MutexGuard<'_, Option<Runtime>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: std::net::TcpListener, routes: Router) -> io::Result<()> {
    // Else the last packet of an answer waits 40 ms for word that the first one arrived.
    let listener = TcpListener::from_std(listener)?.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, routes).await
}

impl Drop for HttpService {
    fn drop(&mut self) {
        let _ = self.switch_off();
    }
}

fn on_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| scope.spawn(work).join())
        .map_err(|_| anyhow!("a thread of the HTTP server panicked"))
}
