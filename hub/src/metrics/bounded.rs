//! Labels whose values people choose: a series is kept for each, so there are only so many.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What stands for all values beyond those that are told one by one. Not a name of Kubernetes, so it is nobody's.
pub const OTHERS: &str = "(others)";

/// The values that are told one by one: the first ones that come.
#[derive(Debug)]
pub struct Bounded {
    most: usize,
    known: Mutex<BTreeSet<String>>,
}

impl Bounded {
    /// At most so many.
    pub fn new(most: usize) -> Self {
        Self { most, known: Mutex::default() }
    }

    /// The label for a value: itself, or [`OTHERS`].
    pub fn label(&self, value: &str) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(value) {
            if known.len() >= self.most {
                return OTHERS.to_owned();
            }
            known.insert(value.to_owned());
        }
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_all_are_one() {
        let bounded = Bounded::new(2);
        assert_eq!(
            ["a", "b", "c", "a", "d"].map(|value| bounded.label(value)),
            ["a", "b", OTHERS, "a", OTHERS]
        );
    }
}
