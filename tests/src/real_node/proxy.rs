//! How far the kube-proxy of a node is, by its own metrics.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::inside::Inside;

/// `metricsBindAddress` of its configuration.
const ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 10_249);
const PATIENCE: Duration = Duration::from_secs(5);
/// When something was last to be written into the rules, in seconds since 1970.
const QUEUED: &str = "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds";
/// When the rules were last written.
const WRITTEN: &str = "kubeproxy_sync_proxy_rules_last_timestamp_seconds";
/// A kube-proxy at some moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyView(BTreeMap<String, f64>);

impl ProxyView {
    fn of(metrics: &str) -> Self {
        let values = metrics.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(values.collect())
    }

    /// Whether it has heard of something that is not in its rules yet.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.of_name(QUEUED).any(|(labels, queued)| {
            self.0.get(&format!("{WRITTEN}{labels}")).is_none_or(|written| *written < queued)
        })
    }

    /// The values of a metric by its labels, braces included.
    fn of_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.iter().filter_map(move |(key, value)| {
            let labels = key.strip_prefix(name)?;
            (labels.is_empty() || labels.starts_with('{')).then_some((labels, *value))
        })
    }
}

pub(super) async fn look(inside: &Inside) -> Result<ProxyView> {
    let answer = inside.handle().spawn(async { tokio::time::timeout(PATIENCE, ask()).await }).await?;
    let answer = answer.context("kube-proxy does not answer")?.context("kube-proxy does not answer")?;
    let (head, metrics) = answer.split_once("\r\n\r\n").context("an answer without an end")?;
    ensure!(head.contains(" 200 "), "{head}");
    Ok(ProxyView::of(metrics))
}

async fn ask() -> Result<String> {
    let mut stream = TcpStream::connect(SocketAddr::from(ADDRESS)).await?;
    // An older protocol, in which an answer comes in one piece and ends with the connection.
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(queued: &str, written: &str) -> ProxyView {
        ProxyView::of(&format!("# HELP x\n{QUEUED}{{f=\"4\"}} {queued}\n{WRITTEN}{{f=\"4\"}} {written}\n"))
    }

    #[test]
    fn what_was_queued_after_the_last_writing_is_not_written() {
        assert!(view("1.7e+09", "1.6e+09").is_behind());
        assert!(!view("1.6e+09", "1.7e+09").is_behind());
        assert!(ProxyView::of(&format!("{QUEUED} 1\n")).is_behind());
    }
}
