//! Reaching the database, and bringing its tables up to date.

use super::super::StoreError;
use super::restored;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The tables, one step after the other; the database says how many it has.
pub(in crate::store) const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_tables.sql"),
    include_str!("../../../migrations/postgres/0002_timeline.sql"),
    include_str!("../../../migrations/postgres/0003_access.sql"),
    include_str!("../../../migrations/postgres/0004_commits.sql"),
    include_str!("../../../migrations/postgres/0005_measurements.sql"),
    include_str!("../../../migrations/postgres/0006_place.sql"),
];

/// Held by the hub that brings the tables up to date, so that several may start at once. Any number that others do not use.
const MIGRATING: i64 = 0x7368_6970_7065_7201;

/// How long a hub that starts waits for a database that is away or starting itself.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);

/// How long one thing may wait for a connection.
const ACQUIRE: Duration = Duration::from_secs(3);
/// One writes, others read for the API.
const CONNECTIONS: u32 = 4;

/// What the server ends by itself, so that a hub that was suspended in the middle of a transaction holds nobody up for longer.
const LIMITS: [(&str, &str); 3] =
    [("idle_in_transaction_session_timeout", "5s"), ("lock_timeout", "10s"), ("statement_timeout", "30s")];

/// An address that is none.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is of something else.
    #[error("is not the address of a PostgreSQL database; write postgres://USER@HOST/DATABASE")]
    Scheme,
    /// It cannot be read.
    #[error("{0}; write postgres://USER@HOST/DATABASE")]
    Unreadable(#[from] sqlx::Error),
}

/// Where a database is, and who this is there. The password is never shown.
#[derive(Clone)]
pub struct Address(PgConnectOptions);

impl FromStr for Address {
    type Err = AddressError;

    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`. What is missing is taken from `PGPASSWORD` and its like, or from `~/.pgpass`.
    fn from_str(url: &str) -> Result<Self, AddressError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(AddressError::Scheme);
        }
        let options: PgConnectOptions = url.parse()?;
        let named = options.get_application_name().is_some();
        let options = if named { options } else { options.application_name("shipper-hub") };
        Ok(Self(options.options(LIMITS).disable_statement_logging()))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let options = &self.0;
        let database = options.get_database().unwrap_or(options.get_username());
        match options.get_socket() {
            Some(socket) => write!(f, "{database} in {}", socket.display()),
            None => write!(f, "{database} at {}:{}", options.get_host(), options.get_port()),
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({self})")
    }
}

impl Address {
    /// Waits for the database if it is away, brings its tables up to date, and keeps connections to it.
    pub(super) async fn open(&self) -> Result<PgPool, StoreError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.migrated().await {
                Ok(()) => break,
                Err(StoreError::Connect { source, .. }) if away(&source) && Instant::now() < until => {
                    tracing::warn!(database = %self, error = %source, "the database is away; trying again");
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(self.0.clone()))
    }

    /// A connection for one thing alone, in a pool that opens no other.
    pub(in crate::store) async fn alone(&self) -> Result<PgPool, sqlx::Error> {
        let options = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE);
        options.max_lifetime(None).idle_timeout(None).connect_with(self.0.clone()).await
    }

    async fn migrated(&self) -> Result<(), StoreError> {
        let failed = |source| StoreError::Connect { place: self.to_string(), source };
        let connected = tokio::time::timeout(ACQUIRE, self.0.connect()).await;
        let mut connection = connected.unwrap_or_else(|slow| Err(slow_is_an_error(slow))).map_err(failed)?;
        let (version, restored) = migrate(&mut connection).await.map_err(failed)?;
        if restored {
            tracing::warn!(
                database = %self,
                "the database comes from a backup, or a standby took over: what agents had said and who had signed in counts no more; agents say \
                 everything anew"
            );
        }
        connection.close().await.map_err(failed)?;
        match usize::try_from(version) {
            Ok(known) if known <= MIGRATIONS.len() => Ok(()),
            _ => Err(StoreError::Newer { version, known: MIGRATIONS.len() }),
        }
    }
}

/// What did not answer in time.
pub(super) fn slow_is_an_error(_: tokio::time::error::Elapsed) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(ErrorKind::TimedOut, "it does not answer in time"))
}

/// Whether it may be there in a moment.
fn away(error: &sqlx::Error) -> bool {
    match error {
        // A certificate that is not trusted, a socket that is somebody else's: nothing that passes.
        sqlx::Error::Io(said) => !matches!(
            said.kind(),
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::PermissionDenied
        ),
        sqlx::Error::PoolTimedOut => true,
        // Starting, stopping, crashed; too many connections.
        sqlx::Error::Database(said) => {
            said.code().is_some_and(|code| code.starts_with("57P") || code == "53300")
        }
        _ => false,
    }
}

/// Makes the tables, or adds what is missing, and takes out what a backup brought back and is worth nothing; answers which version they are of,
/// and whether something was taken out.
async fn migrate(connection: &mut PgConnection) -> Result<(i64, bool), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATING);
    lock.execute(&mut *transaction).await?;
    let table = "CREATE TABLE IF NOT EXISTS shipper_schema (version BIGINT NOT NULL)";
    sqlx::raw_sql(table).execute(&mut *transaction).await?;
    let version: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM shipper_schema").fetch_one(&mut *transaction).await?;
    let done = version.unwrap_or(0);
    let pending = usize::try_from(done).ok().and_then(|done| MIGRATIONS.get(done..)).unwrap_or_default();
    for migration in pending {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
    }
    let reached = done.saturating_add_unsigned(pending.len() as u64);
    if !pending.is_empty() {
        let insert = sqlx::query("INSERT INTO shipper_schema (version) VALUES ($1)").bind(reached);
        insert.execute(&mut *transaction).await?;
    }
    // Of the tables of a newer hub nothing is known.
    let known = usize::try_from(reached).is_ok_and(|reached| reached <= MIGRATIONS.len());
    let restored = known && restored::sift(&mut transaction).await?;
    transaction.commit().await?;
    Ok((reached, restored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url = "postgres://hub:s3cret@db.example.com:5433/shipper?sslmode=verify-full";
        let address: Address = url.parse().unwrap();
        assert_eq!(address.to_string(), "shipper at db.example.com:5433");
        assert!(!format!("{address:?}").contains("s3cret"));
        let socket: Address = "postgres:///shipper?host=/run/postgresql&user=hub".parse().unwrap();
        assert_eq!(socket.to_string(), "shipper in /run/postgresql");
    }

    #[test]
    fn only_what_may_pass_is_waited_for() {
        let waited_for = |kind: ErrorKind| away(&sqlx::Error::Io(kind.into()));
        assert!(
            [ErrorKind::ConnectionRefused, ErrorKind::NotFound, ErrorKind::TimedOut]
                .into_iter()
                .all(waited_for)
        );
        assert!(!waited_for(ErrorKind::InvalidData), "a certificate that is not trusted");
    }

    #[test]
    fn what_is_no_address_says_how_one_is_written() {
        for url in ["mysql://hub@db/shipper", "db.example.com", "postgres://hub@db:port/shipper"] {
            let refused = url.parse::<Address>().unwrap_err().to_string();
            assert!(refused.contains("postgres://USER@HOST/DATABASE"), "{url}: {refused}");
        }
    }
}
