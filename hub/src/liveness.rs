//! Which agents report: online within three heartbeats, offline after, unknown while the hub takes no reports in and for the first three
//! heartbeats after it began to [A1]; one that was offline before is so until it is heard again. Whoever plans is woken when a cluster goes from one to the other.

use crate::notify::{Changes, Receiver, lock};
use shipper_core::ClusterName;
use shipper_core::status::Liveness;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// After how many heartbeats without a report an agent is offline.
const HEARTBEATS: u32 = 3;

/// When each agent was last heard.
#[derive(Debug)]
pub struct Heartbeats {
    grace: Duration,
    seen: Mutex<Seen>,
    changes: Changes<ClusterName>,
    news: Notify,
}

#[derive(Debug)]
struct Seen {
    /// Since when reports are taken in; `None` = they are not, and nobody's silence says anything.
    listening: Option<Instant>,
    /// Those that were offline when reports were no longer taken in, and were not heard since.
    offline: BTreeSet<ClusterName>,
    /// `None` = known from before the hub started, not heard since.
    last: BTreeMap<ClusterName, Option<Instant>>,
    told: BTreeMap<ClusterName, Liveness>,
}

impl Heartbeats {
    /// Begins now, with agents that report every `heartbeat`.
    pub fn new(heartbeat: Duration) -> Self {
        Self {
            grace: heartbeat.saturating_mul(HEARTBEATS),
            seen: Mutex::new(Seen {
                listening: Some(Instant::now()),
                offline: BTreeSet::new(),
                last: BTreeMap::new(),
                told: BTreeMap::new(),
            }),
            changes: Changes::default(),
            news: Notify::new(),
        }
    }

    /// A cluster that the database knows; its agent was not heard since the hub started.
    pub fn expect(&self, cluster: ClusterName) {
        let mut seen = lock(&self.seen);
        let unknown = self.unheard(seen.listening, Instant::now());
        seen.told.entry(cluster.clone()).or_insert(unknown);
        seen.last.entry(cluster).or_insert(None);
        drop(seen);
        self.news.notify_one();
    }

    /// The clusters of the fleet: one whose agent never reports goes offline as well.
    pub fn expect_all<'a>(&self, clusters: impl IntoIterator<Item = &'a ClusterName>) {
        let mut seen = lock(&self.seen);
        let unknown = self.unheard(seen.listening, Instant::now());
        let mut news = false;
        for cluster in clusters {
            if !seen.last.contains_key(cluster) {
                seen.last.insert(cluster.clone(), None);
                seen.told.insert(cluster.clone(), unknown);
                news = true;
            }
        }
        drop(seen);
        if news {
            self.news.notify_one();
        }
    }

    /// A report of the cluster came in.
    pub fn heard(&self, cluster: &ClusterName) {
        let now = Instant::now();
        let mut seen = lock(&self.seen);
        match seen.last.get_mut(cluster) {
            Some(last) => *last = Some(now),
            None => drop(seen.last.insert(cluster.clone(), Some(now))),
        }
        seen.offline.remove(cluster);
        let turned = seen.told.get(cluster) != Some(&Liveness::Online);
        if turned {
            seen.told.insert(cluster.clone(), Liveness::Online);
        }
        drop(seen);
        if turned {
            self.changes.publish(&BTreeSet::from([cluster.clone()]));
            self.news.notify_one();
        }
    }

    /// The cluster has another incarnation; what the old one said counts no more.
    pub fn forget(&self, cluster: &ClusterName) {
        lock(&self.seen).last.insert(cluster.clone(), None);
        self.turn(Instant::now());
        self.news.notify_one();
    }

    /// What agents report is not taken in from now on.
    pub fn deafen(&self) {
        let now = Instant::now();
        {
            let mut seen = lock(&self.seen);
            let silent = |(cluster, last): (&ClusterName, &Option<Instant>)| {
                (self.judge(&seen, cluster, *last, now) == Liveness::Offline).then(|| cluster.clone())
            };
            seen.offline = seen.last.iter().filter_map(silent).collect();
            seen.listening = None;
        }
        self.turn(now);
        self.news.notify_one();
    }

    /// It is again.
    pub fn listen(&self) {
        lock(&self.seen).listening = Some(Instant::now());
        self.news.notify_one();
    }

    /// Whether the agent of one cluster reports.
    pub fn of(&self, cluster: &ClusterName, now: Instant) -> Liveness {
        let seen = lock(&self.seen);
        self.judge(&seen, cluster, seen.last.get(cluster).copied().flatten(), now)
    }

    /// Whether agents report, for every cluster that is expected or ever opened a session.
    pub fn liveness(&self, now: Instant) -> BTreeMap<ClusterName, Liveness> {
        let seen = lock(&self.seen);
        let judged = |(cluster, last): (&ClusterName, &Option<Instant>)| {
            (cluster.clone(), self.judge(&seen, cluster, *last, now))
        };
        seen.last.iter().map(judged).collect()
    }

    /// Told of every cluster that goes online or offline.
    pub fn subscribe(&self) -> Receiver<ClusterName> {
        self.changes.subscribe()
    }

    /// Watches the clock and tells of those that went offline; never ends.
    pub async fn watch(&self) {
        loop {
            let now = Instant::now();
            self.turn(now);
            // Reports move the deadline all the time: a tenth of it is exact enough and bounds the work.
            let nap = self.grace / 10;
            match self.next_turn(now) {
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at.max(now + nap)) => {}
                    () = self.news.notified() => {}
                },
                None => self.news.notified().await,
            }
        }
    }

    fn turn(&self, now: Instant) {
        let mut turned = BTreeSet::new();
        {
            let mut seen = lock(&self.seen);
            let judged = |(cluster, last): (&ClusterName, &Option<Instant>)| {
                (cluster.clone(), self.judge(&seen, cluster, *last, now))
            };
            let present: BTreeMap<_, _> = seen.last.iter().map(judged).collect();
            let news = present.iter().filter(|(cluster, present)| seen.told.get(*cluster) != Some(*present));
            turned.extend(news.map(|(cluster, _)| cluster.clone()));
            seen.told = present;
        }
        self.changes.publish(&turned);
    }

    fn next_turn(&self, now: Instant) -> Option<Instant> {
        let seen = lock(&self.seen);
        let turns = seen.last.values().flatten().copied().chain(seen.listening);
        turns.map(|at| at + self.grace).filter(|at| *at > now).min()
    }

    fn judge(&self, seen: &Seen, cluster: &ClusterName, last: Option<Instant>, now: Instant) -> Liveness {
        match last {
            Some(at) if now.saturating_duration_since(at) < self.grace => Liveness::Online,
            _ if seen.offline.contains(cluster) => Liveness::Offline,
            _ => self.unheard(seen.listening, now),
        }
    }

    fn unheard(&self, listening: Option<Instant>, now: Instant) -> Liveness {
        match listening {
            Some(since) if now.saturating_duration_since(since) >= self.grace => Liveness::Offline,
            _ => Liveness::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::time::{advance, timeout};

    const BEAT: Duration = Duration::from_secs(10);

    fn cluster(name: &str) -> ClusterName {
        ClusterName::from(name)
    }

    fn watched() -> (Arc<Heartbeats>, Receiver<ClusterName>) {
        let heartbeats = Arc::new(Heartbeats::new(BEAT));
        let changes = heartbeats.subscribe();
        let watched = heartbeats.clone();
        tokio::spawn(async move { watched.watch().await });
        (heartbeats, changes)
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_is_unknown_for_three_heartbeats_after_a_start() {
        let (heartbeats, mut changes) = watched();
        heartbeats.expect(cluster("eu"));
        advance(BEAT * 3 - Duration::from_millis(1)).await;
        assert_eq!(heartbeats.of(&cluster("eu"), Instant::now()), Liveness::Unknown);
        let changed = timeout(BEAT, changes.next()).await.expect("somebody is woken when it goes offline");
        assert_eq!(changed, BTreeSet::from([cluster("eu")]));
        assert_eq!(heartbeats.liveness(Instant::now())[&cluster("eu")], Liveness::Offline);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_of_the_fleet_that_never_reports_goes_offline_once() {
        let (heartbeats, mut changes) = watched();
        let fleet = [cluster("eu"), cluster("us")];
        heartbeats.expect_all(&fleet);
        heartbeats.heard(&cluster("us"));
        assert_eq!(changes.next().await, BTreeSet::from([cluster("us")]));
        advance(BEAT * 2).await;
        heartbeats.heard(&cluster("us"));
        heartbeats.expect_all(&fleet);
        assert_eq!(heartbeats.liveness(Instant::now())[&cluster("eu")], Liveness::Unknown);
        let changed =
            timeout(BEAT * 2, changes.next()).await.expect("somebody is woken when it goes offline");
        assert_eq!(changed, BTreeSet::from([cluster("eu")]));
        heartbeats.expect_all(&fleet);
        let now = heartbeats.liveness(Instant::now());
        assert_eq!((now[&cluster("eu")], now[&cluster("us")]), (Liveness::Offline, Liveness::Online));
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_online_at_once_and_offline_after_three_missed_heartbeats() {
        let (heartbeats, mut changes) = watched();
        heartbeats.heard(&cluster("eu"));
        assert_eq!(changes.next().await, BTreeSet::from([cluster("eu")]));
        for _ in 0..10 {
            advance(BEAT).await;
            heartbeats.heard(&cluster("eu"));
        }
        assert!(changes.take().is_empty(), "a report in time is no news");

        let began = Instant::now();
        assert_eq!(changes.next().await, BTreeSet::from([cluster("eu")]));
        let silence = began.elapsed();
        assert!(silence >= BEAT * 3 && silence <= BEAT * 3 + BEAT / 3, "offline after {silence:?}");
        assert_eq!(heartbeats.of(&cluster("eu"), Instant::now()), Liveness::Offline);

        heartbeats.heard(&cluster("eu"));
        assert_eq!(changes.next().await, BTreeSet::from([cluster("eu")]));
        assert_eq!(heartbeats.of(&cluster("eu"), Instant::now()), Liveness::Online);
    }

    /// [A1] Silence says something of an agent only while the hub listens.
    #[tokio::test(start_paused = true)]
    async fn nobody_is_offline_while_the_hub_takes_no_reports_in_nor_just_after() {
        let (heartbeats, mut changes) = watched();
        advance(BEAT * 4).await;
        heartbeats.heard(&cluster("eu"));
        assert_eq!(changes.next().await, BTreeSet::from([cluster("eu")]));
        heartbeats.deafen();
        let changed = timeout(BEAT * 4, changes.next()).await.expect("somebody is woken when it is unknown");
        assert_eq!(changed, BTreeSet::from([cluster("eu")]));
        advance(BEAT * 10).await;
        assert_eq!(heartbeats.of(&cluster("eu"), Instant::now()), Liveness::Unknown);
        heartbeats.listen();
        advance(BEAT * 2).await;
        assert_eq!(
            heartbeats.of(&cluster("eu"), Instant::now()),
            Liveness::Unknown,
            "it may report any moment"
        );
        let changed =
            timeout(BEAT * 2, changes.next()).await.expect("somebody is woken when it goes offline");
        assert_eq!(changed, BTreeSet::from([cluster("eu")]));
        assert_eq!(heartbeats.of(&cluster("eu"), Instant::now()), Liveness::Offline);
    }

    /// [A1] What was known of an agent before is not forgotten because the database takes no writes.
    #[tokio::test(start_paused = true)]
    async fn who_was_offline_before_the_hub_took_no_reports_in_is_so_until_it_is_heard() {
        let (heartbeats, mut changes) = watched();
        let (eu, us) = (cluster("eu"), cluster("us"));
        heartbeats.expect_all([&eu, &us]);
        advance(BEAT * 4).await;
        heartbeats.heard(&us);
        let both = |heartbeats: &Heartbeats| {
            let now = heartbeats.liveness(Instant::now());
            (now[&eu], now[&us])
        };
        assert_eq!(both(&heartbeats), (Liveness::Offline, Liveness::Online));
        heartbeats.deafen();
        advance(BEAT * 4).await;
        // The writer says so each time that it fails.
        heartbeats.deafen();
        assert_eq!(both(&heartbeats), (Liveness::Offline, Liveness::Unknown));
        heartbeats.listen();
        assert_eq!(both(&heartbeats), (Liveness::Offline, Liveness::Unknown));
        changes.take();
        heartbeats.heard(&eu);
        assert_eq!(changes.next().await, BTreeSet::from([eu.clone()]));
        assert_eq!(both(&heartbeats), (Liveness::Online, Liveness::Unknown));
        heartbeats.deafen();
        advance(BEAT * 4).await;
        assert_eq!(both(&heartbeats), (Liveness::Unknown, Liveness::Unknown), "nobody was offline this time");
    }

    #[tokio::test(start_paused = true)]
    async fn another_incarnation_does_not_live_on_the_old_ones_reports() {
        let (heartbeats, _changes) = watched();
        advance(BEAT * 4).await;
        heartbeats.heard(&cluster("eu"));
        heartbeats.forget(&cluster("eu"));
        assert_eq!(heartbeats.of(&cluster("eu"), Instant::now()), Liveness::Offline);
    }
}
