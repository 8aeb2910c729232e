//! An address before a Service of several clusters, as a load balancer over clusters is.
//!
//! It does what such balancers do. Every so often it connects to the Service of each cluster, and leaves out those where nobody listens,
//! which is what the address of a Service without endpoints is like. A connection that a cluster refuses goes to the next, because nothing
//! was sent over it yet. What has been sent is never sent again: callers would notice whatever is lost after that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use kube::api::Api;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{sleep, timeout};

use crate::cluster::Cluster;
use crate::ports;
use crate::real_node::Inside;

/// From one look at a cluster to the next.
const PERIOD: Duration = Duration::from_millis(250);
/// How long a cluster may take to take a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// Forwards connections to clusters in turn, until dropped.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    members: Arc<[Member]>,
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Member {
    inside: Inside,
    /// Where connections go, while it takes any.
    up: Mutex<Option<SocketAddr>>,
    refused: AtomicUsize,
}

impl Front {
    /// Before a Service of clusters with real nodes, at its first port. A cluster that has no such Service yet is left out.
    ///
    /// # Errors
    /// There is no port to listen on, or a cluster has no real node.
    pub async fn start(clusters: &[Arc<Cluster>], namespace: &str, service: &str) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let listener =
            std::net::TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let members: Result<Arc<[Member]>> = clusters.iter().map(|cluster| Member::of(cluster)).collect();
        let members = members?;
        for (number, cluster) in clusters.iter().enumerate() {
            let api: Api<Service> = Api::namespaced(cluster.client().await?, namespace);
            let (members, service) = (members.clone(), service.to_owned());
            runtime.spawn(async move {
                loop {
                    members[number].check(&api, &service).await;
                    sleep(PERIOD).await;
                }
            });
        }
        runtime.spawn(serve(listener, members.clone()));
        Ok(Self { address, members, runtime: Some(runtime) })
    }

    /// How many connections each cluster has refused, which then went to another.
    #[must_use]
    pub fn refused(&self) -> Vec<usize> {
        self.members.iter().map(|member| member.refused.load(Ordering::Relaxed)).collect()
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its callers run.
    pub(super) fn handle(&self) -> Option<&Handle> {
        self.runtime.as_ref().map(Runtime::handle)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Member {
    fn of(cluster: &Cluster) -> Result<Self> {
        let inside = cluster.real_node()?.enter()?;
        Ok(Self { inside, up: Mutex::default(), refused: AtomicUsize::default() })
    }

    async fn check(&self, services: &Api<Service>, name: &str) {
        let address = match services.get_opt(name).await {
            Ok(service) => service.as_ref().and_then(|service| address_of(service).ok()),
            // The API server is not in the way of connections.
            Err(_) => *self.up(),
        };
        let taken = match address {
            Some(address) => self.connect(address).await.is_ok(),
            None => false,
        };
        *self.up() = address.filter(|_| taken);
    }

    /// From within the cluster's network.
    async fn connect(&self, address: SocketAddr) -> Result<TcpStream> {
        let connected = async move { timeout(PATIENCE, TcpStream::connect(address)).await??.into_std() };
        let stream: std::io::Result<_> = self.inside.handle().spawn(connected).await?;
        Ok(TcpStream::from_std(stream?)?)
    }

    fn up(&self) -> MutexGuard<'_, Option<SocketAddr>> {
        self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address of a Service and its first port.
pub(super) fn address_of(service: &Service) -> Result<SocketAddr> {
    let spec = service.spec.as_ref().context("the Service has no spec")?;
    let address: IpAddr = spec.cluster_ip.as_ref().context("the Service has no address")?.parse()?;
    let port = spec.ports.iter().flatten().next().context("the Service has no port")?.port;
    Ok(SocketAddr::new(address, u16::try_from(port)?))
}

async fn serve(listener: std::net::TcpListener, members: Arc<[Member]>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    for first in (0..members.len()).cycle() {
        let (mut client, _) = listener.accept().await?;
        let members = members.clone();
        tokio::spawn(async move {
            if let Some(mut server) = connect(&members, first).await {
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
    Ok(())
}

/// With the first of those that are not left out, from this one on, that takes a connection.
async fn connect(members: &[Member], first: usize) -> Option<TcpStream> {
    for member in members[first..].iter().chain(&members[..first]) {
        let Some(address) = *member.up() else { continue };
        if let Ok(server) = member.connect(address).await {
            return Some(server);
        }
        member.refused.fetch_add(1, Ordering::Relaxed);
    }
    None
}
