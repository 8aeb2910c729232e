//! Where this hub stands [A6]: what it knows of its own store and of the one that counts, and which agents have asked it because no hub
//! that acts answers them. The loop decides at every look; the HTTP side refuses agents and readers while the hub stands by, and closes
//! their connections, so that a balancer leads them to a hub that acts.

use crate::http::problem::Problem;
use crate::notify::lock;
use shipper_core::ClusterName;
use shipper_core::catalogue::Refusal;
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::standing::{Candidate, Standing};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// An agent that has not asked again for so long has found a hub, or is gone. Agents ask every few seconds while nobody acts for them.
const ASKS_AGAIN: Duration = Duration::from_secs(30);
/// When an agent that is sent away is to ask again, in seconds.
const ASK_AGAIN: u32 = 5;

/// What a hub is told of standing by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// How long an agent has to have been without a hub for its asking to count.
    pub after: Duration,
    /// A person says that this hub is to act now.
    pub ordered: bool,
}

impl Default for Takeover {
    fn default() -> Self {
        Self { after: Duration::from_secs(30), ordered: false }
    }
}

/// Where this hub stands; the loop sets it.
#[derive(Debug)]
pub struct Stand {
    own: String,
    takeover: Takeover,
    asked: Mutex<BTreeMap<ClusterName, Asked>>,
    now: watch::Sender<Option<Standing>>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    /// How long it had been without a hub by then.
    unheard: Duration,
}

impl Stand {
    /// Of a hub on this store.
    pub fn new(own: String, takeover: Takeover) -> Self {
        Self { own, takeover, asked: Mutex::default(), now: watch::Sender::new(None) }
    }

    /// The store of this hub.
    pub fn own(&self) -> &str {
        &self.own
    }

    /// Where it stands; `None` = the repository was not read yet.
    pub fn get(&self) -> Option<Standing> {
        self.now.borrow().clone()
    }

    /// Told of every change.
    pub fn subscribe(&self) -> watch::Receiver<Option<Standing>> {
        self.now.subscribe()
    }

    /// Judges anew, by the store that the state branch names and the clusters on `main`.
    pub fn judge<'a>(
        &self,
        acting: Option<&str>,
        clusters: impl IntoIterator<Item = &'a ClusterName>,
    ) -> Standing {
        let now = Instant::now();
        let mut asked = lock(&self.asked);
        asked.retain(|_, asked| now.duration_since(asked.at) < ASKS_AGAIN);
        let (mut all, mut asking) = (0, 0);
        for cluster in clusters {
            all += 1;
            asking += usize::from(asked.get(cluster).is_some_and(|asked| self.counts(asked, now)));
        }
        let ordered = self.takeover.ordered;
        let standing = Candidate { own: &self.own, acting, clusters: all, asking, ordered }.standing();
        if standing.may_act() {
            asked.clear();
        }
        drop(asked);
        self.now.send_if_modified(|last| {
            let news = last.as_ref() != Some(&standing);
            *last = Some(standing.clone());
            news
        });
        standing
    }

    /// An agent asks that is without a hub, as it says, for so long. Whether it is time to judge anew.
    pub fn ask(&self, cluster: ClusterName, unheard: Option<Duration>) -> bool {
        let Some(Standing::StandsBy { needed, .. }) = self.get() else { return false };
        let Some(unheard) = unheard else { return false };
        let (now, mut asked) = (Instant::now(), lock(&self.asked));
        asked.insert(cluster, Asked { at: now, unheard });
        asked.values().filter(|asked| self.counts(asked, now)).count() >= needed
    }

    /// It had been without a hub for long enough when it asked last, and that was lately: since then it may have found one.
    fn counts(&self, asked: &Asked, now: Instant) -> bool {
        now.duration_since(asked.at) < ASKS_AGAIN && asked.unheard >= self.takeover.after
    }

    /// The refusal of whoever asks a hub that stands by.
    pub fn refusal(&self) -> Option<Problem> {
        let Some(Standing::StandsBy { asking, needed, .. }) = self.get() else { return None };
        let detail = format!(
            "this hub stands by while the hubs of another database act; ask those, or the balancer before them. It takes over when the \
             agents of {needed} clusters have been without a hub for {:?} and ask it ({asking} do now), or when it is started with \
             --take-over",
            self.takeover.after
        );
        let problem = Problem::new(Refusal::StandsBy, detail);
        Some(problem.retry_after(ASK_AGAIN))
    }

    /// What is to be said of it beside the other conditions of the hub: nothing while it acts, as most do always.
    pub fn condition(&self) -> Option<Condition> {
        let refusal = self.refusal()?;
        Some(Condition::new(ConditionType::Acting, Status::False, Reason::StandsBy, refusal.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters() -> Vec<ClusterName> {
        ["a", "b", "c"].map(ClusterName::from).to_vec()
    }

    fn stand() -> Stand {
        Stand::new("mine".to_owned(), Takeover::default())
    }

    fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    /// [A6] Only who has been without a hub for long counts, and only while it goes on asking.
    #[tokio::test(start_paused = true)]
    async fn a6_agents_count_that_are_without_a_hub_for_long_and_ask_now() {
        let stand = stand();
        assert!(!stand.judge(Some("other"), &clusters()).may_act());
        assert!(!stand.ask("a".into(), secs(31)), "one of three");
        assert!(!stand.ask("b".into(), secs(3)), "it has heard a hub three seconds ago");
        assert!(!stand.ask("c".into(), None), "an agent that does not say");
        assert!(!stand.judge(Some("other"), &clusters()).may_act());
        tokio::time::advance(Duration::from_secs(28)).await;
        assert!(!stand.judge(Some("other"), &clusters()).may_act(), "b may have found a hub since");
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(!stand.ask("b".into(), secs(35)), "a has not asked for half a minute");
        assert!(!stand.judge(Some("other"), &clusters()).may_act());
        assert!(stand.ask("a".into(), secs(63)));
        assert_eq!(stand.judge(Some("other"), &clusters()), Standing::TakesOver);
        assert_eq!(stand.judge(Some("mine"), &clusters()), Standing::Acts);
        assert!(stand.refusal().is_none() && stand.condition().is_none());
    }

    /// [A6] Agents of clusters that are not on `main` decide nothing.
    #[tokio::test(start_paused = true)]
    async fn a6_clusters_that_are_not_of_the_fleet_do_not_count() {
        let stand = stand();
        stand.judge(Some("other"), &clusters());
        for name in ["x", "y", "z"] {
            stand.ask(name.into(), secs(100));
        }
        assert!(!stand.judge(Some("other"), &clusters()).may_act());
        let told = stand.refusal().unwrap();
        assert_eq!((told.status().as_u16(), told.reason), (503, Refusal::StandsBy));
        assert!(told.detail.contains("the agents of 2 clusters"), "{}", told.detail);
    }
}
