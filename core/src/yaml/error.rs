//! What can be wrong with a YAML stream, and where.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DefaultMessageFormatter, Error as Library, MessageFormatter};
use std::fmt;

/// A place in a file; both numbers count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl Position {
    /// The place of the byte at `offset`; bytes that are no UTF-8 count as one character each.
    pub(super) fn of_byte(bytes: &[u8], offset: usize) -> Self {
        let before = &bytes[..offset.min(bytes.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
        let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: narrow(line), column: narrow(column) }
    }

    pub(super) fn of_location(location: serde_saphyr::Location) -> Option<Self> {
        let line = u32::try_from(location.line()).unwrap_or(u32::MAX);
        let column = u32::try_from(location.column()).unwrap_or(u32::MAX);
        (line > 0).then_some(Self { line, column })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a stream could not be read, or a value not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The stream is too large to be looked at.
    #[error("{bytes} bytes are more than the {limit} that are read; split it")]
    TooLarge {
        /// Size of the stream.
        bytes: usize,
        /// Largest size that is read.
        limit: usize,
    },
    /// Bytes that are no UTF-8, such as UTF-16 or Latin-1.
    #[error("{position}: not UTF-8; save it as UTF-8")]
    NotUtf8 {
        /// The first such byte.
        position: Position,
    },
    /// A NUL byte, which no YAML may contain.
    #[error("{position}: a NUL byte; this is a binary file, or UTF-16")]
    Nul {
        /// The first one.
        position: Position,
    },
    /// A key that stands twice in one mapping.
    #[error("{position}: duplicate key {key:?}, first given on line {}; keep one", first.line)]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stands in the document, as `a.b[1].c`.
        path: String,
        /// The first one.
        first: Position,
        /// The second one.
        position: Position,
    },
    /// More nesting, nodes, aliases or documents than are read.
    #[error("{}{message}", prefix(*position))]
    Limit {
        /// Which limit.
        message: String,
        /// Where it was passed, where that is known.
        position: Option<Position>,
    },
    /// Not YAML, or a number that JSON cannot hold.
    #[error("{}{message}", prefix(*position))]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where, where that is known.
        position: Option<Position>,
    },
    /// A file that should hold one object holds none, or several.
    #[error("expected one YAML document, found {found}")]
    NotOneDocument {
        /// How many there are.
        found: usize,
    },
    /// An object of another kind or version than expected.
    #[error("expected {expected}, found {found}")]
    WrongKind {
        /// `apiVersion` and `kind` that were expected.
        expected: String,
        /// Those that are there.
        found: String,
    },
    /// An object that lacks a field, or has one of the wrong type.
    #[error("not a valid {kind}: {message}")]
    Shape {
        /// The kind that was expected.
        kind: String,
        /// What does not fit.
        message: String,
    },
    /// A value that YAML cannot hold.
    #[error("cannot write {kind} as YAML: {message}")]
    Write {
        /// What was to be written.
        kind: String,
        /// Why not.
        message: String,
    },
}

impl Error {
    /// Where it is, if it is anywhere in particular.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::NotUtf8 { position } | Self::Nul { position } | Self::DuplicateKey { position, .. } => {
                Some(*position)
            }
            Self::Limit { position, .. } | Self::Syntax { position, .. } => *position,
            _ => None,
        }
    }

    /// The message without the position, for those who print that themselves.
    pub fn message(&self) -> String {
        let whole = self.to_string();
        match self.position().map(|position| prefix(Some(position))) {
            Some(prefix) => whole.strip_prefix(&prefix).map_or(whole.clone(), str::to_owned),
            None => whole,
        }
    }
}

fn prefix(position: Option<Position>) -> String {
    position.map(|position| format!("{position}: ")).unwrap_or_default()
}

/// Says in a person's words what the library found.
pub(super) fn from_library(error: &Library) -> Error {
    let position = error.location().and_then(Position::of_location);
    let limit = |message: String| Error::Limit { message, position };
    let mut inner = error.without_snippet();
    while let Library::AliasError { error, .. } = inner {
        inner = error.without_snippet();
    }
    match inner {
        Library::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            limit(format!("nested deeper than {} levels", super::MAX_DEPTH))
        }
        Library::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            limit(format!("more than {} documents", super::MAX_DOCUMENTS))
        }
        Library::Budget { breach, .. } => limit(format!("larger than is read ({breach:?})")),
        Library::AliasReplayLimitExceeded { .. }
        | Library::AliasExpansionLimitExceeded { .. }
        | Library::AliasReplayStackDepthExceeded { .. } => {
            limit(format!("aliases that expand to more than {} nodes", super::MAX_ALIASED_NODES))
        }
        Library::RecursiveReferencesRequireWeakTypes { .. } => {
            limit("an alias that contains itself".to_owned())
        }
        Library::NonFiniteFloat { value, .. } => Error::Syntax {
            message: format!("{value} is not a finite number; put it in quotes if it is text"),
            position,
        },
        // Values may be anything here; only keys have to be scalars.
        Library::Unexpected { .. } => Error::Syntax { message: "a key must be text".to_owned(), position },
        other => Error::Syntax {
            message: DefaultMessageFormatter.format_message(other).trim().to_owned(),
            position,
        },
    }
}
