//! What hubs of every earlier schema stored is there after an upgrade, in SQLite and in PostgreSQL: what agents reported and measured, their
//! sessions, the timeline with its numbers, read tokens, people who signed in, and logins that were used up.

use super::contract::{
    at, eu, event, generations, in_postgres, key, one, read, report, state, stored, write,
};
use super::postgres::Address;
use super::*;
use crate::access::Sight;
use crate::access::secret::Digest;
use shipper_core::api::{Commit, EventFilter};
use std::collections::BTreeSet;
use std::path::Path;

/// A report of an application as it stands in a row. It is a text and not made here: this is what hubs have written, whatever is written now.
const REPORT: &str = r#"{"application":"web/shop","targetGeneration":7,"releases":[{"name":"shop-83e4eedd-0","present":true,"installed":true,
"capacity":{"rendered":10,"desired":5,"replicas":5,"pods":5,"ready":4,"available":4,"achieved":false},"traffic":{"wanted":5,"ready":4,
"achieved":false},"pods":[{"reason":"ImagePullBackOff","count":1,"example":"shop-83e4eedd-0-x","message":"no such image"}]}],"unattended":false,
"problems":[{"object":"Service web/shop","heals":false,"reason":"Refused","message":"a policy"}],"analysis":{"release":"shop-83e4eedd-0",
"run":"2027-01-15T08:00:00Z","measures":[{"name":"errors","passed":3,"failed":1,"unknown":0,"samples":[
{"generation":7,"at":"2027-01-15T08:01:00Z","outcome":"failed","measured":"0.2"}]}]}}"#;

/// What hubs wrote: from which schema on there is a place for it in SQLite and in PostgreSQL, and the statement.
const ROWS: [(usize, usize, &str); 12] = [
    (
        1,
        1,
        "INSERT INTO clusters (cluster, cluster_uid, session, started_at, sequence, agent_version, target_commit, problems, api_calls, \
        reported_at) VALUES ('eu', 'uid-1', 's1', 1800000000000, 7, '0.9', 'c0ffee', '[\"disk is full\"]', '{\"PATCH\":3}', 1800000007000)",
    ),
    (
        1,
        1,
        "INSERT INTO events (at, namespace, name, cluster, reason, message) VALUES \
        (1800000001000, 'web', 'shop', NULL, 'StepAchieved', 'shop at 1'), (1800000002000, NULL, NULL, 'eu', 'ClusterReplaced', 'anew'), \
        (1800000003000, 'web', 'blog', NULL, 'StepAchieved', 'blog at 3')",
    ),
    (FREE.0, FREE.1, "UPDATE clusters SET free = '{\"cpu\":\"3\"}'"),
    (IDENTITY.0, IDENTITY.1, "UPDATE identity SET identity = 'of-before'"),
    (
        STANDING.0,
        STANDING.1,
        "UPDATE clusters SET version = 5, removed = 2, target_epoch = 3, target_generation = 14",
    ),
    (STANDING.0, STANDING.1, "UPDATE reports SET version = 4"),
    (
        ACCESS.0,
        ACCESS.1,
        "INSERT INTO read_tokens (hash, name, namespaces, created_at, expires_at, used_at) VALUES ('$token', 'ci', \
        '[\"web\"]', 1800000000000, NULL, 1800000009000), ('$other', 'old', '[\"*\"]', 1800000000000, 1800000100000, NULL)",
    ),
    (
        ACCESS.0,
        ACCESS.1,
        "INSERT INTO sessions (hash, person, created_at, used_at, expires_at) VALUES ('$ann', '{\"subject\":\"4711\",\
        \"name\":\"Ann\",\"email\":\"ann@example.com\",\"groups\":[\"shop\",\"sre\"]}', 1800000000000, 1800000008000, 1800000050000)",
    ),
    (ACCESS.0, ACCESS.1, "INSERT INTO logins (hash, expires_at) VALUES ('$login', 1800000010000)"),
    (ACCESS.0, ACCESS.1, "UPDATE access SET version = 41"),
    (
        COMMITS.0,
        COMMITS.1,
        "UPDATE events SET commit_id = 'f00d', commit_author = 'Zoë', commit_subject = 'Größer' WHERE reason = 'StepAchieved'",
    ),
    (
        MEASURED.0,
        MEASURED.1,
        "INSERT INTO measurements (at, namespace, name, release, run, cluster, body) VALUES (1800000006000, 'web', 'shop', \
        'shop-83e4eedd-0', 1800000000000, 'eu', '$measured')",
    ),
];

/// What was measured, as it stands in a row.
const MEASUREMENT: &str = r#"{"at":"2027-01-15T08:00:06Z","application":"web/shop","release":"shop-83e4eedd-0","step":1,"stepName":"half",
"run":"2027-01-15T08:00:00Z","cluster":"eu","outcome":"passed","gate":"passed","measures":[{"name":"errors","passed":3,"failed":0,"unknown":0,
"samples":[{"generation":7,"at":"2027-01-15T08:00:05Z","outcome":"passed","measured":"0.02"}]}]}"#;

/// The schemas that have these first, in SQLite and in PostgreSQL.
const FREE: (usize, usize) = (2, 1);
const IDENTITY: (usize, usize) = (3, 1);
const STANDING: (usize, usize) = (4, 1);
const ACCESS: (usize, usize) = (6, 3);
const COMMITS: (usize, usize) = (7, 4);
const MEASURED: (usize, usize) = (8, 5);

/// Digests of the schemas that hubs have run: what is in a database was made by these and no others.
const RUN: ([&str; 8], [&str; 6]) = (
    [
        "89bac11bb2c000b36f73d3ff01db4317a78c1bdb1eb04920fdff217c3f2e0952",
        "96ae8632037899d05453bbf79e9574b0f8f1069d48991b6af4c121c265cd4dcb",
        "df80f3e157cbb76fddbbc59ecec07dcd61ead19a1ae284f605d43e9055bd9d2c",
        "d26e7c4649b77ee7ff2120b8f20baa206b56fc6ea53b8f0be45199aedf4625d2",
        "2105f354f96001baf8bac34284567c9536fd90491e94356f416568250d2d68de",
        "0cfc4a13a3fb0b01908fb56cb3806023cfa268bf3dce155e0a01233e203c78d2",
        "9d6dd5c16a76fb3eb624fe0513517a5950e154ac7ba791f2d5913818ff35cce1",
        "b2e08ebd3786dc68bac1af00079908a4cc963133ab0bdcd51910ceee51884ee3",
    ],
    [
        "08c4478c1519d0892f0762951990e945ba1aef31d20496962bfa0059ad8ba40f",
        "2105f354f96001baf8bac34284567c9536fd90491e94356f416568250d2d68de",
        "0cfc4a13a3fb0b01908fb56cb3806023cfa268bf3dce155e0a01233e203c78d2",
        "9d6dd5c16a76fb3eb624fe0513517a5950e154ac7ba791f2d5913818ff35cce1",
        "317ecd8a0c41beca7bf0d81627199fb391f7f557285363900b0bbceebd95184a",
        "1bae7cf8620d77d1b25bdf5397715646d1c8a1bf76c8f9a66706a688981611f0",
    ],
);

/// A schema of one of the databases.
#[derive(Clone, Copy, Debug)]
enum Schema {
    Sqlite(usize),
    Postgres(usize),
}

impl Schema {
    fn has(self, (sqlite, postgres): (usize, usize)) -> bool {
        match self {
            Self::Sqlite(version) => version >= sqlite,
            Self::Postgres(version) => version >= postgres,
        }
    }

    /// What a hub of this schema had written.
    fn rows(self) -> String {
        let version = if let Self::Postgres(_) = self { ("version, ", "4, ") } else { ("", "") };
        let report = format!(
            "INSERT INTO reports (cluster, namespace, name, session, sequence, reported_at, {}body) \
             VALUES ('eu', 'web', 'shop', 's1', 7, 1800000007000, {}'{REPORT}')",
            version.0, version.1
        );
        let rows = ROWS.iter().filter(|(sqlite, postgres, _)| self.has((*sqlite, *postgres)));
        let mut all = rows.fold(report, |all, (_, _, row)| format!("{all};\n{row}"));
        for secret in ["token", "other", "ann", "login"] {
            all = all.replace(&format!("${secret}"), &Digest::of(secret).to_string());
        }
        all.replace("$measured", MEASUREMENT)
    }
}

/// All of that is there, and things go on from there.
async fn kept(store: &dyn Store, schema: Schema) {
    let loaded = store.load().await.unwrap();
    let agent = AgentInfo {
        opened: at(0),
        cluster_uid: "uid-1".into(),
        agent_version: "0.9".into(),
        commit: Some("c0ffee".into()),
        standing: schema.has(STANDING).then_some((3, 14)),
        problems: vec!["disk is full".into()],
        api_calls: BTreeMap::from([("PATCH".into(), 3)]),
        last_report: Some(at(7)),
        newest: Some(("s1".into(), 7)),
        free: schema.has(FREE).then(|| serde_json::from_str("{\"cpu\":\"3\"}").unwrap()),
    };
    assert_eq!(loaded.agents, BTreeMap::from([(eu(), agent)]), "{schema:?}");
    let measurements = store.measurements(&MeasurementQuery::newest(key("shop"), 10)).await.unwrap();
    let measurement: Measurement = serde_json::from_str(MEASUREMENT).unwrap();
    assert_eq!((measurement.step_name.as_str(), measurement.measures[0].passed), ("half", 3));
    let items = if schema.has(MEASURED) { vec![measurement] } else { Vec::new() };
    assert_eq!(measurements, Measured { items, next: None }, "{schema:?}");
    let reported: AppReport = serde_json::from_str(REPORT).unwrap();
    let measured = &reported.analysis.as_ref().unwrap().measures[0];
    assert_eq!((measured.failed, measured.samples[0].measured.as_str()), (1, "0.2"));
    assert_eq!(loaded.reports, [(eu(), reported)], "{schema:?}");
    match schema.has(IDENTITY) {
        true => assert_eq!(store.identity(), "of-before", "{schema:?}"),
        false => assert!(!store.identity().is_empty(), "{schema:?}"),
    }

    let mut told = [event(3, "blog"), event(2, "eu"), event(1, "shop")];
    (told[1].application, told[1].cluster) = (None, Some(eu()));
    (told[1].reason, told[1].message) = ("ClusterReplaced".into(), "anew".into());
    if schema.has(COMMITS) {
        let [author, subject] = ["Zoë", "Größer"].map(|text| Some(text.to_owned()));
        let commit = Some(Commit { id: "f00d".into(), author, subject });
        (told[0].commit, told[2].commit) = (commit.clone(), commit);
    }
    let entries = read(store, EventFilter::default(), Begin::Newest, 10).await;
    let numbers: Vec<i64> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(
        numbers,
        [3, 2, 1],
        "{schema:?}: who reads on from a number misses nothing and reads nothing twice"
    );
    assert_eq!(entries.into_iter().map(|entry| entry.event).collect::<Vec<_>>(), told, "{schema:?}");
    may_read(store, schema).await;

    one(store, Write::Events(vec![event(4, "shop")])).await;
    let after = read(store, EventFilter::default(), Begin::After(3), 10).await;
    assert_eq!(after, [Entry { number: 4, event: event(4, "shop") }], "{schema:?}");
    let next = write(report("s1", 8, vec![state("blog", 1)]));
    assert_eq!(one(store, next).await, Written::Stored { sequence: 8 }, "{schema:?}: the session goes on");
    let after = generations(&[("blog", 1), ("shop", 7)]);
    assert_eq!(stored(store).await, after, "{schema:?}");
}

/// Whoever could read can, whoever could not cannot, and a login that was used up is.
async fn may_read(store: &dyn Store, schema: Schema) {
    let token = |secret: &str, name: &str| ReadToken {
        hash: Digest::of(secret),
        name: name.into(),
        sight: ["web".to_owned()].into_iter().collect::<BTreeSet<_>>().into(),
        created: at(0),
        expires: None,
        used: Some(at(9)),
    };
    let old =
        ReadToken { sight: Sight::Everything, expires: Some(at(100)), used: None, ..token("other", "old") };
    let ann = Session {
        hash: Digest::of("ann"),
        person: Person {
            subject: "4711".into(),
            name: "Ann".into(),
            email: Some("ann@example.com".into()),
            groups: vec!["shop".into(), "sre".into()],
            token: None,
        },
        created: at(0),
        used: at(8),
        expires: at(50),
    };
    let readers = store.readers().await.unwrap();
    let (mut tokens, mut sessions) = (vec![token("token", "ci"), old], vec![ann]);
    if !schema.has(ACCESS) {
        (tokens, sessions) = Default::default();
    }
    assert_eq!((&readers.tokens, &readers.sessions), (&tokens, &sessions), "{schema:?}");
    if schema.has(ACCESS) {
        assert_eq!(readers.version, 41, "{schema:?}");
    }
    let changes = [
        AccessChange::Spend(Digest::of("login"), at(10)),
        AccessChange::AddToken(token("new", "ci")),
        AccessChange::RevokeToken("old".into()),
        AccessChange::End(Digest::of("ann")),
    ];
    let had = schema.has(ACCESS);
    assert_eq!(store.change_access(&changes).await.unwrap(), [!had, !had, had, had], "{schema:?}");
}

async fn sqlite(directory: &Path, version: usize) -> SqliteStore {
    let url = format!("sqlite://{}?mode=rwc", directory.join("hub.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    for migration in &sqlite::MIGRATIONS[..version] {
        sqlx::raw_sql(*migration).execute(&pool).await.unwrap();
    }
    let rows = format!("{}; PRAGMA user_version = {version}", Schema::Sqlite(version).rows());
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&pool).await.unwrap();
    pool.close().await;
    SqliteStore::open(directory).await.unwrap()
}

async fn postgres(address: &Address, version: usize) -> PostgresStore {
    let pool = address.alone().await.unwrap();
    for migration in &postgres::MIGRATIONS[..version] {
        sqlx::raw_sql(*migration).execute(&pool).await.unwrap();
    }
    let rows = format!(
        "{}; CREATE TABLE shipper_schema (version BIGINT NOT NULL); INSERT INTO shipper_schema (version) VALUES ({version})",
        Schema::Postgres(version).rows()
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&pool).await.unwrap();
    pool.close().await;
    PostgresStore::open(address).await.unwrap()
}

/// A database says how many steps it has gone, and not which: whoever changes one makes hubs whose databases differ and say the same.
#[test]
fn a_schema_that_hubs_have_run_never_changes() {
    let held = |migrations: &[&str], run: &[&str]| {
        let digests: Vec<String> = migrations.iter().map(|sql| Digest::of(sql).to_string()).collect();
        assert_eq!(digests, run, "add a migration, and its digest here; one that has run stays as it is");
    };
    held(sqlite::MIGRATIONS, &RUN.0);
    held(postgres::MIGRATIONS, &RUN.1);
}

#[tokio::test]
async fn a_file_of_every_earlier_hub_keeps_what_is_in_it() {
    for version in 1..=sqlite::MIGRATIONS.len() {
        let directory = tempfile::tempdir().unwrap();
        let store = sqlite(directory.path(), version).await;
        kept(&store, Schema::Sqlite(version)).await;
    }
}

#[tokio::test]
async fn tables_of_every_earlier_hub_keep_what_is_in_them() {
    for version in 1..=postgres::MIGRATIONS.len() {
        let Some(address) = in_postgres("tables_of_every_earlier_hub") else { return };
        let store = postgres(&address, version).await;
        kept(&store, Schema::Postgres(version)).await;
    }
}
