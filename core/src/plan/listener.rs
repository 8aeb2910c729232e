//! Who hears why something is decided. Nobody, most of the time: then nothing is computed and nothing allocated.

use super::{Draft, reasons};
use crate::why::Because;

/// Hears decisions while they are made, room by room.
pub(super) struct Listener(Option<Heard>);

#[derive(Default)]
struct Heard {
    decisions: Vec<Because>,
    /// Conditions and events of the draft that were heard already.
    conditions: usize,
    events: usize,
}

impl Listener {
    /// Hears nothing.
    pub(super) fn off() -> Self {
        Self(None)
    }

    /// Hears everything.
    pub(super) fn on() -> Self {
        Self(Some(Heard::default()))
    }

    /// What a room decided: what it says beyond conditions and events, then those that are new since the last room.
    pub(super) fn hear<'a>(&mut self, draft: &Draft<'a>, say: impl FnOnce(&Draft<'a>) -> Vec<Because>) {
        let Some(heard) = &mut self.0 else { return };
        heard.decisions.extend(say(draft));
        let conditions = draft.conditions.iter().skip(heard.conditions);
        heard.decisions.extend(conditions.map(|condition| reasons::of_condition(draft, condition)));
        let events = draft.events.iter().skip(heard.events).map(|event| reasons::of_event(draft, event));
        heard.decisions.extend(events);
        (heard.conditions, heard.events) = (draft.conditions.len(), draft.events.len());
    }

    /// Everything that was heard.
    pub(super) fn decisions(self) -> Vec<Because> {
        self.0.map(|heard| heard.decisions).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppKey;
    use crate::few::Few;
    use crate::plan::{AppInput, Fleet};
    use std::collections::BTreeMap;

    /// Nothing is computed for a listener that is not there.
    #[test]
    fn nobody_listens_and_nothing_is_said() {
        let app = AppKey::new("web", "app");
        let (fleet, releases, targets) = (Fleet::default(), Few::default(), Few::default());
        let (reports, liveness, manifests) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let input = AppInput {
            application: &app,
            now: jiff::Timestamp::UNIX_EPOCH,
            source: "",
            intent: None,
            absence: None,
            reading: &[],
            fleet: &fleet,
            record: None,
            releases: &releases,
            targets: &targets,
            reports: &reports,
            liveness: &liveness,
            manifests: &manifests,
            room: crate::plan::Room::default(),
        };
        let draft = Draft::of(&input);
        let mut listener = Listener::off();
        listener.hear(&draft, |_| unreachable!("nobody asked"));
        let said = listener.decisions();
        assert_eq!((said.len(), said.capacity()), (0, 0), "an empty list has no memory of its own");
    }
}
