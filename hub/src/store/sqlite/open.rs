//! Opening the database: the schema brought up to date, a damaged file moved aside.

use super::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Row, SqliteConnection, SqlitePool};
use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The schema, one step after the other; the database says in `user_version` how many it has.
pub(in crate::store) const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_reports.sql"),
    include_str!("../../../migrations/sqlite/0002_free_capacity.sql"),
    include_str!("../../../migrations/sqlite/0003_identity.sql"),
    include_str!("../../../migrations/sqlite/0004_versions.sql"),
    include_str!("../../../migrations/sqlite/0005_timeline.sql"),
    include_str!("../../../migrations/sqlite/0006_access.sql"),
    include_str!("../../../migrations/sqlite/0007_commits.sql"),
    include_str!("../../../migrations/sqlite/0008_measurements.sql"),
];

/// Name of the file in the data directory.
pub(in crate::store) const FILE: &str = "hub.db";
/// Connections that read beside the one that writes.
const READERS: u32 = 3;

/// SQLite's result codes for a file that is damaged or is no database.
const DAMAGED: [&str; 2] = ["11", "26"];

/// Makes sure that the file is there and sound, of the newest schema: a new one takes the place of one that is damaged.
pub(super) async fn make_sound(path: &Path) -> Result<(), StoreError> {
    let Err(why) = sound(path).await else { return Ok(()) };
    match why {
        Unsound::Damaged(reason) => aside(path, &reason)?,
        Unsound::Fails(source) => return Err(StoreError::Open { path: path.to_owned(), source }),
    }
    sound(path).await.map_err(|why| StoreError::Open { path: path.to_owned(), source: why.into_source() })
}

/// Connections that only read: nobody who looks for something in a long timeline holds up what agents report.
pub(super) fn readers(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(Duration::from_secs(10))
        .connect_lazy_with(options(path).create_if_missing(false).read_only(true))
}

pub(in crate::store) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(96)
}

enum Unsound {
    Damaged(String),
    Fails(sqlx::Error),
}

impl Unsound {
    fn into_source(self) -> sqlx::Error {
        match self {
            Self::Damaged(reason) => sqlx::Error::Protocol(reason),
            Self::Fails(source) => source,
        }
    }
}

impl From<sqlx::Error> for Unsound {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(Cow::into_owned);
        // Extended codes carry the plain one in their low byte.
        let plain = code.and_then(|code| code.parse::<u32>().ok()).map(|code| (code & 0xff).to_string());
        match plain {
            Some(code) if DAMAGED.contains(&code.as_str()) => Self::Damaged(error.to_string()),
            _ => Self::Fails(error),
        }
    }
}

/// Opens, checks and migrates the database through a connection of its own.
async fn sound(path: &Path) -> Result<(), Unsound> {
    let mut connection = SqliteConnection::connect_with(&options(path)).await?;
    let checked = check_and_migrate(&mut connection).await;
    let closed = connection.close().await;
    checked?;
    Ok(closed?)
}

async fn check_and_migrate(connection: &mut SqliteConnection) -> Result<(), Unsound> {
    let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection).await?;
    if verdict != "ok" {
        return Err(Unsound::Damaged(verdict));
    }
    let version: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut *connection).await?.try_get(0)?;
    let Some(pending) = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done..)) else {
        return Err(Unsound::Damaged(format!("its schema is of version {version}, made by a newer hub")));
    };
    for (migration, target) in pending.iter().zip(version + 1..) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
        let stamp = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {target}"));
        sqlx::raw_sql(stamp).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}

fn aside(path: &Path, reason: &str) -> Result<(), StoreError> {
    let to = move_aside(path, "damaged")?;
    tracing::warn!(
        database = %path.display(), new = %to.display(), error = reason,
        "the database is damaged and a new one takes its place: history before this moment is lost to the hub, no rollout is; agents report anew"
    );
    Ok(())
}

/// Moves a database out of the way, with what belongs to it; answers where it is. `why` becomes a part of its name.
pub(super) fn move_aside(path: &Path, why: &str) -> Result<PathBuf, StoreError> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let to = with_suffix(path, &format!(".{why}-{seconds}"));
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = (with_suffix(path, suffix), with_suffix(&to, suffix));
        match std::fs::rename(&from, &to) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Aside { path: from, source });
            }
            _ => {}
        }
    }
    Ok(to)
}

/// The same path with something behind its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
