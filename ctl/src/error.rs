//! Why a command fails. Every message says what to do next where that is known.

use crate::edit::EditError;
use crate::hub::HubError;
use crate::pulls::PullRequestError;
use crate::repository::RepositoryError;

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments do not fit together.
    #[error("{message}")]
    Usage {
        /// What is wrong and what would be right.
        message: String,
    },
    /// There is no such thing.
    #[error("there is no {what} {name:?}; {hint}")]
    NotFound {
        /// `application`, `release`, `step` …
        what: &'static str,
        /// As it was given.
        name: String,
        /// The nearest name, or all.
        hint: String,
    },
    /// It exists, but what was asked makes no sense now.
    #[error("{message}")]
    Refused {
        /// Why, and the next step.
        message: String,
    },
    /// What was asked for names a release that is not the contender any more.
    #[error(
        "{asked} {why}, and nothing was done; the contender of {app} is {now}, for which it is: {command}"
    )]
    Stale {
        /// The release that was named.
        asked: String,
        /// What it is now.
        why: &'static str,
        /// Whose.
        app: String,
        /// The contender.
        now: String,
        /// The same for the contender.
        command: String,
    },
    /// A file that was to be changed cannot be.
    #[error("{file}: {source}")]
    Edit {
        /// Its path in the repository.
        file: String,
        /// Why.
        source: EditError,
    },
    /// `lint` found errors; they were printed.
    #[error("{errors} {}", if *errors == 1 { "error" } else { "errors" })]
    Lint {
        /// How many.
        errors: usize,
    },
    /// What is waited for will not come by itself.
    #[error("{goal} will not come by itself: {message}")]
    WillNotCome {
        /// What was waited for.
        goal: String,
        /// Why not, and the next step.
        message: String,
    },
    /// It was waited long enough.
    #[error("{goal} did not come within {seconds} s: {message}")]
    TimeOver {
        /// What was waited for.
        goal: String,
        /// For how long.
        seconds: u64,
        /// What the application waits for.
        message: String,
    },
    /// There are differences, which were printed.
    #[error("there are differences")]
    Different,
    /// A folder or file cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// The demo cannot go on.
    #[error("the demo cannot {step}: {reason}")]
    Demo {
        /// What was being done.
        step: &'static str,
        /// Why not.
        reason: String,
    },
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    /// The hub does not answer, and something can be done all the same.
    #[error("{error}; {way}")]
    Away {
        /// Why it does not.
        error: HubError,
        /// What can be done.
        way: String,
    },
    /// The hub.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The repository.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The Git host.
    #[error(transparent)]
    PullRequest(#[from] PullRequestError),
}
