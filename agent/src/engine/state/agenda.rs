//! Who is to be looked at when: the earliest moment asked for counts, and taking costs nothing for those who are not due.

use jiff::Timestamp;
use shipper_core::AppKey;
use std::collections::{BTreeMap, BTreeSet};

/// Applications by the moment they are due; each at most once.
#[derive(Debug, Default)]
pub struct Agenda {
    order: BTreeSet<(Timestamp, AppKey)>,
    due: BTreeMap<AppKey, Timestamp>,
}

impl Agenda {
    /// The application is to be looked at no later than this.
    pub fn ask(&mut self, app: &AppKey, at: Timestamp) {
        match self.due.get_mut(app) {
            Some(due) if *due <= at => return,
            Some(due) => {
                self.order.remove(&(*due, app.clone()));
                *due = at;
            }
            None => {
                self.due.insert(app.clone(), at);
            }
        }
        self.order.insert((at, app.clone()));
    }

    /// Nothing is asked for the application any more.
    pub fn drop(&mut self, app: &AppKey) {
        if let Some(due) = self.due.remove(app) {
            self.order.remove(&(due, app.clone()));
        }
    }

    /// Takes the one that has been due longest.
    pub fn take(&mut self, now: Timestamp) -> Option<AppKey> {
        self.next().filter(|at| *at <= now)?;
        let (_, app) = self.order.pop_first()?;
        self.due.remove(&app);
        Some(app)
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_earliest_moment_asked_for_counts_and_those_due_longest_come_first() {
        let (one, other) = (AppKey::new("web", "one"), AppKey::new("web", "other"));
        let mut agenda = Agenda::default();
        agenda.ask(&one, at(9));
        agenda.ask(&other, at(5));
        agenda.ask(&other, at(7));
        assert_eq!((agenda.take(at(4)), agenda.next()), (None, Some(at(5))));
        agenda.ask(&one, at(3));
        assert_eq!(agenda.take(at(9)), Some(one));
        assert_eq!(agenda.take(at(9)), Some(other.clone()));
        assert_eq!((agenda.take(at(9)), agenda.next()), (None, None));
        agenda.ask(&other, at(5));
        agenda.drop(&other);
        assert_eq!(agenda.take(at(9)), None);
    }
}
