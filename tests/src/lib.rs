//! What the end-to-end tests stand on: real control planes, real Git servers, our own daemons as processes.
//!
//! - [`fleet::shared`]: clusters that all tests of one binary share, each test in a namespace of its own
//! - [`cluster::Cluster`]: etcd, API server, controller manager, scheduler, and kwok, which plays nodes and pods
//! - [`real_node::RealNode`]: a real node beside a control plane, where pods answer requests; [`load`] makes them
//! - [`git_server::GitServer`], [`ssh_server::SshServer`]: repositories over HTTP and SSH, by Git's own programs
//! - [`gitea::Gitea`]: a Git host with accounts, protected branches, pull requests and pipelines
//! - [`git_repo`]: what a person does with a repository, by the `git` program
//! - [`balancer::Balancer`]: an address before several servers, or a cable that can be cut
//! - [`chart_server::ChartServer`]: a Helm repository
//! - [`postgres`]: a PostgreSQL, for hubs that share a database
//! - [`prometheus::Prometheus`]: a Prometheus, and what it measures
//! - [`collector::Collector`]: an OpenTelemetry Collector, and what it takes in
//! - [`node_js`]: whether there is a Node.js, and where
//! - [`oidc::Provider`]: an OpenID Connect provider, and somebody who signs in there
//! - [`daemon`]: the binaries of this workspace
//! - [`report_way::ReportWay`]: a way to the hub on which reports are heard, or doubled, late and out of order
//! - [`scene::Scene`]: a whole fleet of them around one repository
//! - [`simulated::Simulation`]: hub, agents and simulated clusters in this process, in simulated time
//! - [`eventually::eventually`]: waiting for a condition
//!
//! Whatever is started ends with the test process, even if that is killed ([`process`]). Set
//! `SHIPPER_TESTS_KEEP=1` to keep the directories with the logs.

pub mod balancer;
pub mod chart_server;
pub mod cluster;
pub mod collector;
pub mod daemon;
pub mod eventually;
pub mod fleet;
pub mod git_repo;
pub mod git_server;
pub mod gitea;
pub mod http_service;
pub mod load;
pub mod node_js;
pub mod oidc;
pub mod process;
pub mod prometheus;
pub mod real_node;
pub mod report_way;
pub mod scene;
pub mod scratch;
pub mod simulated;
pub mod ssh_server;
pub mod stages;

mod clock_shift;
mod etcd;
mod nodes;
mod pki;
mod ports;
mod relay;
mod watchdog;

pub use shipper_test_postgres as postgres;

/// What everything here needs once per process: cryptography for rustls, and log lines with the tests' output
/// (`RUST_LOG`, warnings by default). All constructors call it; calling it again does nothing.
pub fn init() {
    // Errors say that it was done already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
}
