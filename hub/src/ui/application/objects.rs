//! The objects in which two releases differ. What was rendered comes from the loop; it is compared beside it, on a thread that may be busy
//! for a moment.

use crate::access::View;
use crate::images::Images;
use crate::rendered::{Rendered, Renderings, Wanted};
use shipper_core::manifest::compare::{Changed, ObjectChange, Side, differences};
use shipper_core::manifest::{Manifests, images};
use shipper_core::{AppKey, ReleaseName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long a page waits for the loop.
const PATIENCE: Duration = Duration::from_secs(5);
/// Comparisons at once: one of large files that have nothing in common takes a processor for seconds.
static ROOM: Semaphore = Semaphore::const_new(2);
/// Lines that the page shows of all objects.
const LINES: usize = 2000;
/// Lines of all objects with which none is folded.
const FEW: usize = 120;

/// What differs.
pub(super) enum Objects {
    /// These objects, and so many more that the page has no room for.
    Differ(Vec<Patch>, usize),
    /// It cannot be said, and why.
    Unsaid(String),
}

/// An object that differs.
pub(super) struct Patch {
    /// `Deployment hello`.
    pub(super) object: String,
    /// `new`, `gone` or `changed`.
    pub(super) word: &'static str,
    /// Whether it is unfolded.
    pub(super) open: bool,
    /// The lines.
    pub(super) lines: Vec<Line>,
}

/// A line of a diff.
pub(super) struct Line {
    /// `more`, `less`, `hunk` or `same`.
    pub(super) kind: &'static str,
    /// The line with its mark.
    pub(super) text: String,
}

/// What differs between two releases of an application, and the images that they run.
pub(super) async fn ask(
    view: &View,
    app: &AppKey,
    from: &ReleaseName,
    to: &ReleaseName,
) -> (Objects, BTreeMap<ReleaseName, Images>) {
    let wanted = Wanted { application: app.clone(), releases: vec![from.clone(), to.clone()] };
    let answer = match view.ask_rendered(wanted) {
        Some(answer) => timeout(PATIENCE, answer).await.ok().and_then(Result::ok).flatten(),
        None => None,
    };
    let busy = || {
        "the hub is busy with the repository and cannot say now; load the page again in a moment".to_owned()
    };
    let Some(rendered) = answer else { return (Objects::Unsaid(busy()), BTreeMap::new()) };
    let Ok(Ok(room)) = timeout(PATIENCE, ROOM.acquire()).await else {
        return (Objects::Unsaid(busy()), BTreeMap::new());
    };
    let (app, from, to) = (app.clone(), from.clone(), to.clone());
    // Who asked may be gone before it is done.
    let compared = tokio::task::spawn_blocking(move || {
        let _room = room;
        compare(&app, &rendered, &from, &to)
    })
    .await;
    match compared {
        Ok(Ok((changes, images))) => (shown(changes), images),
        Ok(Err(why)) => (Objects::Unsaid(why), BTreeMap::new()),
        Err(_) => (Objects::Unsaid(busy()), BTreeMap::new()),
    }
}

type Compared = (Vec<ObjectChange>, BTreeMap<ReleaseName, Images>);

fn compare(
    app: &AppKey,
    rendered: &Renderings,
    from: &ReleaseName,
    to: &ReleaseName,
) -> Result<Compared, String> {
    let (before, after) = (manifests(rendered, from)?, manifests(rendered, to)?);
    let unreadable =
        |error: shipper_core::manifest::ParseError| format!("what was rendered cannot be read: {error}");
    let (old, new) = (Side { release: from, manifests: before }, Side { release: to, manifests: after });
    let changes = differences(app, Some(old), Some(new)).map_err(unreadable)?;
    let run = |release: &ReleaseName, bytes: &[u8]| -> Result<(ReleaseName, Images), String> {
        let parsed = Manifests::parse(bytes).map_err(unreadable)?;
        Ok((release.clone(), Arc::new(images(&parsed, app, release))))
    };
    let images = [run(from, before)?, run(to, after)?].into();
    Ok((changes, images))
}

fn manifests<'a>(rendered: &'a Renderings, release: &ReleaseName) -> Result<&'a [u8], String> {
    Err(match rendered.get(release) {
        Some(Rendered::Manifests(bytes)) => return Ok(bytes),
        Some(Rendered::Overridden) => format!(
            "{release} has different values in every cluster, so there is nothing to compare without one: name a cluster with --cluster, \
             in a terminal"
        ),
        Some(Rendered::TooLarge) => {
            format!("what was rendered of {release} is too large for a page: compare it in a terminal")
        }
        Some(Rendered::Unreadable) => {
            "the hub's copy of the repository is being mended; load the page again in a moment".to_owned()
        }
        Some(Rendered::Nothing) | None => format!("{release} was not rendered, or not yet"),
    })
}

fn shown(changes: Vec<ObjectChange>) -> Objects {
    let all: usize = changes.iter().map(|change| change.diff.lines().count()).sum();
    let total = changes.len();
    let mut room = LINES;
    let mut patches = Vec::new();
    for change in changes {
        let lines: Vec<Line> = change.diff.lines().map(line).collect();
        let Some(left) = room.checked_sub(lines.len()) else { break };
        room = left;
        let word = match change.change {
            Changed::Added => "new",
            Changed::Removed => "gone",
            Changed::Changed => "changed",
        };
        patches.push(Patch { object: change.object, word, open: all <= FEW, lines });
    }
    let more = total - patches.len();
    Objects::Differ(patches, more)
}

fn line(text: &str) -> Line {
    let kind = match text.chars().next() {
        Some('+') => "more",
        Some('-') => "less",
        Some('@') => "hunk",
        _ => "same",
    };
    Line { kind, text: text.to_owned() }
}
