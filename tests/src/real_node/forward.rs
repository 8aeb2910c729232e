//! A port of 127.0.0.1 inside a node's network that leads to the same port outside.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::inside::Inside;
use crate::relay::relay;

/// Forwards until dropped.
#[derive(Debug)]
pub(super) struct Forward {
    runtime: Option<Runtime>,
}

impl Forward {
    pub(super) async fn start(inside: &Inside, port: u16) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // A socket, and what it accepts, stays in the network that it was made in, whoever uses it.
        let listener = inside.handle().spawn(async move { std::net::TcpListener::bind(address) }).await?;
        let listener = listener.with_context(|| format!("cannot listen on {address} inside"))?;
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.spawn(serve(listener, address));
        Ok(Self { runtime: Some(runtime) })
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: std::net::TcpListener, address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (inside, _) = listener.accept().await?;
        tokio::spawn(relay(inside, address));
    }
}
