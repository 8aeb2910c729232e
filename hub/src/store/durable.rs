//! What is particular to the store in a file: it outlives kills and damage, and feeds the view in memory.

use super::contract::measurements::measurement;
use super::contract::{at, eu, event, generations, key, one, open, read, report, state, stored, view, write};
use super::sqlite::backup::{BackupError, backup, restore};
use super::*;
use crate::access::secret::Digest;
use crate::clock::Clock;
use shipper_core::api::EventFilter;
use shipper_core::report::Outcome;
use std::path::Path;

async fn fresh() -> (tempfile::TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).await.unwrap();
    (directory, store)
}

async fn reopen(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory).await.unwrap()
}

#[tokio::test]
async fn two_hubs_do_not_share_a_directory() {
    let (directory, _store) = fresh().await;
    let refused = SqliteStore::open(directory.path()).await.unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
}

#[tokio::test]
async fn a_damaged_database_is_moved_aside_and_a_new_one_works() {
    let damage = "this is no database, ".repeat(500);
    let (directory, store) = fresh().await;
    one(&store, open("s1", "uid-1")).await;
    store.close().await;
    drop(store);
    std::fs::write(directory.path().join("hub.db"), &damage).unwrap();
    let store = reopen(directory.path()).await;
    assert!(store.load().await.unwrap().agents.is_empty());
    assert_eq!(one(&store, open("s2", "uid-1")).await, Written::Opened(Incarnation::First));
    let kept = std::fs::read_dir(directory.path())
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.unwrap().path()).ok())
        .any(|content| content == damage.as_bytes());
    assert!(kept, "the damaged file is kept for whoever wants to look");
}

#[tokio::test]
async fn a_database_of_a_newer_hub_is_moved_aside() {
    let (directory, store) = fresh().await;
    store.close().await;
    drop(store);
    let path = directory.path().join("hub.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("PRAGMA user_version = 1000").execute(&pool).await.unwrap();
    pool.close().await;
    let store = reopen(directory.path()).await;
    assert_eq!(one(&store, open("s1", "uid-1")).await, Written::Opened(Incarnation::First));
}

#[tokio::test]
async fn a_database_with_a_torn_page_is_moved_aside() {
    let (directory, store) = fresh().await;
    one(&store, open("s1", "uid-1")).await;
    let many = (0..500).map(|i| state(&format!("app-{i}"), 1)).collect();
    one(&store, write(report("s1", 1, many))).await;
    store.close().await;
    drop(store);
    let path = directory.path().join("hub.db");
    let mut content = std::fs::read(&path).unwrap();
    let middle = content.len() / 2;
    content[middle..].fill(0x5a);
    std::fs::write(&path, content).unwrap();
    let store = reopen(directory.path()).await;
    assert!(store.load().await.unwrap().reports.is_empty());
}

/// What is older is told all the same, and that there is more of it.
#[tokio::test]
async fn a_measurement_that_cannot_be_read_any_more_is_left_out() {
    let (directory, store) = fresh().await;
    let all: Vec<Measurement> = (0..4).map(|run| measurement("shop", run, "eu", Outcome::Passed)).collect();
    one(&store, Write::Measurements(all.clone())).await;
    store.close().await;
    drop(store);
    let path = directory.path().join("hub.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let older =
        sqlx::query("UPDATE measurements SET body = '{\"of\": \"another version\"}' WHERE id IN (2, 4)");
    assert_eq!(older.execute(&pool).await.unwrap().rows_affected(), 2);
    pool.close().await;

    let store = reopen(directory.path()).await;
    let query = |before, limit| MeasurementQuery { before, ..MeasurementQuery::newest(key("shop"), limit) };
    let newest = store.measurements(&query(None, 1)).await.unwrap();
    assert_eq!(newest, Measured { items: Vec::new(), next: Some(4) });
    let older = store.measurements(&query(newest.next, 2)).await.unwrap();
    assert_eq!(older, Measured { items: vec![all[2].clone()], next: Some(2) });
    let oldest = store.measurements(&query(older.next, 2)).await.unwrap();
    assert_eq!(oldest, Measured { items: vec![all[0].clone()], next: None });
}

#[tokio::test]
async fn a_report_that_cannot_be_read_any_more_is_asked_for_again() {
    let (directory, store) = fresh().await;
    one(&store, open("s1", "uid-1")).await;
    one(&store, write(report("s1", 1, vec![state("shop", 1), state("blog", 1)]))).await;
    store.close().await;
    drop(store);
    let path = directory.path().join("hub.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let older = sqlx::query("UPDATE reports SET body = '{\"of\": \"another version\"}' WHERE name = 'shop'");
    assert_eq!(older.execute(&pool).await.unwrap().rows_affected(), 1);
    pool.close().await;

    let store = reopen(directory.path()).await;
    assert_eq!(stored(&store).await.into_keys().collect::<Vec<_>>(), ["blog"]);
    let next = report("s1", 2, vec![state("blog", 2)]);
    assert_eq!(one(&store, write(next)).await, Written::UnknownSession, "the agent has to begin anew");
    assert_eq!(one(&store, open("s2", "uid-1")).await, Written::Opened(Incarnation::Same));
    one(&store, write(report("s2", 1, vec![state("shop", 2), state("blog", 2)]))).await;
    store.close().await;
    drop(store);
    let store = reopen(directory.path()).await;
    assert_eq!(stored(&store).await.len(), 2);
    let next = report("s2", 2, Vec::new());
    assert_eq!(one(&store, write(next)).await, Written::Stored { sequence: 2 }, "once is enough");
}

/// [A1] A copy of a working database brings back the timeline and which clusters are known, and no evidence.
#[tokio::test]
async fn what_the_database_refused_does_not_count_as_stored() {
    let (directory, store) = fresh().await;
    one(&store, open("s1", "uid-1")).await;
    one(&store, write(report("s1", 1, vec![state("shop", 1)]))).await;
    let url = format!("sqlite://{}", directory.path().join("hub.db").display());
    let beside = sqlx::SqlitePool::connect(&url).await.unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON reports BEGIN SELECT RAISE(ABORT, 'no'); END";
    sqlx::raw_sql(refuse).execute(&beside).await.unwrap();
    let second = || write(report("s1", 2, vec![state("shop", 2)]));
    store.write(&[second()]).await.unwrap_err();
    store.write(&[second(), open("s2", "uid-1")]).await.unwrap_err();
    sqlx::raw_sql("DROP TRIGGER refuse").execute(&beside).await.unwrap();
    beside.close().await;
    assert_eq!(
        one(&store, second()).await,
        Written::Stored { sequence: 2 },
        "neither number nor session counts"
    );
    assert_eq!(stored(&store).await, generations(&[("shop", 2)]));
}

/// What a report says again of its agent is not written again.
#[tokio::test]
async fn of_an_agent_only_what_is_new_is_written() {
    let (directory, store) = fresh().await;
    one(&store, open("s1", "uid-1")).await;
    one(&store, write(report("s1", 1, vec![state("shop", 1)]))).await;
    let url = format!("sqlite://{}", directory.path().join("hub.db").display());
    let beside = sqlx::SqlitePool::connect(&url).await.unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF cluster_uid, session, started_at, agent_version, target_commit, target_epoch, \
                  target_generation, problems, free, removed ON clusters BEGIN SELECT RAISE(ABORT, 'no'); END";
    sqlx::raw_sql(refuse).execute(&beside).await.unwrap();
    beside.close().await;
    let busy = BTreeMap::from([("PATCH".into(), 4)]);
    let next = Report { api_calls: busy, ..report("s1", 2, vec![state("shop", 2)]) };
    assert_eq!(one(&store, write(next)).await, Written::Stored { sequence: 2 });
    let other = Report { problems: Vec::new(), ..report("s1", 3, Vec::new()) };
    store.write(&[write(other)]).await.unwrap_err();
}

#[tokio::test]
async fn a_batch_of_any_size_is_stored_whole() {
    let (directory, store) = fresh().await;
    one(&store, open("s1", "uid-1")).await;
    let mut all = BTreeMap::new();
    for (sequence, count) in [1, 2, 3, 63, 64, 65, 127, 511, 512, 513, 1_100].into_iter().enumerate() {
        let name = |number| format!("app-{sequence}-{number}");
        let states: Vec<_> = (0..count).map(|number| state(&name(number), 1)).collect();
        one(&store, write(report("s1", sequence as u64 + 1, states))).await;
        all.extend((0..count).map(|number| (name(number), 1)));
    }
    assert_eq!(stored(&store).await, all);
    store.close().await;
    drop(store);
    assert_eq!(stored(&reopen(directory.path()).await).await, all);
}

#[tokio::test]
async fn nothing_is_written_to_a_store_that_was_closed() {
    let (_directory, store) = fresh().await;
    one(&store, open("s1", "uid-1")).await;
    store.close().await;
    let spend = [AccessChange::Spend(Digest::of("once"), at(1))];
    assert!(store.write(&[write(report("s1", 1, vec![state("shop", 1)]))]).await.is_err());
    assert!(store.write(&[]).await.is_err() && store.ping().await.is_err());
    assert!(store.change_access(&spend).await.is_err() && store.load().await.is_err());
}

/// Whoever asks may go away in the middle; who comes after finds a connection all the same.
#[tokio::test]
async fn a_connection_that_was_dropped_at_work_is_followed_by_another() {
    let (_directory, store) = fresh().await;
    for _ in 0..20 {
        let mut asked = store.ping();
        let _ = futures::poll!(&mut asked);
        drop(asked);
        one(&store, open("s1", "uid-1")).await;
    }
    assert!(store.ping().await.is_ok());
}

#[tokio::test]
async fn a1_a_backup_brings_back_history_and_no_report() {
    let (directory, store) = fresh().await;
    one(&store, open("s1", "uid-1")).await;
    one(&store, write(report("s1", 1, vec![state("shop", 1)]))).await;
    one(&store, Write::Events(vec![event(1, "shop"), event(2, "shop")])).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("hub.backup");
    let bytes = backup(directory.path(), &file, &mut |_, _| ()).await.unwrap();
    assert_eq!(bytes, std::fs::metadata(&file).unwrap().len());
    let again = async |directory: &Path| backup(directory, &file, &mut |_, _| ()).await;
    assert!(matches!(again(directory.path()).await, Err(BackupError::Exists { .. })));
    assert!(matches!(again(elsewhere.path()).await, Err(BackupError::Missing { .. })));
    one(&store, Write::Events(vec![event(3, "shop")])).await;

    let in_use = restore(&file, directory.path(), &mut |_, _| ()).await.unwrap_err();
    assert!(matches!(in_use, BackupError::Directory(StoreError::InUse { .. })), "{in_use}");
    let identity = store.identity().to_owned();
    store.close().await;
    drop(store);
    let restored = restore(&file, directory.path(), &mut |_, _| ()).await.unwrap();
    assert_eq!((restored.events, restored.clusters), (2, 1));
    assert!(restored.aside.unwrap().is_file());

    let store = reopen(directory.path()).await;
    assert_eq!(store.identity(), identity, "the hubs of the fleet know it again [A6]");
    let told = read(&store, EventFilter::default(), Begin::Newest, 10).await;
    assert_eq!(
        told.into_iter().map(|entry| entry.event).collect::<Vec<_>>(),
        [event(2, "shop"), event(1, "shop")]
    );
    assert!(stored(&store).await.is_empty(), "what was reported then proves nothing now");
    let next = write(report("s1", 2, Vec::new()));
    assert_eq!(one(&store, next).await, Written::UnknownSession, "the agent says everything anew");
    assert_eq!(one(&store, open("s2", "uid-1")).await, Written::Opened(Incarnation::Same));
}

/// How far a copy is goes from nothing to all of it, both ways.
#[tokio::test]
async fn it_is_told_how_far_a_copy_is() {
    let (directory, store) = fresh().await;
    let long = |second| TimelineEvent { message: "word ".repeat(1000), ..event(second, "shop") };
    one(&store, Write::Events((0..1000).map(long).collect())).await;
    store.close().await;
    drop(store);
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("hub.backup");
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let bytes = backup(directory.path(), &file, &mut |done, of| there.push((done, of))).await.unwrap();
    restore(&file, directory.path(), &mut |done, of| back.push((done, of))).await.unwrap();
    assert!(bytes > 5_000_000 && back.len() > 5, "{bytes}: {back:?}");
    for told in [there, back] {
        let of = told[0].1;
        assert!(told.is_sorted() && told.iter().all(|(_, same)| *same == of), "{told:?}");
        assert_eq!((told.first(), told.last()), (Some(&(0, of)), Some(&(of, of))));
        assert!(of.abs_diff(bytes) < bytes / 20, "{bytes} bytes, and {of} were told");
    }
}

#[tokio::test]
async fn what_is_no_backup_is_refused_and_changes_nothing() {
    let (directory, store) = fresh().await;
    one(&store, Write::Events(vec![event(1, "shop")])).await;
    store.close().await;
    drop(store);
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("file");
    let other = elsewhere.path().join("other.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}?mode=rwc", other.display())).await.unwrap();
    sqlx::query("CREATE TABLE recipes (name TEXT)").execute(&pool).await.unwrap();
    pool.close().await;
    std::fs::write(&file, "no database at all").unwrap();
    for bad in [&file, &other] {
        let refused = restore(bad, directory.path(), &mut |_, _| ()).await.unwrap_err();
        assert!(matches!(refused, BackupError::Unsound { .. }), "{refused}");
    }
    let missing =
        restore(&elsewhere.path().join("missing"), directory.path(), &mut |_, _| ()).await.unwrap_err();
    assert!(matches!(missing, BackupError::File { .. }), "{missing}");
    let store = reopen(directory.path()).await;
    assert_eq!(read(&store, EventFilter::default(), Begin::Newest, 10).await.len(), 1);
    let left: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("restoring")), "{left:?}");
}

/// Where the child of the test below keeps its database; set in its environment alone.
const DIRECTORY: &str = "SHIPPER_TEST_KILLED_STORE";

async fn write_until_killed(directory: &Path) {
    let store = reopen(directory).await;
    one(&store, open("s1", "uid-1")).await;
    for sequence in 1.. {
        one(&store, write(report("s1", sequence, vec![state("shop", sequence)]))).await;
        println!("acknowledged {sequence}");
    }
}

/// Runs itself again in a process of its own, which is the one that is killed.
#[tokio::test]
async fn acknowledged_reports_survive_a_kill() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return write_until_killed(Path::new(&directory)).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["store::durable::acknowledged_reports_survive_a_kill", "--exact", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    while acknowledged < 200 {
        let line = lines.next_line().await.unwrap().expect("the child writes until it is killed");
        if let Some((_, number)) = line.split_once("acknowledged ") {
            acknowledged = number.parse().unwrap();
        }
    }
    child.kill().await.unwrap();
    let store = reopen(directory.path()).await;
    let survived = stored(&store).await["shop"];
    assert!(survived >= acknowledged, "{survived} survived, {acknowledged} was acknowledged");
    let next = report("s1", survived + 1, vec![state("shop", survived + 1)]);
    assert_eq!(
        one(&store, write(next)).await,
        Written::Stored { sequence: survived + 1 },
        "the session goes on"
    );
}

/// Where the child of the test below keeps its database; set in its environment alone.
const FILLED: &str = "SHIPPER_TEST_FILLED_STORE";

/// The size that no file of this process may go beyond.
fn room(bytes: Option<u64>) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    let limit = rustix::process::Rlimit { current: bytes, ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
}

async fn fill_and_make_room(directory: &Path) {
    let store = Arc::new(reopen(directory).await);
    let view = view();
    let intake = Intake::start(store.clone(), view.clone()).await.unwrap();
    intake.write(open("s1", "uid-1")).await.unwrap();
    let big = |sequence| {
        let many = (0..500).map(|i| state(&format!("app-{i}"), sequence)).collect();
        write(report("s1", sequence, many))
    };
    intake.write(big(1)).await.unwrap();
    let files = std::fs::read_dir(directory).unwrap();
    room(files.map(|file| file.unwrap().metadata().unwrap().len()).max());
    let mut stored = 1;
    let refused = loop {
        match intake.write(big(stored + 1)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, IntakeError::Failed), "{refused:?}");
    let outage = intake.outage().borrow().clone().expect("who asks is told");
    assert!(outage.cause.contains("free space"), "{}", outage.cause);

    room(None);
    let mut outage = intake.outage();
    let healed = tokio::time::timeout(std::time::Duration::from_secs(60), outage.wait_for(Option::is_none));
    assert!(healed.await.is_ok(), "there is room, and still nothing is stored");
    let next = intake.write(big(stored + 1)).await.unwrap();
    assert_eq!(next, Written::Stored { sequence: stored + 1 }, "the session goes on");
    let changes = [AccessChange::Spend(Digest::of("once"), at(1))];
    assert_eq!(store.change_access(&changes).await.unwrap(), [true]);
}

/// A disk that was full is written again once it has room, without a start of the hub. Runs itself again in a process of its own, whose
/// files may not grow for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_full_is_written_again_by_itself() {
    if let Some(directory) = std::env::var_os(FILLED) {
        return fill_and_make_room(Path::new(&directory)).await;
    }
    let directory = tempfile::tempdir().unwrap();
    // A file that grows beyond the limit is an error of the write, and no signal that kills.
    let child = tokio::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["store::durable::a_disk_that_was_full_is_written_again_by_itself", "--exact", "--nocapture"])
        .env(FILLED, directory.path())
        .kill_on_drop(true)
        .output();
    let output = child.await.unwrap();
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

#[tokio::test]
async fn the_view_follows_what_is_stored_and_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    {
        let view = view();
        let store = Arc::new(reopen(directory.path()).await);
        let intake = Intake::start(store.clone(), view.clone()).await.unwrap();
        let mut changes = view.reports.subscribe();
        intake.write(open("s1", "uid-1")).await.unwrap();
        intake.write(write(report("s1", 1, vec![state("shop", 1), state("blog", 1)]))).await.unwrap();
        assert_eq!(changes.next().await.len(), 2);
        intake.write(write(report("s1", 2, vec![state("shop", 1), state("blog", 2)]))).await.unwrap();
        assert_eq!(changes.next().await, [key("blog")].into(), "what says the same wakes nobody");
        assert_eq!(view.reports.for_app(&key("blog"))[&eu()].target_generation, 2);
        intake.flush().await;
        store.close().await;
    }
    let view = view();
    let store = reopen(directory.path()).await;
    let intake = Intake::start(Arc::new(store), view.clone()).await.unwrap();
    assert_eq!(view.reports.for_app(&key("blog"))[&eu()].target_generation, 2);
    assert_eq!(view.agents.get(&eu()).unwrap().last_report, Some(at(2)));
    let now = tokio::time::Instant::now();
    assert_eq!(view.heartbeats.of(&eu(), now), shipper_core::status::Liveness::Unknown);

    let mut changes = view.reports.subscribe();
    intake.write(open("s2", "uid-2")).await.unwrap();
    assert_eq!(changes.next().await, [key("blog"), key("shop")].into());
    assert!(view.reports.for_app(&key("shop")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_come_together_share_a_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let intake = Intake::start(Arc::new(reopen(directory.path()).await), view()).await.unwrap();
    let opened = (0..200).map(|i| {
        let cluster = ClusterName::from(format!("c{i}"));
        let request = SessionRequest {
            cluster,
            cluster_uid: "uid-1".into(),
            agent_version: "1".into(),
            unheard_seconds: None,
        };
        intake.write(Write::Open { session: format!("s{i}"), request, at: at(0) })
    });
    futures::future::try_join_all(opened).await.unwrap();
    let clock = Clock::system();
    let began = clock.now();
    let mut sent = 0;
    for round in 1..=20 {
        let reports = (0..200).map(|i| {
            let mut one = report(&format!("s{i}"), round, vec![state("shop", round)]);
            one.cluster = ClusterName::from(format!("c{i}"));
            intake.write(write(one))
        });
        sent += futures::future::try_join_all(reports).await.unwrap().len();
    }
    let seconds = clock.now().duration_since(began).as_secs_f64();
    // A flush for each of the 4,000 would take many times as long on any disk.
    eprintln!("{sent} reports in {seconds:.2} s");
    assert!(seconds < 20.0, "{sent} reports took {seconds:.1} s");
}
