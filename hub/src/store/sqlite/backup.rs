//! A copy of the database, made while a hub works with it, and its way back.
//!
//! What comes back is history: the timeline, and which clusters are known by which UID. The latest reports do not, nor do sessions: what
//! agents said since the copy was made is not in it, and a report that was overtaken must never count as evidence [A1]. Every agent opens
//! another session with its next report and says everything anew; until then its cluster is as one that has not reported.

use super::open::{self, MIGRATIONS};
use crate::store::{DataDirectory, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection, SqliteConnection};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is told how far a copy is.
const TOLD: Duration = Duration::from_millis(100);
/// So many bytes are put back at once.
const PIECE: u64 = 1 << 20;

/// Told how many bytes of how many are copied: never fewer than before, and all of them at the end.
pub type Told<'a> = &'a mut dyn FnMut(u64, u64);

/// The version of tables that has sessions of people.
const ACCESS: usize = 6;

/// Why a copy is not made, or not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no database {path}; is that the --data-dir of a hub without --database?")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The copy would take the place of something.
    #[error("{path} exists already; choose another name, or move it away")]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}; check permissions and free space")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database does not do it.
    #[error("{path} cannot be copied: {source}; check free space and the disk")]
    Copy {
        /// Which database.
        path: PathBuf,
        /// What it said.
        source: sqlx::Error,
    },
    /// What is to be put back is no copy of a hub's database.
    #[error("{path} is no sound copy of a hub's database: {reason}; choose another backup")]
    Unsound {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The data directory is in use, or cannot be used.
    #[error(transparent)]
    Directory(#[from] StoreError),
}

/// What was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Entries of the timeline.
    pub events: u64,
    /// Clusters that are known.
    pub clusters: u64,
    /// Where the database is now that was there before; nothing if there was none.
    pub aside: Option<PathBuf>,
}

/// Copies the database of `directory` to `to`, whole as it is at one moment, also while a hub works with it; answers how many bytes it takes.
///
/// # Errors
/// There is none, `to` exists, or the disk is full.
pub async fn backup(directory: &Path, to: &Path, told: Told<'_>) -> Result<u64, BackupError> {
    let path = database(directory);
    if !path.is_file() {
        return Err(BackupError::Missing { path });
    }
    if to.exists() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    // Whoever sees the file under its name sees all of it.
    let partial = open::with_suffix(to, ".partial");
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::File { path, source }
    };
    if partial.exists() {
        std::fs::remove_file(&partial).map_err(file(&partial))?;
    }
    let copied = |source| BackupError::Copy { path: path.clone(), source };
    let options = SqliteConnectOptions::new().filename(&path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(copied)?;
    let target = partial.to_string_lossy().into_owned();
    let of = in_use(&mut connection).await.map_err(copied)?;
    told(0, of);
    let copying = sqlx::query("VACUUM INTO $1").bind(target).execute(&mut connection);
    let done = grown(copying, &partial, &mut |bytes| told(bytes.min(of), of)).await;
    let closed = connection.close().await;
    done.map_err(copied)?;
    closed.map_err(copied)?;
    let copy = std::fs::File::open(&partial).map_err(file(&partial))?;
    copy.sync_all().map_err(file(&partial))?;
    let bytes = copy.metadata().map_err(file(&partial))?.len();
    std::fs::rename(&partial, to).map_err(file(to))?;
    told(of, of);
    Ok(bytes)
}

/// How many bytes a copy takes: what is free within the file is left out of it.
async fn in_use(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let query = "SELECT (page_count - freelist_count) * page_size \
         FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let bytes: i64 = sqlx::query_scalar(query).fetch_one(connection).await?;
    Ok(u64::try_from(bytes).unwrap_or_default())
}

/// Waits for work that writes a file, and tells meanwhile how large that is.
async fn grown<T>(work: impl Future<Output = T>, file: &Path, told: &mut dyn FnMut(u64)) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(TOLD, &mut work).await {
            return done;
        }
        if let Ok(found) = std::fs::metadata(file) {
            told(found.len());
        }
    }
}

/// Puts a copy in the place of the database of `directory`, which no hub may work in meanwhile. The one before is moved aside.
///
/// # Errors
/// A hub works there, or the copy is none.
pub async fn restore(from: &Path, directory: &Path, told: Told<'_>) -> Result<Restored, BackupError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::File { path, source }
    };
    // First, so that a wrong name makes no directory.
    let copy = std::fs::File::open(from).map_err(file(from))?;
    let held = DataDirectory::hold(directory)?;
    let path = database(directory);
    let fresh = open::with_suffix(&path, ".restoring");
    let of = copy.metadata().map_err(file(from))?.len();
    put(copy, &fresh, &mut |bytes| told(bytes.min(of), of)).map_err(file(&fresh))?;
    let counted = only_history(&fresh).await;
    let [events, clusters] = match counted {
        Ok(counted) => counted,
        Err(reason) => {
            // A copy of a copy that is no good.
            let _ = std::fs::remove_file(&fresh);
            return Err(BackupError::Unsound { path: from.to_owned(), reason });
        }
    };
    std::fs::File::open(&fresh).and_then(|copy| copy.sync_all()).map_err(file(&fresh))?;
    let aside = if path.exists() { Some(open::move_aside(&path, "replaced")?) } else { None };
    std::fs::rename(&fresh, &path).map_err(file(&path))?;
    held.release();
    Ok(Restored { events, clusters, aside })
}

/// Writes to a file what is read, and tells piece by piece how much that was.
fn put(mut from: impl Read, to: &Path, told: &mut dyn FnMut(u64)) -> std::io::Result<()> {
    let (mut to, mut bytes) = (std::fs::File::create(to)?, 0);
    told(bytes);
    loop {
        match std::io::copy(&mut from.by_ref().take(PIECE), &mut to)? {
            0 => return Ok(()),
            copied => bytes += copied,
        }
        told(bytes);
    }
}

fn database(directory: &Path) -> PathBuf {
    directory.join(open::FILE)
}

/// Checks the copy and takes out of it what is worth nothing later; answers how many entries of the timeline and clusters it has.
async fn only_history(path: &Path) -> Result<[u64; 2], String> {
    let options = SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Delete);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(|error| error.to_string())?;
    let counted = sift(&mut connection).await;
    let closed = connection.close().await.map_err(|error| error.to_string());
    closed.and(counted)
}

async fn sift(connection: &mut SqliteConnection) -> Result<[u64; 2], String> {
    let failed = |error: sqlx::Error| error.to_string();
    let verdict: String =
        sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection).await.map_err(failed)?;
    if verdict != "ok" {
        return Err(verdict);
    }
    let version: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(failed)?;
    let version = match usize::try_from(version) {
        Ok(0) | Err(_) => return Err("it has no tables of a hub".to_owned()),
        Ok(version) if version > MIGRATIONS.len() => {
            return Err(format!("its tables are of version {version}, made by a newer hub"));
        }
        Ok(version) => version,
    };
    let sift = "DELETE FROM reports; UPDATE clusters SET session = '', sequence = NULL;";
    sqlx::raw_sql(sift).execute(&mut *connection).await.map_err(failed)?;
    if version >= ACCESS {
        // Who signed out since would be signed in again.
        sqlx::raw_sql("DELETE FROM sessions;").execute(&mut *connection).await.map_err(failed)?;
    }
    let mut counted = [0; 2];
    for (count, query) in
        counted.iter_mut().zip(["SELECT count(*) FROM events", "SELECT count(*) FROM clusters"])
    {
        let rows: i64 = sqlx::query_scalar(query).fetch_one(&mut *connection).await.map_err(failed)?;
        *count = u64::try_from(rows).unwrap_or_default();
    }
    Ok(counted)
}
