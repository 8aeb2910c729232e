//! Why the database does not do what it is asked.

use std::path::PathBuf;

/// Why the database does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made or written.
    #[error(
        "data directory {path} cannot be used: {source}; give the hub a directory it may write (--data-dir)"
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process works in the directory.
    #[error("another hub works in {path}; stop it, or give this one a --data-dir of its own")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The damaged file is in the way of a new one.
    #[error(
        "damaged database {path} cannot be moved aside: {source}; move or delete it by hand, nothing but history is lost"
    )]
    Aside {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is there but does not open.
    #[error("database {path} cannot be opened: {source}; check permissions and free space")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The database server cannot be used.
    #[error(
        "the database {place} cannot be used: {source}; check --database, that PostgreSQL runs there, and what this user may do"
    )]
    Connect {
        /// Where it is, without the password.
        place: String,
        /// What it said.
        source: sqlx::Error,
    },
    /// The tables are those of a newer hub.
    #[error(
        "the database has tables of version {version}, made by a newer hub, and this one knows {known}; run a hub that is at least as new"
    )]
    Newer {
        /// What the database says.
        version: i64,
        /// What this hub knows.
        known: usize,
    },
    /// One of its steps failed.
    #[error("the database failed while {step}: {source}; check that it runs, its free space and its disk")]
    Step {
        /// What was being done.
        step: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// A row cannot be read as what it should be.
    #[error(
        "the database holds {what} that cannot be read: {source}; delete the database, nothing but history is lost"
    )]
    Row {
        /// Which row.
        what: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Whether the values are what the database refuses, such as text that is too long for an index: it will whenever it is asked.
    pub fn is_about_values(&self) -> bool {
        // Data exceptions, and limits of the program, as PostgreSQL counts.
        self.sql_state().is_some_and(|code| code.starts_with("22") || code.starts_with("54"))
    }

    /// What was being done, for counting.
    pub fn doing(&self) -> &'static str {
        match self {
            Self::Step { step, .. } => step,
            Self::Row { .. } => "decoding a row",
            Self::Connect { .. } | Self::Newer { .. } => "connecting",
            Self::Directory { .. } | Self::InUse { .. } | Self::Aside { .. } | Self::Open { .. } => "opening",
        }
    }

    /// Whether the transaction gave way to another one and would do better now.
    pub fn gave_way(&self) -> bool {
        self.sql_state().is_some_and(|code| code.starts_with("40"))
    }

    /// The code of five characters that PostgreSQL gives; SQLite's have fewer.
    fn sql_state(&self) -> Option<String> {
        let Self::Step { source, .. } = self else { return None };
        let code = source.as_database_error()?.code()?;
        (code.len() == 5).then(|| code.into_owned())
    }
}
