//! Tables that come from a backup. What stood in them proves nothing now [A1]: a report that was overtaken since the backup was made must never
//! count as evidence. So reports and sessions go, as with a copy of an SQLite file that is put back, and every agent says everything anew.
//!
//! Tables know where they are: the table's number, which a dump does not carry; the server's, which no other has; and the server's timeline,
//! which is another one after it was recovered to an earlier moment, or a standby took over.

use sqlx::PgConnection;

/// Of these no more than the table's number may be read everywhere.
const OWN: &str = "SELECT 'clusters'::regclass::oid::text";
const SERVER: [(&str, &str); 2] = [
    ("pg_control_system()", "SELECT system_identifier::text FROM pg_control_system()"),
    ("pg_control_checkpoint()", "SELECT timeline_id::text FROM pg_control_checkpoint()"),
];

/// What is taken out. Hubs that run learn of it by the version, as of reports that are gone.
const SIFT: &str = "DELETE FROM reports; DELETE FROM sessions; UPDATE access SET version = version + 1; \
    UPDATE clusters SET session = '', sequence = NULL, version = version + 1, removed = version + 1;";

/// Finds out whether the tables are where they were last, and takes out what is worth nothing where they are not; answers whether it did.
pub(super) async fn sift(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let mut place: String = sqlx::query_scalar(OWN).fetch_one(&mut *connection).await?;
    for (function, query) in SERVER {
        let allowed = sqlx::query_scalar("SELECT has_function_privilege($1, 'execute')").bind(function);
        if allowed.fetch_one(&mut *connection).await? {
            let part: String = sqlx::query_scalar(query).fetch_one(&mut *connection).await?;
            place = format!("{place}/{part}");
        }
    }
    let known: Option<String> =
        sqlx::query_scalar("SELECT place FROM identity").fetch_one(&mut *connection).await?;
    if known.as_ref() == Some(&place) {
        return Ok(false);
    }
    if known.is_some() {
        sqlx::raw_sql(SIFT).execute(&mut *connection).await?;
    }
    sqlx::query("UPDATE identity SET place = $1").bind(&place).execute(&mut *connection).await?;
    Ok(known.is_some())
}

#[cfg(test)]
mod tests {
    use crate::store::contract::{
        at, event, generations, one, open, read, report, session, state, stored, write,
    };
    use crate::store::{AccessChange, Begin, PostgresStore, Store, Write, Written};
    use shipper_core::api::EventFilter;
    use shipper_test_postgres::shared;
    use std::sync::Arc;

    async fn store(url: &str) -> PostgresStore {
        PostgresStore::open(&url.parse().unwrap()).await.unwrap()
    }

    /// A hub that has heard of an application, written to the timeline and let somebody in.
    async fn lived(url: &str) -> PostgresStore {
        let store = store(url).await;
        one(&store, open("s1", "uid-1")).await;
        one(&store, write(report("s1", 1, vec![state("shop", 7)]))).await;
        one(&store, Write::Events(vec![event(1, "shop")])).await;
        store.change_access(&[AccessChange::Begin(session("ann"))]).await.unwrap();
        store
    }

    /// What is worth nothing is gone, history is there, and the agent is asked for everything.
    async fn only_history(store: &PostgresStore, identity: &str) {
        assert_eq!(store.identity(), identity);
        assert_eq!(stored(store).await, generations(&[]));
        assert!(store.readers().await.unwrap().sessions.is_empty());
        assert_eq!(read(store, EventFilter::default(), Begin::Newest, 10).await.len(), 1);
        let late = write(report("s1", 2, vec![state("shop", 8)]));
        assert_eq!(one(store, late).await, Written::UnknownSession);
        assert_eq!(store.load().await.unwrap().agents.len(), 1, "which cluster it is counts on");
    }

    #[tokio::test]
    async fn a1_what_agents_said_before_a_backup_proves_nothing_after_it() {
        let Some(server) = shared("a1_what_agents_said_before_a_backup") else { return };
        let (one_place, other) = (server.database().unwrap(), server.database().unwrap());
        let before = lived(&one_place).await;
        let identity = before.identity().to_owned();
        server.dump(&one_place, "hub.sql").unwrap();

        // In another database, as after a loss.
        server.restore(&other, "hub.sql").unwrap();
        let restored = store(&other).await;
        only_history(&restored, &identity).await;
        one(&restored, open("s2", "uid-1")).await;
        one(&restored, write(report("s2", 1, vec![state("shop", 9)]))).await;
        restored.close().await;
        let again = store(&other).await;
        assert_eq!(stored(&again).await, generations(&[("shop", 9)]), "only once");
        again.close().await;

        // In the same one.
        assert_eq!(stored(&before).await, generations(&[("shop", 7)]));
        before.close().await;
        server.restore(&one_place, "hub.sql").unwrap();
        let back = store(&one_place).await;
        only_history(&back, &identity).await;
        back.close().await;
    }

    /// A hub that runs lets go of what another one, which starts, finds to be of before.
    #[tokio::test]
    async fn a1_hubs_that_run_learn_that_what_they_have_proves_nothing() {
        let Some(server) = shared("a1_hubs_that_run_learn") else { return };
        let url = server.database().unwrap();
        let running: Arc<PostgresStore> = Arc::new(lived(&url).await);
        let loaded = running.load().await.unwrap();
        assert_eq!(loaded.reports.len(), 1);
        server.query(&url, "UPDATE identity SET place = 'elsewhere'").unwrap();
        let starting = store(&url).await;
        let news = running.catch_up().await.unwrap();
        let [news] = news.as_slice() else { panic!("{news:?}") };
        assert!(news.whole && news.reports.is_empty(), "{news:?}");
        assert_eq!(news.agent.as_ref().unwrap().opened, at(0));
        starting.close().await;
    }

    /// Whoever may not ask where the server is compares what may be read.
    #[tokio::test]
    async fn a_role_that_may_see_little_is_enough() {
        let Some(server) = shared("a_role_that_may_see_little") else { return };
        let url = server.database().unwrap();
        server.query(&url, "CREATE ROLE little LOGIN; GRANT CREATE ON SCHEMA public TO little").unwrap();
        for function in ["system", "checkpoint"] {
            let revoke = format!("REVOKE EXECUTE ON FUNCTION pg_control_{function}() FROM PUBLIC");
            server.query(&url, &revoke).unwrap();
        }
        let little = url.replace("user=shipper", "user=little");
        lived(&little).await.close().await;
        let place = server.query(&url, "SELECT place FROM identity").unwrap();
        assert!(!place.is_empty() && !place.contains('/'), "{place}");
        assert_eq!(stored(&store(&little).await).await, generations(&[("shop", 7)]));
    }
}
