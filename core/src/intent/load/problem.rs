//! What is wrong with a file, as it is shown to the person who wrote it.

use crate::yaml::Position;
use std::fmt;
use utoipa::ToSchema;

/// How bad a [`Problem`] is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, ToSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The file is used all the same.
    Warning,
    /// The file is refused, and the last good version stays in force [I1].
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Something wrong with a file; displayed as `file:line:column: field: message`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FileProblem)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Path within the repository.
    pub file: String,
    /// Line, from 1, where it is in a place.
    #[schema(required)]
    pub line: Option<u32>,
    /// Column in characters, from 1.
    #[schema(required)]
    pub column: Option<u32>,
    /// The field concerned, as `spec.template.strategy.steps[1].capacity.contender`.
    #[schema(required)]
    pub field: Option<String>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Problem {
    /// An error of the file as a whole.
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line: None,
            column: None,
            field: None,
            message: message.into(),
        }
    }

    /// The same problem in a place.
    pub(super) fn at(mut self, position: Option<Position>) -> Self {
        self.line = position.map(|position| position.line);
        self.column = position.map(|position| position.column);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {}", self.message)
    }
}
