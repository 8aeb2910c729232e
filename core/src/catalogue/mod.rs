//! The catalogue of reasons: whatever Shipper gives as a reason has an entry that says what it means, what Shipper does by itself and
//! what a person can do. The knowledge base (`docs/reasons/`) is generated from it.
//!
//! - [`conditions`]: of conditions; [`objects`]: of objects in trouble; [`pods`]: of pods that are not available, in Kubernetes' own
//!   words; [`waiting`]: what a rollout waits for [A5]; [`refusals`]: of requests that the hub refuses.

mod conditions;
mod objects;
mod pods;
mod refusals;
mod waiting;

pub use objects::Trouble;
pub use refusals::Refusal;

use crate::condition::Reason;
use crate::status::WaitingFor;
use serde::Serialize;
use std::fmt::Write;

/// Where the knowledge base is read.
const KNOWLEDGE_BASE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/reasons");

/// What a reason is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Group {
    /// Conditions of applications and of the hub.
    Condition,
    /// What a rollout waits for.
    Waiting,
    /// Objects in trouble.
    Object,
    /// Pods that are not available.
    Pods,
    /// Requests that the hub refuses.
    Refusal,
}

impl Group {
    /// The groups in the order of the book.
    pub const ALL: [Self; 5] = [Self::Condition, Self::Waiting, Self::Object, Self::Pods, Self::Refusal];

    /// Its heading and where it is seen.
    fn heading(self) -> (&'static str, &'static str) {
        match self {
            Self::Condition => ("Conditions", "`conditions[].reason` of applications and of the hub."),
            Self::Waiting => {
                ("What a rollout waits for", "`waiting.state` of applications and of their clusters.")
            }
            Self::Object => ("Objects in trouble", "`clusters[].problems[].reason`."),
            Self::Pods => (
                "Pods that are not available",
                "`clusters[].releases[].pods[].reason`, in Kubernetes' own words. Those that are not in this list are passed on as they \
                 come; what they mean is what the page of `NotReady` says.",
            ),
            Self::Refusal => {
                ("Requests that the hub refuses", "`reason` of the problem documents of the HTTP API.")
            }
        }
    }
}

/// A reason of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// As it stands in the API.
    pub name: &'static str,
    /// What it is given for.
    pub group: Group,
    /// What it means.
    pub meaning: &'static str,
    /// What Shipper does by itself.
    pub shipper: &'static str,
    /// What a person can do.
    pub person: &'static str,
}

impl Entry {
    /// Where its page is, from `docs/`.
    pub fn path(&self) -> String {
        format!("reasons/{}.md", self.name)
    }

    /// Where its page is read.
    pub fn url(&self) -> String {
        format!("{KNOWLEDGE_BASE}/{}.md", self.name)
    }

    /// Its page of the knowledge base.
    pub fn page(&self) -> String {
        let Self { name, meaning, shipper, person, group } = self;
        let (heading, seen) = group.heading();
        format!(
            "# {name}\n\n{GENERATED}\n\n{meaning}\n\n**What Shipper does by itself.** {shipper}\n\n**What you can do.** {person}\n\n\
             Seen in {seen} See [all reasons](../reasons.md), *{heading}*.\n"
        )
    }
}

const GENERATED: &str = "<!-- Written by `cargo xtask docs` from core/src/catalogue; change it there. -->";

/// All entries, group by group.
pub fn entries() -> Vec<Entry> {
    let conditions = Reason::ALL.iter().filter_map(|reason| conditions::entry(*reason));
    let waiting = WaitingFor::ALL.iter().map(|state| waiting::entry(*state));
    let objects = Trouble::ALL.iter().map(|trouble| trouble.entry());
    let refusals = Refusal::ALL.iter().filter_map(|refusal| refusal.own());
    conditions.chain(waiting).chain(objects).chain(pods::ENTRIES.iter().copied()).chain(refusals).collect()
}

/// The entry of a reason.
pub fn entry(group: Group, name: &str) -> Option<Entry> {
    entries().into_iter().find(|entry| entry.group == group && entry.name == name)
}

/// The entry of a reason for which pods are not available; what Kubernetes says beside the catalogue has that of `NotReady`.
pub fn of_pods(name: &str) -> Option<Entry> {
    entry(Group::Pods, name).or_else(|| entry(Group::Pods, "NotReady"))
}

/// The page that lists all.
pub fn index() -> String {
    let mut page = format!(
        "# Reasons\n\n{GENERATED}\n\nWhatever Shipper reports has a reason from this catalogue: in `shipperctl status` and `why`, in the \
         hub's API, and in\nrelease records. Scripts may rely on the names. The message beside it names the objects and the next step.\n"
    );
    let all = entries();
    for group in Group::ALL {
        let (heading, seen) = group.heading();
        let _ = write!(page, "\n## {heading}\n\n{seen}\n\n");
        for entry in all.iter().filter(|entry| entry.group == group) {
            let _ = writeln!(page, "- [{}]({}): {}", entry.name, entry.path(), entry.meaning);
        }
    }
    page
}
