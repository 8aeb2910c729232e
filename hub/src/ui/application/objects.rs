//! The objects in which two releases differ. What was rendered comes from the loop; it is compared beside it, [aside](super::aside).

use crate::access::View;
use crate::images::Images;
use crate::rendered::{Rendered, Renderings, Wanted};
use shipper_core::ReleaseName;
use shipper_core::manifest::compare::{Changed, ObjectChange, Side, differences};
use shipper_core::manifest::{Manifests, images};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a page waits for the loop.
const PATIENCE: Duration = Duration::from_secs(5);
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

/// What was rendered of two releases; `None` = the loop does not say so now.
pub(super) async fn ask(view: &View, wanted: Wanted) -> Option<Renderings> {
    timeout(PATIENCE, view.ask_rendered(wanted)?).await.ok().and_then(Result::ok).flatten()
}

impl Objects {
    /// Nobody has the time to say it.
    pub(super) fn busy() -> Self {
        Self::Unsaid(
            "the hub is busy with the repository and cannot say now; load the page again in a moment"
                .to_owned(),
        )
    }

    /// What differs between two releases of an application, and the images that they run.
    pub(super) fn between(wanted: &Wanted, rendered: &Renderings) -> (Self, BTreeMap<ReleaseName, Images>) {
        match compare(wanted, rendered) {
            Ok((changes, images)) => (shown(changes), images),
            Err(why) => (Self::Unsaid(why), BTreeMap::new()),
        }
    }
}

type Compared = (Vec<ObjectChange>, BTreeMap<ReleaseName, Images>);

fn compare(wanted: &Wanted, rendered: &Renderings) -> Result<Compared, String> {
    let Wanted { application: app, releases, .. } = wanted;
    let [from, to] = releases.as_slice() else { return Err("two releases are compared".to_owned()) };
    let (before, after) = (manifests(wanted, rendered, from)?, manifests(wanted, rendered, to)?);
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

fn manifests<'a>(
    wanted: &Wanted,
    rendered: &'a Renderings,
    release: &ReleaseName,
) -> Result<&'a [u8], String> {
    Err(match (rendered.get(release), &wanted.cluster) {
        (Some(Rendered::Manifests(bytes)), _) => return Ok(bytes),
        (Some(Rendered::Overridden), _) => format!(
            "{release} has different values in every cluster, so there is nothing to compare without one: choose a cluster"
        ),
        (Some(Rendered::TooLarge), _) => {
            format!("what was rendered of {release} is too large for a page: compare it in a terminal")
        }
        (Some(Rendered::Unreadable), _) => {
            "the hub's copy of the repository is being mended; load the page again in a moment".to_owned()
        }
        (Some(Rendered::Nothing) | None, None) => format!("{release} was not rendered, or not yet"),
        (Some(Rendered::Nothing) | None, Some(cluster)) => format!(
            "{release} is not in {cluster}, and with the values of that cluster it was not rendered, or not yet: compare without \
             overrides, or in another cluster"
        ),
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
