//! Fights with other managers: what is put back again and again waits longer each time, and is reported [C7].

use super::view::View;
use super::wake;
use crate::catalogue::Trouble;
use crate::manifest::ObjectKey;
use crate::observe::Repairs;
use crate::report::ObjectProblem;
use jiff::Timestamp;

/// When the next repair of an object may be made; `None` = now.
pub(super) fn due(view: &View<'_>, key: &ObjectKey) -> Option<Timestamp> {
    view.observed.repairs.get(key)?.due().filter(|due| *due > view.now)
}

/// When a pod may be made to serve, or to serve no more; `None` = now.
pub(super) fn label_due(view: &View<'_>, pod: &crate::observe::Pod, serve: bool) -> Option<Timestamp> {
    pod.label_due(serve).filter(|due| *due > view.now)
}

/// The conflicts that are to be told, each until it has not happened for a while.
pub(super) fn conflicts(view: &View<'_>, wake_at: &mut Option<Timestamp>) -> Vec<ObjectProblem> {
    let namespace = &view.wanted.target.application.namespace;
    let objects = view.observed.repairs.iter().map(|(key, repairs)| (key.to_string(), None, repairs));
    let pods = view.observed.pods.values().filter_map(|pod| {
        let repairs = pod.repairs.as_deref()?;
        Some((format!("Pod {namespace}/{}", pod.name), Some("its label shipper.dev/traffic "), repairs))
    });
    objects
        .chain(pods)
        .filter(|(.., repairs)| repairs.is_conflict(view.now))
        .map(|(object, what, repairs)| {
            wake(wake_at, repairs.forgotten_at());
            conflict(object, what.unwrap_or_default(), repairs)
        })
        .collect()
}

fn conflict(object: String, what: &str, repairs: &Repairs) -> ObjectProblem {
    let by = match &*repairs.by {
        "" => "another".to_owned(),
        by => format!("another (field managers: {by})"),
    };
    ObjectProblem {
        object,
        heals: true,
        reason: Trouble::FieldConflict,
        message: format!(
            "{what}was changed or deleted by {by} and put back {} times, with longer and longer pauses; stop that, or leave the \
             field out of the chart",
            repairs.times
        ),
    }
}
