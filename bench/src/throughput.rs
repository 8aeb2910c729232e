//! Many small applications: all new in one push, then one field changed in all, against the same objects applied bare and in
//! parallel.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use kube::api::DynamicObject;
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::figures::{Figures, say, table};
use crate::memory::resident;
use crate::rig::{Rig, Wishes};
use crate::sight::{self, ACCOUNT, DEPLOYMENT, INGRESS, SERVICE, Sighting};
use crate::{apps, bare};

const SOON: Duration = Duration::from_secs(600);
/// The label that the agent sets on what it applies.
const APPLICATION: &str = "shipper.dev/application";

/// How much to measure.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Small applications of four objects
    #[arg(long, default_value_t = 1000)]
    applications: usize,
    /// Bare applies at once
    #[arg(long, default_value_t = 16)]
    at_once: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { applications: 1000, at_once: 16 }
    }
}

/// Measures.
///
/// # Errors
/// Something does not start, or does not come to rest.
pub async fn run(args: Args, figures: &mut Figures) -> Result<()> {
    let rig = Rig::start(Wishes::default()).await?;
    let count = args.applications;
    let mut rows = Vec::new();
    let mut kept = Vec::new();
    for (value, what) in [("a", "all new"), ("b", "one field changed in all")] {
        let floor = bare::apply_all(&rig.client, &apps::bare(count, value), args.at_once).await?;
        say(&format!("{what}: {} objects bare in {:.1} s", count * 4, floor.as_secs_f64()));
        tokio::time::sleep(Duration::from_secs(20)).await;
        let files: Vec<_> = (0..count).flat_map(|number| apps::small(number, value)).collect();
        let kinds: &[[&str; 3]] =
            if value == "a" { &[DEPLOYMENT, SERVICE, ACCOUNT, INGRESS] } else { &[DEPLOYMENT] };
        let mut sightings = sight::watch(&rig.client, kinds).await?;
        for (path, content) in &files {
            rig.desk.write(path, content)?;
        }
        rig.desk.commit(what)?;
        let began = Instant::now();
        rig.desk.push()?;
        let pushed = Instant::now();
        let expected = count * kinds.len();
        let applied = all_seen(&mut sightings, expected, value).await?;
        rig.all_done(count, SOON).await?;
        let done = pushed.elapsed();
        let times =
            [applied.first, applied.half, applied.last].map(|at| at.saturating_duration_since(pushed));
        let ratio = times[2].as_secs_f64() / floor.as_secs_f64();
        rows.push(vec![
            what.to_owned(),
            seconds(pushed - began),
            seconds(times[0]),
            seconds(times[1]),
            seconds(times[2]),
            seconds(done),
            seconds(floor),
            format!("{ratio:.2}"),
        ]);
        say(&format!(
            "{what}: the last object {} s after the push, all reported after {} s",
            seconds(times[2]),
            seconds(done)
        ));
        kept.push(json!({
            "what": what,
            "firstSeconds": times[0].as_secs_f64(),
            "halfSeconds": times[1].as_secs_f64(),
            "lastSeconds": times[2].as_secs_f64(),
            "reportedSeconds": done.as_secs_f64(),
            "bareSeconds": floor.as_secs_f64(),
            "ratio": ratio,
            "agentMegabytes": resident(rig.agent.pid())?,
            "hubMegabytes": resident(rig.hub.pid())?,
        }));
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    table(
        &["seconds", "push", "first object", "half", "last object", "all reported", "bare", "ratio"],
        &rows,
    );
    figures.keep("applications", count)?;
    figures.keep("bareAtOnce", args.at_once)?;
    figures.keep("phases", kept)
}

struct Seen {
    first: Instant,
    half: Instant,
    last: Instant,
}

/// Waits until so many objects of Shipper were seen; Deployments count when they have the value.
async fn all_seen(sightings: &mut UnboundedReceiver<Sighting>, expected: usize, value: &str) -> Result<Seen> {
    let mut seen = BTreeSet::new();
    let (mut first, mut half) = (None, None);
    let last = sight::wait(sightings, SOON, |object| {
        if wanted(object, value) && seen.insert(object.metadata.uid.clone()) {
            first.get_or_insert_with(Instant::now);
            if seen.len() * 2 >= expected {
                half.get_or_insert_with(Instant::now);
            }
        }
        seen.len() >= expected
    })
    .await;
    let last = last.map_err(|error| error.context(format!("{} of {expected} objects", seen.len())))?.at;
    Ok(Seen { first: first.unwrap_or(last), half: half.unwrap_or(last), last })
}

fn wanted(object: &DynamicObject, value: &str) -> bool {
    let metadata = &object.metadata;
    let ours = metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(APPLICATION));
    let is_deployment = object.types.as_ref().is_some_and(|types| types.kind == DEPLOYMENT[1]);
    let annotation = metadata.annotations.as_ref().and_then(|annotations| annotations.get(apps::ANNOTATION));
    ours && (!is_deployment || annotation.is_some_and(|annotation| annotation == value))
}

fn seconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64())
}
