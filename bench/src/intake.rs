//! How many reports a second the hub takes in over HTTP, each acknowledged after it is on disk, beside the same reports written bare into the
//! same SQLite in batches of the same size, whole and as far as they say something new; and whether one that was acknowledged is ever lost when
//! the hub is killed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use shipper_hub::store::ledger::Extent;
use tokio_util::sync::CancellationToken;

use crate::crowd::{Crowd, ON, Speaker};
use crate::figures::{Figures, spread, table};
use crate::machine::busy;
use crate::post::Post;
use crate::rows::bare;
use crate::wire::Wire;

/// Between two floods.
const REST: Duration = Duration::from_secs(5);

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Clusters that report at once, each the next as soon as the last is acknowledged
    #[arg(long, default_value_t = 1_000)]
    clusters: usize,
    /// Seconds for each measurement; an agent may send 200 at once and then 50 a second, so more of them take more clusters
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How often each is measured, in turn with the others; figures are medians
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Applications that each report is about: those of which an agent has news when the last one is acknowledged
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    about: u16,
}

impl Default for Args {
    fn default() -> Self {
        Self { clusters: 1_000, seconds: 4, rounds: 5, about: 1 }
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
    let about = usize::from(args.about);
    // Each runs in three clusters, and by chance some have fewer.
    let crowd = Crowd::start(args.clusters * about.div_ceil(2), (args.clusters, ON), &[]).await?;
    let mut speakers = crowd.report_all().await?;
    speakers.retain(|speaker| speaker.applications.len() >= about);
    speakers.iter_mut().for_each(|speaker| speaker.applications.truncate(about));
    let length = Duration::from_secs(args.seconds);
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for (what, say) in [("nothing new", Say::TheSame), ("a pod came or went", Say::News)] {
        let mut rounds = Vec::new();
        for _ in 0..args.rounds {
            rounds.push(round(&crowd, &mut speakers, say, about, length).await?);
        }
        let median = |of: &dyn Fn(&[f64; 7]) -> f64| spread(&rounds.iter().map(of).collect::<Vec<_>>()).p50;
        let [rate, batch, whole, new, hub, own, alone] =
            std::array::from_fn(|place| median(&|round| round[place]));
        let [of_whole, of_new] = [2, 3].map(|place| median(&|round| round[0] / round[place]));
        rows.push(vec![
            what.to_owned(),
            format!("{rate:.0}"),
            format!("{batch:.0}"),
            format!("{whole:.0}"),
            format!("{of_whole:.2}"),
            format!("{new:.0}"),
            format!("{of_new:.2}"),
            [hub, own, alone].map(|micros| format!("{micros:.1}")).join(", "),
        ]);
        kept.push(json!({
            "what": what, "applicationsOfEach": about, "perSecond": rate, "batch": batch, "barePerSecond": whole, "ratio": of_whole,
            "bareOfWhatIsNewPerSecond": new, "ratioOfWhatIsNew": of_new,
            "microsecondsOfCores": {"hub": hub, "generator": own, "bare": alone},
        }));
    }
    table(
        &[
            "reports that say",
            "HTTP, a second",
            "in one transaction",
            "bare, a second",
            "ratio",
            "bare, what is new",
            "ratio",
            "µs of a core each: hub, generator, bare",
        ],
        &rows,
    );
    figures.keep("intake", kept)?;
    figures.keep("lost", killed(&crowd, &mut speakers).await?)
}

/// Measures each once: reports a second, reports in a transaction, bare reports a second, whole and as far as they say something new; microseconds
/// of a core that each takes of the hub, of the generator, and bare.
async fn round(
    crowd: &Crowd,
    speakers: &mut Vec<Speaker>,
    say: Say,
    about: usize,
    length: Duration,
) -> Result<[f64; 7]> {
    // Every agent may send a burst again, and the hub is done with the last ones.
    tokio::time::sleep(REST).await;
    let (before, [hub, own]) = (transactions(crowd).await?, spent(crowd)?);
    let (count, took) = flood(speakers, say, length, None).await?;
    let now = spent(crowd)?;
    let (count, hub, own) = (count as f64, now[0] - hub, now[1] - own);
    let batch = (count / (transactions(crowd).await? - before).max(1.0)).round().max(1.0);
    // What the hub does about it afterwards.
    tokio::time::sleep(REST).await;
    let [_, began] = spent(crowd)?;
    let written = (batch as usize, about);
    let whole = bare(&crowd.data, written, Extent::Whole, length).await?;
    let alone = (spent(crowd)?[1] - began) / (whole * length.as_secs_f64());
    let new = bare(&crowd.data, written, Extent::Heard, length).await?;
    let micros = |seconds: f64| seconds * 1e6;
    Ok([
        count / took.as_secs_f64(),
        batch,
        whole,
        new,
        micros(hub / count),
        micros(own / count),
        micros(alone),
    ])
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
                let mut reports = prepare(&speaker, say);
                let mut count = 0;
                while Instant::now() < until {
                    reports.rotate_left(1);
                    match speaker.send(&mut reports[0]).await {
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

/// What a cluster says in turn.
fn prepare(speaker: &Speaker, say: Say) -> Vec<Post> {
    let pods: &[u32] = if say == Say::News { &[3, 2] } else { &[3] };
    let report = |ready: &u32| {
        let mut applications = speaker.applications.clone();
        for app in &mut applications {
            for field in ["pods", "ready", "available"] {
                app["releases"][0]["capacity"][field] = json!(ready);
            }
        }
        speaker.prepare(&applications)
    };
    pods.iter().map(report).collect()
}

/// Kills the hub while everybody speaks; how many reports that it had acknowledged it does not have after it is back.
async fn killed(crowd: &Crowd, speakers: &mut Vec<Speaker>) -> Result<usize> {
    tokio::time::sleep(REST).await;
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
        lost += usize::from(speaker.newest().await? < acknowledged);
    }
    crate::figures::say(&format!(
        "killed after {count} reports in two seconds: {lost} of {} clusters lost an acknowledged one",
        speakers.len()
    ));
    ensure!(lost == 0, "acknowledged reports are lost");
    Ok(lost)
}

/// Seconds that the hub and this program have kept cores busy.
fn spent(crowd: &Crowd) -> Result<[f64; 2]> {
    Ok([busy(crowd.hub.pid())?, busy(Some(std::process::id()))?])
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
