//! Which hub acts [A6].
//!
//! What agents report counts in one store. Hubs that share it all may act: Git's compare-and-swap settles between them. A hub with another
//! store has not heard what was said there, so it stands by, until most of the fleet's agents have been without a hub that acts for a
//! while and ask this one. No clock is compared and nothing is written meanwhile: the agents are the only ones who can tell.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a hub may plan and write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum Standing {
    /// Its store is the one that counts.
    Acts,
    /// It takes over from the hubs of another store, in a new epoch.
    TakesOver,
    /// The hubs of another store act.
    #[serde(rename_all = "camelCase")]
    StandsBy {
        /// The store that counts.
        store: String,
        /// Clusters whose agents are without a hub and ask this one.
        asking: usize,
        /// How many of them it takes.
        needed: usize,
    },
}

/// What the standing rests on.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The store of the hub that asks.
    pub own: &'a str,
    /// The store that the state branch names; `None` = no hub has written there yet, or none that knew of stores.
    pub acting: Option<&'a str>,
    /// Clusters on `main`.
    pub clusters: usize,
    /// Those whose agents have been without a hub that acts for long enough, and ask this one.
    pub asking: usize,
    /// A person says that this one is to act.
    pub ordered: bool,
}

impl Candidate<'_> {
    /// Where the hub stands.
    pub fn standing(self) -> Standing {
        let needed = self.clusters / 2 + 1;
        match self.acting {
            Some(acting) if acting != self.own => {
                if self.ordered || self.asking >= needed {
                    return Standing::TakesOver;
                }
                Standing::StandsBy { store: acting.to_owned(), asking: self.asking, needed }
            }
            _ => Standing::Acts,
        }
    }
}

impl Standing {
    /// Whether it may plan and write.
    pub fn may_act(&self) -> bool {
        !matches!(self, Self::StandsBy { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(acting: Option<&str>, asking: usize, clusters: usize) -> Standing {
        Candidate { own: "mine", acting, clusters, asking, ordered: false }.standing()
    }

    /// [A6] All hubs on the store that counts may act, and whoever is first on a new state branch.
    #[test]
    fn a6_hubs_on_the_store_that_counts_act() {
        assert_eq!(standing(Some("mine"), 0, 3), Standing::Acts);
        assert_eq!(standing(None, 0, 3), Standing::Acts);
    }

    /// [A6] Half of the agents may have gone to either hub: only more than half decide.
    #[test]
    fn a6_more_than_half_of_the_agents_make_a_hub_take_over() {
        let stands_by = |asking, needed| Standing::StandsBy { store: "other".to_owned(), asking, needed };
        assert_eq!(standing(Some("other"), 2, 4), stands_by(2, 3));
        assert_eq!(standing(Some("other"), 3, 4), Standing::TakesOver);
        assert_eq!(standing(Some("other"), 1, 3), stands_by(1, 2));
        assert_eq!(standing(Some("other"), 2, 3), Standing::TakesOver);
        assert_eq!(standing(Some("other"), 0, 0), stands_by(0, 1));
    }

    /// [A6] A person who knows that the other is gone need not wait for agents.
    #[test]
    fn a6_a_person_can_order_it() {
        let candidate =
            Candidate { own: "mine", acting: Some("other"), clusters: 3, asking: 0, ordered: true };
        assert_eq!(candidate.standing(), Standing::TakesOver);
    }
}
