//! Exit codes, in one place: scripts depend on them, so a number never changes its meaning.

use crate::Error;
use crate::hub::HubError;

/// How `shipperctl` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// It could not be done, or `lint` or `plan` found errors.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no such application, release, step, rollout block, cluster or repository.
    NotFound = 3,
    /// The hub does not answer.
    HubUnreachable = 4,
    /// The repository does not answer, or does not take the commit.
    Repository = 5,
    /// `wait`: it will not come by itself.
    WillNotCome = 6,
    /// `wait`: the time is over.
    TimeOver = 7,
    /// `diff --exit-code`: there are differences.
    Different = 8,
    /// The hub does not let us read.
    Denied = 9,
}

/// The list for `--help`.
pub const HELP: &str = "\
Exit codes:
  0  all is well
  1  it could not be done, or lint or plan found errors
  2  the command line is wrong
  3  no such application, release, step, cluster or rollout block
  4  the hub does not answer
  5  the repository does not answer, or does not take the commit
  6  wait: what is waited for will not come by itself
  7  wait: the time is over
  8  diff --exit-code: there are differences
  9  the hub does not let you read: there is no token, or it does not count or does not see that";

impl Exit {
    /// All of them, by number.
    pub const ALL: &[Self] = &[
        Self::Ok,
        Self::Failure,
        Self::Usage,
        Self::NotFound,
        Self::HubUnreachable,
        Self::Repository,
        Self::WillNotCome,
        Self::TimeOver,
        Self::Different,
        Self::Denied,
    ];

    /// What it means, as `--help` says it.
    pub fn meaning(self) -> &'static str {
        let of = |line: &'static str| line.trim_start().strip_prefix(char::from(b'0' + self as u8));
        HELP.lines().find_map(of).unwrap_or_default().trim()
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::Usage { .. } => Self::Usage,
            Error::NotFound { .. } => Self::NotFound,
            Error::Away { .. } => Self::HubUnreachable,
            Error::Hub(error) if error.is_away() => Self::HubUnreachable,
            Error::Hub(HubError::Asked { .. } | HubError::Address { .. }) => Self::Usage,
            Error::Hub(HubError::Missing { .. }) => Self::NotFound,
            Error::Hub(HubError::Denied { .. }) => Self::Denied,
            Error::Hub(HubError::Unusable { .. } | HubError::Token { .. }) => Self::Failure,
            Error::Repository(_) => Self::Repository,
            Error::WillNotCome { .. } => Self::WillNotCome,
            Error::TimeOver { .. } => Self::TimeOver,
            Error::Different => Self::Different,
            _ => Self::Failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained() {
        for (number, exit) in Exit::ALL.iter().enumerate() {
            assert_eq!(usize::from(*exit as u8), number);
            assert!(!exit.meaning().is_empty(), "{exit:?}");
        }
    }
}
