//! Conditions are the API: the same shape everywhere, reasons from one catalogue.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// `True`, `False` or `Unknown`, as in the Kubernetes API conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ConditionStatus)]
pub enum Status {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// There is not enough evidence to say.
    Unknown,
}

/// What a condition speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum ConditionType {
    /// The file on `main` was read and is valid.
    Valid,
    /// A rollout block is in force.
    Blocked,
    /// A release exists for the environment on `main`.
    ReleaseSynced,
    /// The promotion on `main` could be obeyed.
    OrderObeyed,
    /// Enough clusters were found.
    Scheduled,
    /// The chart or manifests could be rendered.
    Rendered,
    /// The contender's strategy is the one on `main`.
    StrategyCurrent,
    /// The contender has everything at the end of its strategy, in every placed cluster.
    WholeAtEnd,
    /// No cluster fails at the contender's step.
    ClustersHealthy,
    /// The contender is on its way: not complete yet.
    RollingOut,
    /// The contender is complete.
    Complete,
    /// The application is on `main`.
    Present,
    /// Git, where it concerns everything.
    RepositoryAccepted,
    /// The hub may plan and write.
    Acting,
    /// What agents report can be stored; there while it cannot.
    DatabaseWritable,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Why a condition is as it is. Each has an entry in the catalogue and a page in the knowledge base.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason, in the order of the catalogue.
            pub const ALL: &[Reason] = &[$(Reason::$name,)+];

            /// As it stands in the API.
            pub fn name(self) -> &'static str {
                match self {
                    $(Reason::$name => stringify!($name),)+
                }
            }

            /// One sentence on what it means.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Reason::$name => concat!($($doc,)+).trim_ascii(),)+
                }
            }
        }
    };
}

reasons! {
    /// All is as it should be.
    AsExpected,
    /// The file does not parse or breaks a rule; the last good version stays in force.
    InvalidFile,
    /// In the records but not on `main`; the message says what will happen when. Putting the file back ends it.
    MissingOnMain,
    /// Several applications or clusters are missing on `main` at once; nothing is removed until a commit confirms it by its trailer.
    ManyMissing,
    /// The application is being removed; it is done when every cluster has reported that nothing is left but what is kept.
    Removing,
    /// `strategyRef` names a strategy that does not exist.
    StrategyNotFound,
    /// The chart's version could not be resolved or its archive not fetched; tried again by itself.
    ChartUnavailable,
    /// The chart did not render, or rendered what Shipper refuses; the release goes nowhere.
    RenderFailed,
    /// The release is being rendered, or its chart looked up.
    Rendering,
    /// `rollout.release` is not the contender's name; nothing moves.
    StaleRelease,
    /// `rollout.targetStep` is not a step of the strategy; nothing moves.
    UnknownStep,
    /// The order waits for soak or analysis of the step it leaves; `rollout.skipGates: true` goes on at once.
    OrderWaits,
    /// `rollout.paused` is set; the present step converges, a return is obeyed, nothing else moves.
    RolloutPaused,
    /// The strategy on `main` is not the contender's; the next release has it, or `rollout.adoptStrategy` names it.
    StrategyChanged,
    /// `rollout.adoptStrategy` is not the version of the strategy on `main`; the release keeps its own.
    StaleStrategy,
    /// The release cannot go on with the strategy on `main`, for example because its step is not in it.
    StrategyRefused,
    /// The strategy's end leaves clusters without the whole contender: not selected, less capacity, or a part of the traffic.
    ContenderNotWhole,
    /// Clusters fail, no more than `maxFailedClusters` allows: the rollout goes on without them.
    ClustersFailing,
    /// More clusters fail or are away than `maxFailedClusters` allows, and every cluster stays where it is.
    RolloutHeld,
    /// The hub took the release back because too many clusters failed (`onFailure: rollback`); it is not made again until the file
    /// changes.
    RolledBack,
    /// Fewer clusters fit than were asked for; goes on by itself when the fleet changes.
    NotEnoughClusters,
    /// A drained cluster, or one that is not asked for any more, keeps the application because nothing takes its place; goes on by itself
    /// when the fleet changes.
    NoReplacement,
    /// A rollout block is in force; targets already written stay, and nothing moves but what the block allows.
    RolloutsBlocked,
    /// The annotation that overrides rollout blocks names one that does not exist; it has no effect.
    OverrideNotFound,
    /// The release waits for something, which the condition's message names.
    InProgress,
    /// The contender has reached its last step everywhere.
    RolloutComplete,
    /// History of `main` was rewritten, emptied or cannot be read; nothing changes anywhere.
    HistoryRewritten,
    /// The repository cannot be reached; tried again by itself.
    RepositoryUnreachable,
    /// The hubs of another database act, and this one stands by.
    StandsBy,
    /// The hub's database takes no writes, so that no report of an agent is stored; tried again by itself.
    DatabaseNotWritable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One statement about an object, as in the Kubernetes API conventions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it speaks of.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: Status,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people: names the objects and the next step.
    pub message: String,
    /// When `status` last changed; absent where nobody kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
    /// The commit it was judged on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_revision: Option<String>,
}

impl Condition {
    /// A condition without time and revision; the hub fills both in.
    pub fn new(kind: ConditionType, status: Status, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind,
            status,
            reason,
            message: message.into(),
            last_transition_time: None,
            observed_revision: None,
        }
    }

    /// Whether it keeps what is on `main` from becoming a release until somebody mends it or what is away comes back: a file that is
    /// refused, a strategy or a chart that is not there. What only stops it for a while, and what the hub took back, is told by itself.
    pub fn hinders(&self) -> bool {
        let away = matches!(self.reason, Reason::ChartUnavailable | Reason::StrategyNotFound);
        let of_release = matches!(self.kind, ConditionType::ReleaseSynced | ConditionType::Rendered);
        self.status == Status::False && (self.kind == ConditionType::Valid || (of_release && away))
    }
}
