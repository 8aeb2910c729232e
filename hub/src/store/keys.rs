//! Read tokens for whoever manages them beside the hubs: on the database itself, also while hubs work with it. It makes no tables and moves
//! nothing aside; that is a hub's.

use super::access::{AccessChange, ReadToken};
use super::postgres::{self, Address};
use super::sql::access;
use super::{StoreError, sqlite};
use sqlx::{Connection, SqliteConnection};
use std::path::{Path, PathBuf};

/// Why tokens cannot be managed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// There is no database.
    #[error(
        "there is no database {path}; is that the --data-dir of a hub without --database, and was it started once?"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It is that of another version.
    #[error(
        "{place} has tables of version {version}, and this program knows {known}; use the shipperctl of the hub's version"
    )]
    Version {
        /// Which database.
        place: String,
        /// What it says.
        version: i64,
        /// What is known here.
        known: usize,
    },
    /// It does not let us in.
    #[error("{place} cannot be opened: {source}; check its address and permissions")]
    Open {
        /// Which database.
        place: String,
        /// What it said.
        source: sqlx::Error,
    },
    /// It does not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Database {
    /// In this data directory.
    Directory(PathBuf),
    /// In PostgreSQL.
    Postgres(Box<Address>),
}

impl Database {
    /// All tokens, in the order of their names.
    ///
    /// # Errors
    /// The database is not there, or does not do it.
    pub async fn tokens(&self) -> Result<Vec<ReadToken>, KeysError> {
        Ok(match self {
            Self::Directory(directory) => {
                let mut file = file(directory).await?;
                access::readers(&mut file).await?.tokens
            }
            Self::Postgres(address) => {
                let mut connection = server(address).await?;
                access::readers(&mut *connection).await?.tokens
            }
        })
    }

    /// Changes who may read, all of it or nothing; answers which of the changes changed something.
    ///
    /// # Errors
    /// The database is not there, or does not do it.
    pub async fn change(&self, changes: &[AccessChange]) -> Result<Vec<bool>, KeysError> {
        let failed = |source| StoreError::Step { step: "changing who may read", source };
        Ok(match self {
            Self::Directory(directory) => {
                let mut file = file(directory).await?;
                let mut transaction = file.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
                let changed = access::change(&mut *transaction, changes).await?;
                transaction.commit().await.map_err(failed)?;
                changed
            }
            Self::Postgres(address) => {
                let mut connection = server(address).await?;
                let mut transaction = connection.begin().await.map_err(failed)?;
                let changed = access::change(&mut *transaction, changes).await?;
                transaction.commit().await.map_err(failed)?;
                changed
            }
        })
    }
}

async fn file(directory: &Path) -> Result<SqliteConnection, KeysError> {
    let path = directory.join(sqlite::FILE);
    if !path.is_file() {
        return Err(KeysError::Missing { path });
    }
    let place = || path.display().to_string();
    let failed = |source| KeysError::Open { place: place(), source };
    let options = sqlite::options(&path).create_if_missing(false);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
    let version =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.map_err(failed)?;
    known(version, sqlite::MIGRATIONS.len(), place)?;
    Ok(connection)
}

async fn server(address: &Address) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, KeysError> {
    let failed = |source| KeysError::Open { place: address.to_string(), source };
    let mut connection = address.alone().await.map_err(failed)?.acquire().await.map_err(failed)?;
    let version = "SELECT COALESCE(max(version), 0) FROM shipper_schema";
    let version = sqlx::query_scalar(version).fetch_one(&mut *connection).await.map_err(failed)?;
    known(version, postgres::MIGRATIONS.len(), || address.to_string())?;
    Ok(connection)
}

fn known(version: i64, known: usize, place: impl Fn() -> String) -> Result<(), KeysError> {
    if usize::try_from(version) == Ok(known) {
        return Ok(());
    }
    Err(KeysError::Version { place: place(), version, known })
}
