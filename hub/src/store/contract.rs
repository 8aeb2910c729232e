//! What every database must do, whichever it is: the same tests for all of them.

mod heard;
pub(super) mod measurements;

use super::postgres::Address;
use super::*;
use crate::access::Sight;
use crate::access::secret::Digest;
use crate::liveness::Heartbeats;
use heard::*;
use measurements::*;
use shipper_core::AppKey;
use shipper_core::api::{Commit, EventFilter};
use shipper_core::resources::{Quantity, Resources};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn key(name: &str) -> AppKey {
    AppKey::new("web", name)
}

pub(super) fn eu() -> ClusterName {
    ClusterName::from("eu")
}

pub(super) fn open(session: &str, uid: &str) -> Write {
    let request = SessionRequest {
        cluster: eu(),
        cluster_uid: uid.into(),
        agent_version: "1.0.0".into(),
        unheard_seconds: None,
    };
    Write::Open { session: session.into(), request, at: at(0) }
}

pub(super) fn state(name: &str, generation: u64) -> AppReport {
    AppReport {
        application: key(name),
        target_generation: generation,
        releases: Vec::new(),
        corked: None,
        remains: None,
        unattended: false,
        analysis: None,
        problems: Vec::new(),
    }
}

pub(super) fn report(session: &str, sequence: u64, states: Vec<AppReport>) -> Report {
    Report {
        session: session.into(),
        sequence,
        cluster: eu(),
        cluster_uid: "uid-1".into(),
        agent_version: "1.0.1".into(),
        commit: Some("c0ffee".into()),
        epoch: None,
        generation: None,
        problems: vec!["disk is full".into()],
        api_calls: BTreeMap::from([("PATCH".into(), 3)]),
        free: Some(Resources::from_iter([("cpu".to_owned(), Quantity::whole(3))])),
        applications: states,
        gone: Vec::new(),
    }
}

pub(super) fn write(report: Report) -> Write {
    let second = i64::try_from(report.sequence).unwrap();
    Write::Report { report: Arc::new(report), at: at(second) }
}

pub(super) async fn one(store: &dyn Store, write: Write) -> Written {
    store.write(&[write]).await.unwrap().remove(0)
}

pub(super) fn view() -> View {
    View {
        reports: Arc::default(),
        agents: Arc::default(),
        heartbeats: Arc::new(Heartbeats::new(Duration::from_secs(10))),
        metrics: Arc::default(),
        timeline: Arc::default(),
    }
}

/// Generations by application, as stored.
pub(super) async fn stored(store: &dyn Store) -> BTreeMap<String, u64> {
    let loaded = store.load().await.unwrap();
    loaded.reports.into_iter().map(|(_, r)| (r.application.name, r.target_generation)).collect()
}

pub(super) fn generations(all: &[(&str, u64)]) -> BTreeMap<String, u64> {
    all.iter().map(|(name, generation)| ((*name).to_owned(), *generation)).collect()
}

/// A database of its own for a test, in the shared server; nothing where there can be none, which is said.
pub(super) fn in_postgres(test: &str) -> Option<Address> {
    Some(shipper_test_postgres::shared(test)?.database().unwrap().parse().unwrap())
}

macro_rules! contract {
    ($($test:ident,)+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                let directory = tempfile::tempdir().unwrap();
                let store = super::SqliteStore::open(directory.path()).await.unwrap();
                super::$test(std::sync::Arc::new(store)).await;
            })+
        }
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(std::sync::Arc::<super::MemoryStore>::default()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                let Some(address) = super::in_postgres(stringify!($test)) else { return };
                let store = super::PostgresStore::open(&address).await.unwrap();
                super::$test(std::sync::Arc::new(store)).await;
            })+
        }
    };
}

contract! {
    a_report_replaces_what_it_names_and_keeps_the_rest,
    all_that_a_report_says_of_its_agent_is_kept,
    s1_what_was_free_counts_on_while_an_agent_begins_anew,
    duplicates_and_late_reports_change_nothing,
    the_order_within_a_batch_counts,
    only_the_newest_session_counts_and_numbers_begin_anew_in_it,
    another_cluster_of_the_same_name_begins_with_nothing,
    the_timeline_is_newest_first_and_bounded_by_age_number_and_size,
    the_timeline_is_read_by_every_filter_and_in_pages_both_ways,
    what_one_agent_says_keeps_no_other_report_from_being_stored,
    thousands_of_writes_fit_in_one_batch,
    who_may_read_is_what_was_stored_last,
    a_login_is_used_up_once,
    the_timeline_is_read_within_namespaces,
    a4_what_was_measured_is_kept_by_run_and_cluster,
    a4_all_measurements_are_read_in_parts_whatever_comes_meanwhile,
    measurements_are_bounded_by_age_number_and_size,
}

async fn a_report_replaces_what_it_names_and_keeps_the_rest(store: Arc<dyn Store>) {
    let store = &*store;
    assert_eq!(one(store, open("s1", "uid-1")).await, Written::Opened(Incarnation::First));
    let first = report("s1", 1, vec![state("shop", 1), state("blog", 1)]);
    assert_eq!(one(store, write(first)).await, Written::Stored { sequence: 1 });
    one(store, write(report("s1", 2, vec![state("shop", 2)]))).await;
    assert_eq!(stored(store).await, generations(&[("shop", 2), ("blog", 1)]));

    let mut last = report("s1", 3, Vec::new());
    last.gone = vec![key("blog")];
    one(store, write(last)).await;
    assert_eq!(stored(store).await, generations(&[("shop", 2)]));

    let agent = store.load().await.unwrap().agents.remove(&eu()).unwrap();
    assert_eq!(agent.last_report, Some(at(3)));
    assert_eq!(agent.agent_version, "1.0.1");
    assert_eq!(agent.commit.as_deref(), Some("c0ffee"));
    assert_eq!(agent.problems, ["disk is full"]);
    assert_eq!(agent.api_calls["PATCH"], 3);
    assert_eq!(agent.free.unwrap().get("cpu"), Quantity::whole(3));
}

async fn s1_what_was_free_counts_on_while_an_agent_begins_anew(store: Arc<dyn Store>) {
    let view = view();
    let say = async |write: Write| {
        let batch = [write];
        let written = store.write(&batch).await.unwrap();
        view.remember(&batch, &written);
        let stored = store.load().await.unwrap().agents.remove(&eu()).unwrap();
        let known = view.agents.get(&eu()).unwrap();
        assert_eq!(known.free, stored.free, "a restart of the hub changes nothing");
        known.free.map(|free| free.get("cpu"))
    };
    let silent = |session: &str, sequence: u64, after: i64| {
        let mut report = report(session, sequence, Vec::new());
        report.free = None;
        Write::Report { report: Arc::new(report), at: at(after) }
    };
    let three = Some(Quantity::whole(3));
    say(open("s1", "uid-1")).await;
    assert_eq!(say(silent("s1", 1, 1)).await, None, "nothing was ever said");
    assert_eq!(say(write(report("s1", 2, Vec::new()))).await, three);
    assert_eq!(say(open("s2", "uid-1")).await, three);
    assert_eq!(say(silent("s2", 1, 10)).await, three);
    assert_eq!(say(silent("s2", 2, 100)).await, None, "it had the time to look");
    assert_eq!(say(write(report("s2", 3, Vec::new()))).await, three);
    assert_eq!(say(open("s3", "uid-2")).await, None, "what another cluster of the name had is not known");
}

async fn duplicates_and_late_reports_change_nothing(store: Arc<dyn Store>) {
    let store = &*store;
    one(store, open("s1", "uid-1")).await;
    let newest = report("s1", 7, vec![state("shop", 7)]);
    one(store, write(newest.clone())).await;
    assert_eq!(one(store, write(newest)).await, Written::Older { sequence: 7 });
    let late = report("s1", 6, vec![state("shop", 6), state("blog", 6)]);
    assert_eq!(one(store, write(late)).await, Written::Older { sequence: 7 });
    assert_eq!(stored(store).await, generations(&[("shop", 7)]));
}

async fn the_order_within_a_batch_counts(store: Arc<dyn Store>) {
    let store = &*store;
    let mut removal = report("s1", 2, Vec::new());
    removal.gone = vec![key("shop")];
    let batch = [
        open("s1", "uid-1"),
        write(report("s1", 1, vec![state("shop", 1)])),
        write(removal),
        write(report("s1", 1, vec![state("shop", 1)])),
        write(report("s1", 3, vec![state("blog", 3)])),
        open("s2", "uid-1"),
        write(report("s1", 4, vec![state("blog", 4)])),
    ];
    let written = store.write(&batch).await.unwrap();
    let expected = [
        Written::Opened(Incarnation::First),
        Written::Stored { sequence: 1 },
        Written::Stored { sequence: 2 },
        Written::Older { sequence: 2 },
        Written::Stored { sequence: 3 },
        Written::Opened(Incarnation::Same),
        Written::UnknownSession,
    ];
    assert_eq!(written, expected);
    assert_eq!(stored(store).await, generations(&[("blog", 3)]));
}

async fn only_the_newest_session_counts_and_numbers_begin_anew_in_it(store: Arc<dyn Store>) {
    let store = &*store;
    assert_eq!(one(store, write(report("s0", 1, vec![]))).await, Written::UnknownSession);
    one(store, open("s1", "uid-1")).await;
    one(store, write(report("s1", 900, vec![state("shop", 5)]))).await;
    assert_eq!(one(store, open("s2", "uid-1")).await, Written::Opened(Incarnation::Same));
    assert_eq!(stored(store).await, generations(&[("shop", 5)]), "a new session takes nothing away");
    let old = report("s1", 901, vec![state("shop", 4)]);
    assert_eq!(one(store, write(old)).await, Written::UnknownSession);
    let new = report("s2", 1, vec![state("shop", 6)]);
    assert_eq!(one(store, write(new)).await, Written::Stored { sequence: 1 });
    assert_eq!(stored(store).await, generations(&[("shop", 6)]));
}

async fn another_cluster_of_the_same_name_begins_with_nothing(store: Arc<dyn Store>) {
    let store = &*store;
    one(store, open("s1", "uid-1")).await;
    one(store, write(report("s1", 1, vec![state("shop", 1)]))).await;
    let replaced = one(store, open("s2", "uid-2")).await;
    assert_eq!(replaced, Written::Opened(Incarnation::New { old: "uid-1".into() }));
    assert!(stored(store).await.is_empty());
    assert_eq!(store.load().await.unwrap().agents[&eu()].last_report, None);

    assert_eq!(one(store, write(report("s1", 2, vec![state("shop", 2)]))).await, Written::UnknownSession);
    let mixed = report("s2", 1, vec![state("shop", 2)]);
    assert_eq!(mixed.cluster_uid, "uid-1");
    assert_eq!(one(store, write(mixed)).await, Written::UnknownSession);
    assert!(stored(store).await.is_empty());

    let events = newest(store, 10).await;
    assert_eq!(events[0].reason, "ClusterReplaced");
    assert_eq!(events[0].cluster, Some(eu()));
}

pub(super) fn event(second: i64, name: &str) -> TimelineEvent {
    TimelineEvent {
        at: at(second),
        application: Some(key(name)),
        cluster: None,
        reason: "StepAchieved".into(),
        message: format!("{name} at {second}"),
        commit: None,
    }
}

pub(super) async fn read(store: &dyn Store, filter: EventFilter, begin: Begin, limit: u32) -> Vec<Entry> {
    store.events(&EventQuery { filter, begin, limit }).await.unwrap()
}

/// What the newest entries say, newest first.
async fn newest(store: &dyn Store, limit: u32) -> Vec<TimelineEvent> {
    let entries = read(store, EventFilter::default(), Begin::Newest, limit).await;
    entries.into_iter().map(|entry| entry.event).collect()
}

fn keep(since: i64, entries: u64) -> Keep {
    Keep { since: at(since), entries, bytes: u64::MAX }
}

async fn the_timeline_is_newest_first_and_bounded_by_age_number_and_size(store: Arc<dyn Store>) {
    let store = &*store;
    let events = vec![event(1, "shop"), event(2, "blog"), event(3, "shop")];
    assert_eq!(one(store, Write::Events(events)).await, Written::Logged);
    assert_eq!(newest(store, 1).await, [event(3, "shop")]);
    assert_eq!(store.prune(keep(2, 10)).await.unwrap(), 1);
    assert_eq!(newest(store, 10).await, [event(3, "shop"), event(2, "blog")]);
    assert_eq!(store.prune(keep(0, 2)).await.unwrap(), 0);
    assert_eq!(store.prune(keep(0, 1)).await.unwrap(), 1);
    assert_eq!(newest(store, 10).await, [event(3, "shop")]);
    one(store, Write::Events((0..12_000).map(|second| event(second, "lake")).collect())).await;
    assert_eq!(store.prune(keep(4_000, 7_000)).await.unwrap(), 5_001);
    let left = newest(store, 10_000).await;
    assert_eq!((left.len(), &left[6_999]), (7_000, &event(5_000, "lake")));

    let bytes: u64 = left[..100].iter().map(timeline::size).sum();
    let keep = |bytes| Keep { bytes, ..keep(0, 10_000) };
    assert_eq!(store.prune(keep(bytes)).await.unwrap(), 6_900, "as many as fit are kept, and no more");
    assert_eq!(newest(store, 10_000).await, left[..100]);
    assert_eq!(store.prune(keep(bytes - 1)).await.unwrap(), 1);
    assert_eq!(store.prune(keep(bytes)).await.unwrap(), 0);
    let commit =
        Commit { id: "c0ffee".into(), author: Some("Zoë".into()), subject: Some("Größer".into()) };
    let wide = TimelineEvent {
        message: "é".repeat(500),
        cluster: Some(eu()),
        commit: Some(commit.clone()),
        ..event(1, "shop")
    };
    one(store, Write::Events(vec![wide.clone()])).await;
    assert_eq!(store.prune(keep(timeline::size(&wide))).await.unwrap(), 99, "bytes count, not characters");
    assert_eq!(newest(store, 10).await, [wide]);
    let bare =
        TimelineEvent { commit: Some(Commit { author: None, subject: None, ..commit }), ..event(2, "shop") };
    one(store, Write::Events(vec![bare.clone()])).await;
    assert_eq!(newest(store, 1).await, [bare]);
}

async fn the_timeline_is_read_by_every_filter_and_in_pages_both_ways(store: Arc<dyn Store>) {
    let store = &*store;
    let other = AppKey::new("data", "shop");
    let events: Vec<TimelineEvent> = (0..60)
        .map(|second| TimelineEvent {
            application: match second % 3 {
                0 => Some(key("shop")),
                1 => Some(other.clone()),
                _ => None,
            },
            cluster: (second % 2 == 0).then(eu),
            reason: ["StepAchieved", "ReleaseMade"][usize::from(second % 4 == 0)].into(),
            ..event(second, "x")
        })
        .collect();
    one(store, Write::Events(events.clone())).await;
    let all = EventFilter::default;
    let filters = [
        all(),
        EventFilter { application: Some(key("shop")), ..all() },
        EventFilter { namespace: Some("data".into()), ..all() },
        EventFilter { cluster: Some(eu()), ..all() },
        EventFilter { reason: Some("ReleaseMade".into()), ..all() },
        EventFilter { since: Some(at(40)), ..all() },
        EventFilter {
            within: None,
            application: Some(other),
            namespace: Some("data".into()),
            cluster: Some(eu()),
            reason: Some("ReleaseMade".into()),
            since: Some(at(20)),
        },
        EventFilter { namespace: Some("nowhere".into()), ..all() },
    ];
    for filter in filters {
        let expected: Vec<&TimelineEvent> = events.iter().filter(|event| filter.fits(event)).collect();
        let (mut backwards, mut from) = (Vec::new(), Begin::Newest);
        loop {
            let page = read(store, filter.clone(), from, 7).await;
            let Some(last) = page.last() else { break };
            from = Begin::Before(last.number);
            backwards.extend(page);
        }
        let (mut forwards, mut from) = (Vec::new(), Begin::After(0));
        loop {
            let page = read(store, filter.clone(), from, 7).await;
            let Some(last) = page.last() else { break };
            from = Begin::After(last.number);
            forwards.extend(page);
        }
        assert!(forwards.iter().map(|entry| &entry.event).eq(expected.iter().copied()), "{filter:?}");
        backwards.reverse();
        assert_eq!(backwards, forwards, "{filter:?}");
    }
}

async fn thousands_of_writes_fit_in_one_batch(store: Arc<dyn Store>) {
    let store = &*store;
    let clusters: Vec<String> = (0..1200).map(|i| format!("c{i}")).collect();
    let mut batch = Vec::new();
    for name in &clusters {
        let cluster = ClusterName::from(name.as_str());
        let request = SessionRequest {
            cluster,
            cluster_uid: "uid-1".into(),
            agent_version: "1".into(),
            unheard_seconds: None,
        };
        batch.push(Write::Open { session: name.clone(), request, at: at(0) });
        let mut first = report(name, 1, vec![state("shop", 1), state("blog", 1)]);
        first.cluster = ClusterName::from(name.as_str());
        batch.push(write(first));
    }
    let written = store.write(&batch).await.unwrap();
    assert_eq!(written.iter().filter(|w| **w == Written::Stored { sequence: 1 }).count(), 1200);
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.agents.len(), loaded.reports.len()), (1200, 2400));
}

/// Text that no database can hold, and names longer than an index takes, cost at most whoever sends them.
async fn what_one_agent_says_keeps_no_other_report_from_being_stored(store: Arc<dyn Store>) {
    let intake = Intake::start(store.clone(), view()).await.unwrap();
    let request = |cluster: &str, version: &str| SessionRequest {
        cluster: cluster.into(),
        cluster_uid: "uid-1".into(),
        agent_version: version.into(),
        unheard_seconds: None,
    };
    let random: String = (0..9_000).map(|_| char::from(rand::random_range(b'a'..=b'z'))).collect();
    let opened = ["a", "b", "c", "d", "e"].map(|cluster| {
        let version = if cluster == "c" { "1.0\0" } else { "1.0" };
        intake.write(Write::Open { session: cluster.into(), request: request(cluster, version), at: at(0) })
    });
    let opened = futures::future::join_all(opened).await;
    assert_eq!(opened.iter().filter(|opened| opened.is_err()).count(), usize::from(opened[2].is_err()));
    let reports = ["a", "b", "d", "e"].map(|cluster| {
        let name = if cluster == "b" { random.as_str() } else { "shop" };
        let mut report = report(cluster, 1, vec![state(name, 1)]);
        report.cluster = cluster.into();
        intake.write(write(report))
    });
    let stored = futures::future::join_all(reports).await;
    for (number, stored) in stored.into_iter().enumerate() {
        assert!(number == 1 || stored.unwrap() == Written::Stored { sequence: 1 });
    }
    assert!(intake.healthy());
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.reports.iter().filter(|(_, report)| report.application == key("shop")).count(), 3);
}

pub(super) fn read_token(name: &str, secret: &str) -> ReadToken {
    ReadToken {
        hash: Digest::of(secret),
        name: name.to_owned(),
        sight: Sight::Namespaces(["web".to_owned(), "data".to_owned()].into()),
        created: at(0),
        expires: Some(at(100)),
        used: None,
    }
}

pub(super) fn session(secret: &str) -> Session {
    let person = Person {
        subject: "248289761001".into(),
        name: "Ann".into(),
        email: Some("ann@example.com".into()),
        groups: vec!["shop".into()],
        token: None,
    };
    Session { hash: Digest::of(secret), person, created: at(0), used: at(0), expires: at(50) }
}

async fn change(store: &dyn Store, change: AccessChange) -> bool {
    store.change_access(&[change]).await.unwrap() == [true]
}

async fn who_may_read_is_what_was_stored_last(store: Arc<dyn Store>) {
    let store = &*store;
    let before = store.access_version().await.unwrap();
    assert!(store.readers().await.unwrap().tokens.is_empty());
    let (one, two) = (
        read_token("b", "one"),
        ReadToken { sight: Sight::Everything, expires: None, ..read_token("a", "two") },
    );
    assert!(change(store, AccessChange::AddToken(one.clone())).await);
    assert!(change(store, AccessChange::AddToken(two.clone())).await);
    assert!(!change(store, AccessChange::AddToken(read_token("a", "three"))).await, "the name is taken");
    assert!(change(store, AccessChange::Begin(session("ann"))).await);
    let readers = store.readers().await.unwrap();
    assert_eq!((&readers.tokens[..], &readers.sessions[..]), (&[two, one][..], &[session("ann")][..]));
    assert_eq!(readers.version, store.access_version().await.unwrap());
    assert!(readers.version > before, "others see that somebody may read now");

    assert!(change(store, AccessChange::TokenUsed(Digest::of("one"), at(7))).await);
    assert!(!change(store, AccessChange::TokenUsed(Digest::of("one"), at(6))).await, "the later use counts");
    assert_eq!(store.access_version().await.unwrap(), readers.version, "that it was used is no news");
    assert!(change(store, AccessChange::SessionUsed(Digest::of("ann"), at(8))).await);
    let used = store.readers().await.unwrap();
    assert_eq!((used.tokens[1].used, used.sessions[0].used), (Some(at(7)), at(8)));
    assert!(used.version > readers.version, "it keeps a session alive, so others have to know");

    assert!(change(store, AccessChange::RevokeToken("b".into())).await);
    assert!(!change(store, AccessChange::RevokeToken("b".into())).await);
    store.change_access(&[AccessChange::Prune(at(40))]).await.unwrap();
    assert_eq!(store.readers().await.unwrap().sessions.len(), 1, "it counts still");
    assert!(change(store, AccessChange::End(Digest::of("ann"))).await);
    assert!(change(store, AccessChange::Begin(session("bob"))).await);
    store.change_access(&[AccessChange::Prune(at(60))]).await.unwrap();
    let left = store.readers().await.unwrap();
    assert_eq!((left.tokens.len(), left.sessions.len()), (1, 0));
    assert!(left.version > used.version);
}

async fn a_login_is_used_up_once(store: Arc<dyn Store>) {
    let spend = |secret: &str| AccessChange::Spend(Digest::of(secret), at(10));
    assert!(change(&*store, spend("one")).await);
    assert!(!change(&*store, spend("one")).await);
    let both = futures::future::join(change(&*store, spend("two")), change(&*store, spend("two"))).await;
    assert!(both.0 != both.1, "of two at once exactly one: {both:?}");
    store.change_access(&[AccessChange::Prune(at(20))]).await.unwrap();
    assert!(change(&*store, spend("one")).await, "what is too old is forgotten");
}

async fn the_timeline_is_read_within_namespaces(store: Arc<dyn Store>) {
    let mut of_data = event(2, "lake");
    of_data.application = Some(AppKey::new("data", "lake"));
    let of_nobody = TimelineEvent { application: None, ..event(3, "shop") };
    one(&*store, Write::Events(vec![event(1, "shop"), of_data, of_nobody])).await;
    let read = async |within: &[&str]| {
        let within = Some(within.iter().map(|one| (*one).to_owned()).collect());
        let filter = EventFilter { within, ..EventFilter::default() };
        let found = store
            .events(&EventQuery { filter: filter.clone(), begin: Begin::Newest, limit: 10 })
            .await
            .unwrap();
        assert!(found.iter().all(|entry| filter.fits(&entry.event)), "streams say the same");
        found.into_iter().map(|entry| entry.event.application.unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(read(&["web"]).await, ["web/shop"]);
    assert_eq!(read(&["data", "web"]).await, ["data/lake", "web/shop"]);
    assert!(read(&["other"]).await.is_empty() && read(&[]).await.is_empty());
}

/// [A6] Hubs tell by it whether they share a database.
#[tokio::test]
async fn the_identity_survives_reopening_and_no_two_databases_share_one() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut told_apart = BTreeSet::new();
    for directory in &directories {
        let store = SqliteStore::open(directory.path()).await.unwrap();
        let identity = store.identity().to_owned();
        store.close().await;
        drop(store);
        assert_eq!(SqliteStore::open(directory.path()).await.unwrap().identity(), identity);
        told_apart.insert(identity);
    }
    told_apart
        .extend([MemoryStore::default(), MemoryStore::default()].map(|store| store.identity().to_owned()));
    assert_eq!(told_apart.len(), 4, "{told_apart:?}");
    for _ in 0..2 {
        let Some(address) = in_postgres("identity") else { return };
        let (one, same) =
            (PostgresStore::open(&address).await.unwrap(), PostgresStore::open(&address).await.unwrap());
        assert_eq!(one.identity(), same.identity());
        told_apart.insert(one.identity().to_owned());
    }
    assert_eq!(told_apart.len(), 6, "{told_apart:?}");
    assert!(!told_apart.contains(""));
}
