//! What is particular to a database that several hubs share [A6]: what one stores the others see, in its order, whatever happens to the
//! connections between.

use super::contract::{at, eu, in_postgres, key, one, open, read_token, report, state, stored, view, write};
use super::keys::Database;
use super::postgres::Address;
use super::*;
use crate::access::keyring::Keyring;
use crate::access::secret::Digest;
use futures::future::join_all;
use shipper_core::status::Liveness;
use shipper_test_postgres::{Server, possible};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long anything may take on a busy machine.
const SOON: Duration = Duration::from_secs(30);
/// Longer than any test: what is seen was told.
const NEVER: Duration = Duration::from_secs(3600);

/// What a hub has of the store.
struct Hub {
    store: Arc<PostgresStore>,
    intake: Intake,
    view: View,
}

impl Hub {
    async fn start(address: &Address) -> Self {
        Self::start_with(address, NEVER).await
    }

    async fn start_with(address: &Address, safety_net: Duration) -> Self {
        let store = Arc::new(PostgresStore::open_with(address, safety_net).await.unwrap());
        let view = view();
        let intake = Intake::start(store.clone(), view.clone()).await.unwrap();
        Self { store, intake, view }
    }

    async fn stores(&self, write: Write) -> Written {
        self.intake.write(write).await.unwrap()
    }

    /// The generation that the cluster `eu` reports of an application.
    fn generation(&self, name: &str) -> Option<u64> {
        Some(self.view.reports.for_app(&key(name)).get(&eu())?.target_generation)
    }

    /// Waits until it is so; woken by what changes.
    async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let mut changes = self.view.reports.subscribe();
        let wait = async {
            while !so(self) {
                changes.next().await;
            }
        };
        timeout(SOON, wait).await.unwrap_or_else(|_| panic!("not so within {SOON:?}: {what}"));
    }

    /// Waits until it is so; looks now and then, for what tells nobody that it changed.
    async fn until_seen(&self, what: &str, so: impl AsyncFn(&Self) -> bool) {
        let end = Instant::now() + SOON;
        while !so(self).await {
            assert!(Instant::now() < end, "not so within {SOON:?}: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn sql(url: &Address, statements: &str) {
    let pool = url.alone().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&pool).await.unwrap();
    pool.close().await;
}

/// [A6] The second hub never hears an agent and knows all that they say.
#[tokio::test]
async fn what_one_hub_stores_the_other_sees() {
    let Some(address) = in_postgres("what_one_hub_stores_the_other_sees") else { return };
    let (one, two) = (Hub::start(&address).await, Hub::start(&address).await);
    one.stores(open("s1", "uid-1")).await;
    let mut first = report("s1", 1, vec![state("shop", 1), state("blog", 1)]);
    (first.epoch, first.generation) = (Some(3), Some(14));
    one.stores(write(first)).await;
    two.until("the first report", |two| two.generation("shop").zip(two.generation("blog")) == Some((1, 1)))
        .await;
    assert_eq!(two.view.agents.get(&eu()), one.view.agents.get(&eu()));
    assert_eq!(two.view.agents.commits()[0].standing, Some((3, 14)));
    assert_eq!(two.view.heartbeats.of(&eu(), Instant::now()), Liveness::Online, "[A1]");

    let mut second = report("s1", 2, vec![state("shop", 2)]);
    second.gone = vec![key("blog")];
    one.stores(write(second)).await;
    two.until("the second report", |two| two.generation("shop") == Some(2)).await;
    assert_eq!(two.generation("blog"), None, "what is gone is gone for all");

    one.stores(open("s2", "uid-2")).await;
    two.until("the other cluster of the same name", |two| two.generation("shop").is_none()).await;
    assert_eq!(two.view.agents.get(&eu()).unwrap().cluster_uid, "uid-2");
    assert_eq!(two.view.heartbeats.of(&eu(), Instant::now()), Liveness::Unknown, "it has not reported yet");
}

/// [X5] A session is the cluster's, not the hub's: an agent may be sent to another hub at any moment.
#[tokio::test]
async fn an_agent_may_change_hubs_between_any_two_reports() {
    const REPORTS: u64 = 200;
    let Some(address) = in_postgres("an_agent_may_change_hubs_between_any_two_reports") else { return };
    let hubs = [Hub::start(&address).await, Hub::start(&address).await];
    let mut watches = Vec::new();
    for hub in &hubs {
        let (view, mut changes) = (hub.view.clone(), hub.view.reports.subscribe());
        watches.push(tokio::spawn(async move {
            let mut seen = vec![0];
            while seen.last() != Some(&REPORTS) {
                changes.next().await;
                seen.extend(
                    view.reports.for_app(&key("shop")).get(&eu()).map(|state| state.target_generation),
                );
            }
            seen
        }));
    }
    hubs[0].stores(open("s1", "uid-1")).await;
    for number in 1..=REPORTS {
        let mut next =
            report("s1", number, vec![state("shop", number), state(&format!("app-{}", number % 7), number)]);
        next.gone = vec![key(&format!("app-{}", (number + 3) % 7))];
        // Sometimes the answer is lost, and the agent asks another hub.
        let hub = usize::from(rand::random::<bool>());
        assert_eq!(hubs[hub].stores(write(next.clone())).await, Written::Stored { sequence: number });
        if number % 5 == 0 {
            assert_eq!(hubs[1 - hub].stores(write(next)).await, Written::Older { sequence: number });
        }
    }
    for watch in watches {
        let seen = timeout(SOON, watch).await.unwrap().unwrap();
        assert!(seen.is_sorted(), "no hub goes back: {seen:?}");
    }
    let expected = stored(&*hubs[0].store).await;
    for hub in &hubs {
        let all =
            |hub: &Hub| expected.iter().all(|(name, generation)| hub.generation(name) == Some(*generation));
        hub.until("all that is stored", all).await;
        let names = (0..7).map(|i| format!("app-{i}"));
        hub.until("nothing else", |hub| {
            names.clone().all(|name| hub.generation(&name).is_some() == expected.contains_key(&name))
        })
        .await;
    }
}

#[tokio::test]
async fn hubs_that_meet_new_clusters_at_once_agree_who_they_are() {
    let Some(address) = in_postgres("hubs_that_meet_new_clusters_at_once_agree_who_they_are") else { return };
    let stores = join_all((0..4).map(|_| PostgresStore::open(&address))).await;
    let stores: Vec<_> = stores.into_iter().map(Result::unwrap).collect();
    let identities: BTreeSet<&str> = stores.iter().map(Store::identity).collect();
    assert_eq!(identities.len(), 1, "they made the tables at once: {identities:?}");
    for round in 0..10 {
        let batch = |hub: usize| -> Vec<Write> {
            let mut clusters: Vec<usize> = (0..50).collect();
            clusters.rotate_left(hub * 13);
            let open = |cluster| {
                let cluster = ClusterName::from(format!("c{}", cluster + 25 * round));
                let request = SessionRequest {
                    cluster,
                    cluster_uid: "uid-1".into(),
                    agent_version: "1".into(),
                    unheard_seconds: None,
                };
                Write::Open { session: format!("{hub}"), request, at: at(0) }
            };
            clusters.into_iter().map(open).collect()
        };
        let batches: Vec<_> = (0..4).map(batch).collect();
        let written = join_all(stores.iter().zip(&batches).map(|(store, batch)| store.write(batch))).await;
        let first = written.iter().flat_map(|written| written.as_ref().unwrap());
        let first = first.filter(|written| **written == Written::Opened(Incarnation::First)).count();
        assert_eq!(first, if round == 0 { 50 } else { 25 }, "each is met once");
    }
    assert_eq!(stores[0].load().await.unwrap().agents.len(), 275);
}

#[tokio::test]
async fn a_lost_connection_loses_nothing() {
    let Some(address) = in_postgres("a_lost_connection_loses_nothing") else { return };
    let (one, two) = (Hub::start(&address).await, Hub::start(&address).await);
    one.stores(open("s1", "uid-1")).await;
    for number in 1..=5 {
        sql(
            &address,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
        let next = || write(report("s1", number, vec![state("shop", number)]));
        // An agent sends again what was not acknowledged.
        while one.intake.write(next()).await.is_err() {}
        two.until("what was stored while nobody listened", |two| two.generation("shop") == Some(number))
            .await;
        one.until("what it stored itself", |one| one.generation("shop") == Some(number)).await;
    }
}

#[tokio::test]
async fn what_nobody_tells_is_found_by_looking() {
    let Some(address) = in_postgres("what_nobody_tells_is_found_by_looking") else { return };
    let hub = Hub::start_with(&address, Duration::from_millis(200)).await;
    hub.stores(open("s1", "uid-1")).await;
    hub.stores(write(report("s1", 1, vec![state("shop", 1), state("blog", 1)]))).await;
    sql(&address, "UPDATE reports SET version = 9, body = replace(body, '\"targetGeneration\":1', '\"targetGeneration\":9') WHERE name = 'shop'").await;
    sql(&address, "UPDATE clusters SET version = 9").await;
    hub.until("the newer report", |hub| hub.generation("shop") == Some(9)).await;
    assert_eq!(hub.generation("blog"), Some(1));
    sql(&address, "DELETE FROM reports WHERE name = 'blog'").await;
    sql(&address, "UPDATE clusters SET version = 10, removed = 10").await;
    hub.until("what was removed", |hub| hub.generation("blog").is_none()).await;
    sql(&address, "DELETE FROM clusters").await;
    sql(&address, "DELETE FROM reports").await;
    hub.until("nothing", |hub| hub.generation("shop").is_none()).await;
}

/// Nothing is acknowledged that is not stored, and nobody has to write for the hub to notice that it may again.
#[tokio::test]
async fn a_database_that_was_away_is_used_again_by_itself() {
    if !possible("a_database_that_was_away_is_used_again_by_itself") {
        return;
    }
    let server = Server::start().unwrap();
    let address: Address = server.database().unwrap().parse().unwrap();
    let (one, two) = (Hub::start(&address).await, Hub::start(&address).await);
    one.stores(open("s1", "uid-1")).await;
    one.stores(write(report("s1", 1, vec![state("shop", 1)]))).await;
    two.until("the first report", |two| two.generation("shop") == Some(1)).await;

    server.stop().unwrap();
    let refused = one.intake.write(write(report("s1", 2, vec![state("shop", 2)]))).await;
    assert!(matches!(refused, Err(IntakeError::Failed)), "{refused:?}");
    assert!(!one.intake.healthy() && one.store.ping().await.is_err());
    assert_eq!(one.generation("shop"), Some(1), "what is not stored does not count");
    server.start_again().unwrap();
    one.until_seen("the database works again", async |one| one.intake.healthy()).await;
    assert!(one.store.ping().await.is_ok());
    assert_eq!(stored(&*one.store).await["shop"], 1, "what was acknowledged is still there");
    one.stores(write(report("s1", 2, vec![state("shop", 2)]))).await;
    two.until("what is stored after it came back", |two| two.generation("shop") == Some(2)).await;
}

#[tokio::test]
async fn the_tables_of_every_earlier_hub_are_brought_up_to_date() {
    for version in 1..super::postgres::MIGRATIONS.len() {
        let Some(address) = in_postgres("the_tables_of_every_earlier_hub") else { return };
        for migration in &super::postgres::MIGRATIONS[..version] {
            sql(&address, migration).await;
        }
        let body = serde_json::to_string(&state("shop", 7)).unwrap();
        sql(&address, "CREATE TABLE shipper_schema (version BIGINT NOT NULL)").await;
        sql(&address, &format!("INSERT INTO shipper_schema (version) VALUES ({version})")).await;
        sql(&address, "INSERT INTO clusters (cluster, cluster_uid, session, sequence, version) VALUES ('eu', 'uid-1', 's1', 7, 1)").await;
        let report = format!(
            "INSERT INTO reports (cluster, namespace, name, session, sequence, reported_at, version, body) \
             VALUES ('eu', 'web', 'shop', 's1', 7, 0, 1, '{body}')"
        );
        sql(&address, &report).await;
        let store = PostgresStore::open(&address).await.unwrap();
        assert_eq!(stored(&store).await["shop"], 7, "schema {version}");
        assert_eq!(store.measurements(&key("shop"), 10).await.unwrap(), [], "schema {version}");
        let token = AccessChange::AddToken(read_token("a", "secret"));
        assert_eq!(store.change_access(&[token]).await.unwrap(), [true], "schema {version}");
    }
}

#[tokio::test]
async fn what_is_revoked_beside_one_hub_counts_in_none() {
    let Some(address) = in_postgres("what_is_revoked_beside_one_hub") else { return };
    let keys = Database::Postgres(Box::new(address.clone()));
    let refused = keys.tokens().await.unwrap_err().to_string();
    assert!(refused.contains("cannot be opened"), "a hub makes the tables: {refused}");
    let stores = [PostgresStore::open(&address).await.unwrap(), PostgresStore::open(&address).await.unwrap()];
    let rings = [Keyring::default(), Keyring::default()];
    let known = async |wanted: bool| {
        for (ring, store) in rings.iter().zip(&stores) {
            ring.look(store).await;
            assert_eq!(ring.token(&Digest::of("secret")).is_some(), wanted);
        }
    };
    known(false).await;
    assert_eq!(keys.change(&[AccessChange::AddToken(read_token("a", "secret"))]).await.unwrap(), [true]);
    known(true).await;
    assert_eq!(keys.tokens().await.unwrap(), [read_token("a", "secret")]);
    keys.change(&[AccessChange::RevokeToken("a".into())]).await.unwrap();
    known(false).await;
}

#[tokio::test]
async fn the_tables_of_a_newer_hub_are_left_alone() {
    let Some(address) = in_postgres("the_tables_of_a_newer_hub_are_left_alone") else { return };
    let store = PostgresStore::open(&address).await.unwrap();
    one(&store, open("s1", "uid-1")).await;
    sql(&address, "INSERT INTO shipper_schema (version) VALUES (1000)").await;
    let refused = PostgresStore::open(&address).await.unwrap_err();
    assert!(refused.to_string().contains("newer hub"), "{refused}");
    assert_eq!(store.load().await.unwrap().agents.len(), 1, "whoever works in it goes on");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_refused_at_once() {
    let Some(address) = in_postgres("a_database_that_is_not_there_is_refused_at_once") else { return };
    let url = format!(
        "postgres:///nowhere?host={}&user=shipper",
        address.to_string().split_once(" in ").unwrap().1
    );
    let refused = timeout(SOON / 3, PostgresStore::open(&url.parse().unwrap())).await.unwrap().unwrap_err();
    assert!(
        refused.to_string().contains("nowhere") && refused.to_string().contains("--database"),
        "{refused}"
    );
}
