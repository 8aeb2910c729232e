//! Waiting for an application: what can be waited for, and when it is so.

use super::RolloutState;
use crate::condition::{ConditionType, Reason, Status};
use crate::status::{ApplicationStatus, WaitingFor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// Longest wait in one request, in seconds; ask again to go on.
pub const MAX_WAIT_SECONDS: u64 = 300;

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The contender is complete [M7].
    Complete,
    /// It cannot go on without a person: it does not render, too many clusters fail, or the hub took it back.
    Failed,
    /// The contender achieved this step, or one behind it; by name or by index from 0 [M3].
    Step(String),
    /// Nothing goes on by itself: at rest, or waiting for a commit.
    Settled,
}

/// What a wait answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waited {
    /// Whether what was waited for is so; if not, the time is over.
    pub met: bool,
    /// Which of the goals is so, as it was asked for.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// Where a commit was named: whether the hub has decided on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<bool>,
    /// The application now.
    pub status: ApplicationStatus,
}

/// What has become of what `main` asks of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// A release stands for it.
    Yes,
    /// Not yet: it is being rendered, a chart is not there, or something stops it for now.
    NotYet,
    /// It is refused; what was there before stays in force [I1].
    Refused,
}

impl Followed {
    /// That of an application, by the commit that its status rests on.
    pub fn of(status: &ApplicationStatus) -> Self {
        let condition = |kind| status.conditions.iter().find(|condition| condition.kind == kind);
        if condition(ConditionType::Valid).is_some_and(|valid| valid.status == Status::False) {
            return Self::Refused;
        }
        match condition(ConditionType::ReleaseSynced) {
            None => Self::Yes,
            Some(synced) if synced.status == Status::True => Self::Yes,
            Some(synced) if synced.reason == Reason::StrategyNotFound => Self::Refused,
            // What the hub took back by itself stays so until another commit [A3].
            Some(synced) if synced.reason == Reason::RolledBack => Self::Yes,
            Some(_) => Self::NotYet,
        }
    }
}

impl Goal {
    /// Whether it is so. `Err` = it can never be so: the contender has no such step.
    ///
    /// # Errors
    /// In words, with the steps that there are.
    pub fn met(&self, status: &ApplicationStatus) -> Result<bool, String> {
        let contender = status.contender_status();
        Ok(match self {
            Self::Complete => contender.is_some_and(|release| release.complete.is_some()),
            Self::Failed => RolloutState::of(status).needs_somebody(),
            Self::Settled => matches!(
                status.waiting.state,
                WaitingFor::None | WaitingFor::WaitingForCommand | WaitingFor::Paused
            ),
            Self::Step(step) => {
                let Some(release) = contender else { return Ok(false) };
                let named = release.steps.iter().position(|name| name == step);
                let index = named.or_else(|| step.parse().ok().filter(|index| *index < release.steps.len()));
                let Some(index) = index else {
                    let steps: Vec<String> =
                        release.steps.iter().enumerate().map(|(i, name)| format!("{i} {name:?}")).collect();
                    return Err(format!(
                        "{} has no step {step:?}; its steps, counted from 0, are {}",
                        release.name,
                        steps.join(", ")
                    ));
                };
                release.achieved.as_ref().is_some_and(|achieved| achieved.step >= index)
            }
        })
    }
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "complete" => Ok(Self::Complete),
            "failed" => Ok(Self::Failed),
            "settled" => Ok(Self::Settled),
            other => match other.strip_prefix("step=") {
                Some(step) if !step.is_empty() => Ok(Self::Step(step.to_owned())),
                _ => Err(format!(
                    "{other:?} cannot be waited for; wait for complete, failed, settled, or step=<name, or index from 0>"
                )),
            },
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Failed => f.write_str("failed"),
            Self::Settled => f.write_str("settled"),
            Self::Step(step) => write!(f, "step={step}"),
        }
    }
}
