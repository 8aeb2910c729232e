//! How much one turn of the loop takes on. The plans of a turn are in memory together until their commit is pushed, so a wave over a whole
//! fleet goes in portions: memory is that of a portion, and the first clusters begin while the rest is planned.

use shipper_core::AppKey;
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

/// Takes turns, so that whoever is always there holds nobody up.
#[derive(Debug, Default)]
pub(super) struct Portions {
    /// The last one taken while there were more than could be.
    after: Option<AppKey>,
}

impl Portions {
    /// At most `most` of `dirty`, those behind the last one taken first, and what is left for later.
    pub(super) fn take(
        &mut self,
        mut dirty: BTreeSet<AppKey>,
        most: usize,
    ) -> (BTreeSet<AppKey>, BTreeSet<AppKey>) {
        if dirty.len() <= most {
            self.after = None;
            return (dirty, BTreeSet::new());
        }
        let behind = self.after.as_ref().map_or(Unbounded, Excluded);
        let in_turn = dirty.range::<AppKey, _>((behind, Unbounded)).chain(&dirty);
        let mut turn = BTreeSet::new();
        for app in in_turn {
            if turn.len() == most {
                break;
            }
            self.after = Some(app.clone());
            turn.insert(app.clone());
        }
        dirty.retain(|app| !turn.contains(app));
        (turn, dirty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apps(names: &str) -> BTreeSet<AppKey> {
        names.chars().map(|name| AppKey::new("web", name.to_string())).collect()
    }

    #[test]
    fn what_fits_into_a_turn_is_one() {
        assert_eq!(Portions::default().take(apps("abc"), 3), (apps("abc"), apps("")));
    }

    #[test]
    fn everybody_has_a_turn_however_often_others_come_again() {
        let mut portions = Portions::default();
        let (turn, later) = portions.take(apps("abcde"), 2);
        assert_eq!((&turn, &later), (&apps("ab"), &apps("cde")));
        // The first two are there again at once.
        let (turn, later) = portions.take(apps("abcde"), 2);
        assert_eq!((&turn, &later), (&apps("cd"), &apps("abe")));
        let (turn, later) = portions.take(apps("abcde"), 2);
        assert_eq!((&turn, &later), (&apps("ae"), &apps("bcd")));
        assert_eq!(portions.take(later, 9), (apps("bcd"), apps("")));
    }
}
