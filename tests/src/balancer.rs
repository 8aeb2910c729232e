//! An address before several servers, as a load balancer would be; or before one, as a cable that can be cut.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::ports;
use crate::relay::relay;

/// Forwards every connection to one server, until dropped.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    target: watch::Sender<SocketAddr>,
    whole: watch::Sender<bool>,
    runtime: Option<Runtime>,
}

impl Balancer {
    /// Listens on a free port, for a server that listens on `port` of 127.0.0.1.
    ///
    /// # Errors
    /// There is no port to listen on.
    pub fn start(port: u16) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let listener =
            std::net::TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        listener.set_nonblocking(true)?;
        let (target, whole) = (watch::Sender::new(local(port)), watch::Sender::new(true));
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().thread_name("balancer").build()?;
        runtime.spawn(serve(listener, target.subscribe(), whole.subscribe()));
        Ok(Self { address, target, whole, runtime: Some(runtime) })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, connections go to a server that listens on `port`; those there are end.
    pub fn switch_to(&self, port: u16) {
        self.target.send_replace(local(port));
    }

    /// From now on nothing gets through, and nobody is told: connections stand, and carry nothing, as on a network that loses everything.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Ends what [`Balancer::cut`] has begun; what waited goes on.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

async fn serve(
    listener: std::net::TcpListener,
    target: watch::Receiver<SocketAddr>,
    whole: watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        let (mut target, whole) = (target.clone(), whole.clone());
        let address = *target.borrow_and_update();
        tokio::spawn(async move {
            tokio::select! {
                () = carry(client, address, whole) => {}
                _ = target.changed() => {}
            }
        });
    }
}

/// Carries a connection, but nothing while the way is cut.
async fn carry(client: TcpStream, address: SocketAddr, mut whole: watch::Receiver<bool>) {
    let relayed = relay(client, address);
    tokio::pin!(relayed);
    while whole.wait_for(|whole| *whole).await.is_ok() {
        tokio::select! {
            biased;
            _ = whole.wait_for(|whole| !whole) => {}
            _ = &mut relayed => return,
        }
    }
}
