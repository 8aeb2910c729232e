//! What one hub stored, the others are told at once, by the database itself. What was told while nobody listened is lost, so whoever
//! begins to listen, again or for the first time, looks at everything; and so does everybody now and then.

use super::open::{Address, slow_is_an_error};
use super::progress::Progress;
use crate::backoff::Backoff;
use shipper_core::ClusterName;
use sqlx::postgres::PgListener;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, interval, sleep, timeout};

const CHANNEL: &str = "shipper_reports";
/// PostgreSQL takes less than 8,000 bytes.
const LONGEST: usize = 7_900;
/// Instead of names: too many to list.
const ALL: &str = "*";
/// How long a connection may take to say that it is alive.
const ALIVE: Duration = Duration::from_secs(5);
const AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// What is said to the others: who says it, and which clusters were written. The statement that says it takes these two values.
pub(super) fn message<'a>(
    writer: &str,
    clusters: impl Iterator<Item = &'a ClusterName>,
) -> Option<[String; 2]> {
    let names: Vec<&str> = clusters.map(ClusterName::as_str).collect();
    if names.is_empty() {
        return None;
    }
    let names = Some(names.join(" ")).filter(|names| names.len() < LONGEST).unwrap_or_else(|| ALL.to_owned());
    Some([CHANNEL.to_owned(), format!("{writer} {names}")])
}

fn hear(progress: &Progress, own: &str, message: &str) {
    let (writer, names) = message.split_once(' ').unwrap_or_default();
    if writer == own {
        return;
    }
    if names == ALL {
        progress.look_at_all();
    } else {
        let names: BTreeSet<&str> = names.split(' ').filter(|name| !name.is_empty()).collect();
        progress.look_at(names.into_iter().map(ClusterName::from));
    }
}

/// Listens, and looks at everything every `safety_net`; never ends.
pub(super) async fn listen(
    address: Address,
    progress: Arc<Progress>,
    writer: String,
    safety_net: Duration,
) -> Infallible {
    let [first, longest] = AGAIN;
    let mut failures = Backoff::new(first, longest);
    loop {
        let began = Instant::now();
        let Err(error) = attend(&address, &progress, &writer, safety_net).await;
        if began.elapsed() > longest {
            failures.succeeded();
        }
        let wait = failures.failed(Instant::now(), None);
        tracing::warn!(database = %address, %error, ?wait, "nothing is heard of what other hubs store; trying again");
        sleep(wait).await;
    }
}

async fn attend(
    address: &Address,
    progress: &Progress,
    writer: &str,
    safety_net: Duration,
) -> Result<Infallible, sqlx::Error> {
    let pool = address.alone().await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    let mut ticks = interval(safety_net);
    loop {
        tokio::select! {
            heard = listener.try_recv() => match heard? {
                Some(said) => hear(progress, writer, said.payload()),
                None => return Err(sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into())),
            },
            // The first at once.
            _ = ticks.tick() => {
                // A connection can end without a word.
                let alive = sqlx::query("SELECT").execute(&mut listener);
                timeout(ALIVE, alive).await.map_err(slow_is_an_error)??;
                progress.look_at_all();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_and_is_not_for_whoever_says_it() {
        let names: Vec<ClusterName> = (0..5_000).map(|i| ClusterName::from(format!("cluster-{i}"))).collect();
        assert_eq!(message("me", names.iter().take(0)), None);
        let few = message("me", names.iter().take(2)).unwrap();
        assert_eq!(few[1], "me cluster-0 cluster-1");
        let many = message("me", names.iter()).unwrap();
        assert!(many[1].len() < 8_000, "{}", many[1].len());
        for [_, said] in [few, many] {
            let progress = Progress::default();
            hear(&progress, "me", &said);
            assert!(!progress.is_stale());
            hear(&progress, "another", &said);
            assert!(progress.is_stale());
        }
    }
}
