//! How many reports a second the hub takes in over HTTP, each acknowledged after it is on disk, beside the same rows written bare into the
//! same SQLite in batches of the same size; and whether one that was acknowledged is ever lost when the hub is killed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use shipper_tests::scratch::Scratch;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Executor, Sqlite};
use tokio_util::sync::CancellationToken;

use crate::crowd::{Crowd, Speaker};
use crate::figures::{Figures, table};
use crate::wire::Wire;

/// Rows in one statement, as the hub has them.
const ROWS: usize = 500;

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Clusters that report at once, each the next as soon as the last is acknowledged
    #[arg(long, default_value_t = 500)]
    clusters: usize,
    /// Seconds for each figure; an agent may send 200 at once and then 50 a second, so more of them take more clusters
    #[arg(long, default_value_t = 8)]
    seconds: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { clusters: 500, seconds: 8 }
    }
}

/// What agents have to say.
#[derive(Clone, Copy, PartialEq)]
enum Say {
    /// What the hub knows already: stored all the same.
    TheSame,
    /// That a pod came or went, which makes the hub plan the application.
    News,
}

/// Measures.
///
/// # Errors
/// The hub does not start, or refuses a report.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let crowd = Crowd::start(args.clusters, args.clusters, &[]).await?;
    let mut speakers = crowd.report_all().await?;
    speakers.retain(|speaker| !speaker.applications.is_empty());
    let length = Duration::from_secs(args.seconds);
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for (what, say) in [("nothing new", Say::TheSame), ("a pod came or went", Say::News)] {
        // Every agent may send a burst again.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let before = transactions(&crowd).await?;
        let (count, took) = flood(&mut speakers, say, length, None).await?;
        let batch = (count as f64 / (transactions(&crowd).await? - before).max(1.0)).round().max(1.0);
        let rate = count as f64 / took.as_secs_f64();
        let bare = bare(batch as usize, length).await?;
        rows.push(vec![
            what.to_owned(),
            format!("{rate:.0}"),
            format!("{batch:.0}"),
            format!("{bare:.0}"),
            format!("{:.2}", rate / bare),
        ]);
        kept.push(json!({"what": what, "perSecond": rate, "batch": batch, "barePerSecond": bare}));
    }
    table(&["reports that say", "HTTP, a second", "in one transaction", "bare, a second", "ratio"], &rows);
    figures.keep("intake", kept)?;
    figures.keep("lost", killed(&crowd, &mut speakers).await?)
}

/// All speak at once until the time is over, or somebody ends it; how many reports were acknowledged, and within what time.
async fn flood(
    speakers: &mut Vec<Speaker>,
    say: Say,
    length: Duration,
    end: Option<CancellationToken>,
) -> Result<(u64, Duration)> {
    let began = Instant::now();
    let until = began + length;
    let tasks: Vec<_> = std::mem::take(speakers)
        .into_iter()
        .map(|mut speaker| {
            let end = end.clone();
            tokio::spawn(async move {
                let (mut count, mut ready) = (0, 3);
                let mut app = speaker.applications.first().cloned().unwrap_or(Value::Null);
                while Instant::now() < until {
                    if say == Say::News {
                        ready = 5 - ready;
                        for field in ["pods", "ready", "available"] {
                            app["releases"][0]["capacity"][field] = json!(ready);
                        }
                    }
                    match speaker.report(std::slice::from_ref(&app)).await {
                        Ok(()) => count += 1,
                        // It was killed under us, as was meant.
                        Err(_) if end.as_ref().is_some_and(CancellationToken::is_cancelled) => break,
                        Err(error) => return Err(error),
                    }
                }
                Ok((speaker, count))
            })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        let (speaker, count) = task.await??;
        speakers.push(speaker);
        sum += count;
    }
    Ok((sum, began.elapsed()))
}

/// Kills the hub while everybody speaks; how many reports that it had acknowledged it does not have after it is back.
async fn killed(crowd: &Crowd, speakers: &mut Vec<Speaker>) -> Result<usize> {
    tokio::time::sleep(Duration::from_secs(5)).await;
    let end = CancellationToken::new();
    let kill = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        end.cancel();
        crowd.hub.kill()
    };
    let (flooded, killed) =
        tokio::join!(flood(speakers, Say::TheSame, Duration::from_secs(60), Some(end.clone())), kill);
    let (count, _) = flooded?;
    killed?;
    crowd.hub.start()?;
    crowd.ready().await?;
    let mut lost = 0;
    for speaker in speakers.iter_mut() {
        let acknowledged = speaker.acknowledged;
        lost += usize::from(speaker.newest(crowd.address).await? < acknowledged);
    }
    crate::figures::say(&format!(
        "killed after {count} reports in two seconds: {lost} of {} clusters lost an acknowledged one",
        speakers.len()
    ));
    ensure!(lost == 0, "acknowledged reports are lost");
    Ok(lost)
}

/// How often the hub has committed.
async fn transactions(crowd: &Crowd) -> Result<f64> {
    let text = Wire::connect(crowd.address).await?.get("/metrics").await?;
    let text = String::from_utf8(text.to_vec())?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("shipper_hub_database_transaction_duration_seconds_count "));
    Ok(line.context("the hub does not count its transactions")?.parse()?)
}

/// Reports a second, written with nothing around: the rows that a report is to the hub, one of the cluster and one of the application, into
/// the same tables with the same settings, so many reports in a transaction.
async fn bare(batch: usize, length: Duration) -> Result<f64> {
    let scratch = Scratch::new("bare")?;
    let options = SqliteConnectOptions::new()
        .filename(scratch.join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    pool.execute(
        "CREATE TABLE clusters (cluster TEXT NOT NULL PRIMARY KEY, session TEXT NOT NULL, sequence BIGINT, reported_at BIGINT, free TEXT); \
         CREATE TABLE reports (cluster TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, session TEXT NOT NULL, \
         sequence BIGINT NOT NULL, reported_at BIGINT NOT NULL, version BIGINT NOT NULL, body TEXT NOT NULL, \
         PRIMARY KEY (cluster, namespace, name))",
    )
    .await?;
    let body = json!({
        "application": "team-000/app-00000", "targetGeneration": 1, "remains": {"readyPods": 3},
        "releases": [{
            "name": "app-00000-83e4eedd-0", "present": true, "installed": true,
            "capacity": {"rendered": 3, "desired": 3, "replicas": 3, "pods": 3, "ready": 3, "available": 3, "achieved": true},
            "traffic": {"wanted": 3, "ready": 3, "achieved": true},
        }],
    })
    .to_string();
    let free = json!({"cpu": "100000", "memory": "100Ti", "pods": "100000"}).to_string();
    let clusters: Vec<String> = (0..batch).map(|number| format!("cluster-{number:03}")).collect();
    let (began, mut count) = (Instant::now(), 0_i64);
    while began.elapsed() < length {
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        for some in clusters.chunks(ROWS) {
            let tuples = vec!["(?, '0123456789abcdef0123456789abcdef', ?, ?, ?)"; some.len()].join(", ");
            let insert = format!(
                "INSERT INTO clusters VALUES {tuples} ON CONFLICT (cluster) DO UPDATE SET session = excluded.session, \
                 sequence = excluded.sequence, reported_at = excluded.reported_at, free = excluded.free"
            );
            let mut query = sqlx::query::<Sqlite>(AssertSqlSafe(insert));
            for cluster in some {
                query = query.bind(cluster).bind(count).bind(count).bind(&free);
            }
            query.execute(&mut *transaction).await?;
            let tuples = vec![
                "(?, 'team-000', 'app-00000', '0123456789abcdef0123456789abcdef', ?, ?, ?, ?)";
                some.len()
            ]
            .join(", ");
            let insert = format!(
                "INSERT INTO reports VALUES {tuples} ON CONFLICT (cluster, namespace, name) DO UPDATE SET session = excluded.session, \
                 sequence = excluded.sequence, reported_at = excluded.reported_at, version = excluded.version, body = excluded.body"
            );
            let mut query = sqlx::query::<Sqlite>(AssertSqlSafe(insert));
            for cluster in some {
                query = query.bind(cluster).bind(count).bind(count).bind(1_i64).bind(&body);
            }
            query.execute(&mut *transaction).await?;
            count += i64::try_from(some.len())?;
        }
        transaction.commit().await?;
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    pool.close().await;
    Ok(rate)
}
