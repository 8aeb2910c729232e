//! Exit codes, in one place: scripts depend on them, so a number never changes its meaning.

use crate::Error;
use crate::hub::HubError;

/// How `shipperctl` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// It could not be done, or `lint` found errors.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no such application, release, step, rollout block or repository.
    NotFound = 3,
    /// The hub does not answer.
    HubUnreachable = 4,
    /// The repository does not answer, or does not take the commit.
    Repository = 5,
}

/// The list for `--help`.
pub const HELP: &str = "\
Exit codes:
  0  all is well
  1  it could not be done, or lint found errors
  2  the command line is wrong
  3  no such application, release, step or rollout block
  4  the hub does not answer
  5  the repository does not answer, or does not take the commit";

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::Usage { .. } => Self::Usage,
            Error::NotFound { .. } => Self::NotFound,
            Error::Hub(HubError::Unreachable { .. }) => Self::HubUnreachable,
            Error::Hub(HubError::Unusable { .. }) => Self::Failure,
            Error::Repository(_) => Self::Repository,
            _ => Self::Failure,
        }
    }
}
