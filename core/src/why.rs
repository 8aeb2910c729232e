//! Why the hub decided as it did: every decision with its rule, what it is about, and the evidence that it rests on.
//!
//! The tree is made only when somebody asks ([`crate::plan::why`]); a plan without a listener costs nothing more.

use crate::status::{Liveness, Waiting};
use crate::{AppKey, ClusterName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Every decision on one application, as it would be made at this moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// Which application.
    pub application: AppKey,
    /// By the hub's clock.
    pub at: Timestamp,
    /// The commit of `main` that was read, in hex.
    pub source: String,
    /// What the rollout waits for [A5].
    pub waiting: Waiting,
    /// The decisions, in the order in which they are made.
    pub decisions: Vec<Because>,
}

impl Why {
    /// Names the reports that the evidence is from: the planner is told what they say, and not which they are.
    pub fn cite(&mut self, newest: impl Fn(&ClusterName) -> Option<Source>) {
        self.decisions.iter_mut().for_each(|because| because.cite(&newest));
    }
}

/// A decision and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Because {
    /// The rule that decides.
    pub rule: Rule,
    /// In a sentence.
    pub decision: String,
    /// What it is about: releases, files, blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterName>,
    /// The commit of `main` that asked for it, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// The decisions that it follows from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub because: Vec<Because>,
}

impl Because {
    /// A decision that speaks for itself.
    pub fn of(rule: Rule, decision: impl Into<String>) -> Self {
        Self {
            rule,
            decision: decision.into(),
            objects: Vec::new(),
            clusters: Vec::new(),
            commit: None,
            evidence: Vec::new(),
            because: Vec::new(),
        }
    }

    /// The same about an object.
    pub fn about(mut self, object: impl fmt::Display) -> Self {
        self.objects.push(object.to_string());
        self
    }

    /// The same in a cluster.
    pub fn within(mut self, cluster: &ClusterName) -> Self {
        self.clusters.push(cluster.clone());
        self
    }

    /// The same because a commit asks for it.
    pub fn by(mut self, commit: &str) -> Self {
        self.commit = Some(commit.to_owned());
        self
    }

    fn cite(&mut self, newest: &impl Fn(&ClusterName) -> Option<Source>) {
        for evidence in &mut self.evidence {
            evidence.report = evidence.reported_generation.and_then(|_| newest(&evidence.cluster));
        }
        self.because.iter_mut().for_each(|because| because.cite(newest));
    }
}

/// A report, and the revision of the target that it speaks of [A1].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DecisionEvidence)]
pub struct Evidence {
    /// Whose report.
    pub cluster: ClusterName,
    /// Generation of the target in force; null = it has none.
    #[schema(required)]
    pub target_generation: Option<u64>,
    /// Generation of the target that its last report was judged against; null = it has not reported. Only one that is equal
    /// proves anything.
    #[schema(required)]
    pub reported_generation: Option<u64>,
    /// Whether its agent reports.
    pub liveness: Liveness,
    /// The newest report of the cluster; absent = it is not known which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Source>,
    /// What it says, a release each.
    pub says: Vec<String>,
}

/// The newest report of a cluster. A report names what changed since the one before, so what this one leaves out stands too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvidenceSource)]
pub struct Source {
    /// The session it came in, by its first digits: enough to find it, and too few to report in it.
    pub session: String,
    /// Its number in that session.
    pub sequence: u64,
    /// The state commit that the agent worked on, in hex; absent before its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl Source {
    /// A report by its session, of which twelve digits are kept.
    pub fn of(session: &str, sequence: u64, commit: Option<String>) -> Self {
        Self { session: session.chars().take(12).collect(), sequence, commit }
    }
}

macro_rules! rules {
    ($($name:ident $title:literal,)+) => {
        /// A rule that decides; the label is that of the documentation and of test names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        pub enum Rule {
            $(#[doc = $title] $name,)+
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What it says, in a few words.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                }
            }
        }
    };
}

rules! {
    A1 "a step is achieved by fresh reports of every placed cluster",
    A2 "a cluster fails without progress until the deadline, or with what cannot heal",
    A3 "what happens when more clusters fail than may",
    A4 "gates of a step are judged from the moment it is achieved",
    A5 "waiting is always explained",
    B1 "a rollout block stops what it does not allow",
    B2 "an override must name every block in force",
    I1 "a bad file stops only itself",
    I3 "a release that cannot be rendered goes nowhere",
    M1 "an order moves the contender it names, and nothing else",
    M3 "a step says the numbers of every cluster",
    M7 "a release is complete when its last step is achieved everywhere",
    M8 "a return gives everything back to the incumbent at once",
    M10 "a third environment supersedes a contender under way",
    M12 "what the hub decides by itself is recorded with its cause",
    M13 "a pause freezes steps and new releases",
    M14 "a forward order waits for the gates of the step it leaves",
    R2 "only a changed environment makes a release",
    R3 "a version is resolved once and pinned",
    R4 "a strategy is copied into the release when it is made",
    R5 "the newest release is the contender, the newest other complete one the incumbent",
    R7 "what a cluster reported empty is taken from it",
    S1 "clusters are chosen by region, capability and weight",
    S2 "what is chosen stays chosen",
    S3 "too few clusters: the release waits and says why",
    S4 "a drained cluster is replaced before it is emptied",
    X1 "absence on main is not yet a removal",
    X3 "a rewritten history changes nothing",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
