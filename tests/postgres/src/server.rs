//! One server, from its first start to the removal of its directory.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::account::Account;
use crate::programs;

/// Runs the server, and waits for an order or for the end of whoever started it: the system closes the pipe even of a process that is
/// killed. Told nothing, it removes the directory as well.
const KEEPER: &str = r#"
directory=$1; shift
"$@" </dev/null & server=$!
trap '' HUP INT TERM
read -r order
kill -QUIT "$server"; wait "$server"
[ -n "$order" ] || rm -rf -- "$directory"
"#;
/// The role that owns every database.
const USER: &str = "shipper";
const START: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// A PostgreSQL server. Dropping it ends it and removes what it stored; so does the end of the process. `SHIPPER_TESTS_KEEP=1` keeps the
/// directory.
#[derive(Debug)]
pub struct Server {
    directory: PathBuf,
    programs: PathBuf,
    account: Account,
    keep: bool,
    keeper: Mutex<Option<Child>>,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server with nothing in it.
    ///
    /// # Errors
    /// There is no PostgreSQL on this machine, or it does not start.
    pub fn start() -> Result<Self> {
        let programs = programs::directory().context("PostgreSQL is not installed")?;
        let account = Account::choose()?;
        let directory = tempfile::Builder::new()
            .prefix("shipper-tests-postgres-")
            .tempdir()
            .context("no directory")?
            .keep();
        account.own(&directory)?;
        let keep = std::env::var_os("SHIPPER_TESTS_KEEP").is_some();
        let keeper = Mutex::default();
        let server = Self { directory, programs, account, keep, keeper, databases: AtomicU32::new(0) };
        let initdb = ["--username", USER, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"];
        server.run("initdb", initdb.iter().chain(&["--pgdata", "data"]))?;
        server.start_again()?;
        Ok(server)
    }

    /// The URL of a new database.
    ///
    /// # Errors
    /// The server does not run.
    pub fn database(&self) -> Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run("createdb", ["--host", &self.socket(), "--username", USER, &name])?;
        Ok(format!("postgres:///{name}?host={}&user={USER}", self.socket()))
    }

    /// What a query finds in a database: lines of columns, with `|` between them.
    ///
    /// # Errors
    /// The server does not run, or refuses the query.
    pub fn query(&self, database: &str, query: &str) -> Result<String> {
        let options = ["--no-psqlrc", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1"];
        let found = self.run("psql", options.into_iter().chain(["--command", query, database]))?;
        Ok(found.trim().to_owned())
    }

    /// Writes what is in a database to a file in the server's directory, as people back it up.
    ///
    /// # Errors
    /// The server does not run.
    pub fn dump(&self, database: &str, file: &str) -> Result<()> {
        self.run("pg_dump", ["--clean", "--if-exists", "--file", file, database]).map(drop)
    }

    /// Puts it back, in the place of what is there.
    ///
    /// # Errors
    /// The server does not run, or refuses a statement.
    pub fn restore(&self, database: &str, file: &str) -> Result<()> {
        let options = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", file, database];
        self.run("psql", options).map(drop)
    }

    /// Ends it at once, as a crash would. Everybody's connections are gone.
    ///
    /// # Errors
    /// It does not run.
    pub fn stop(&self) -> Result<()> {
        let mut keeper = self.keeper().take().context("the server does not run")?;
        keeper.stdin.take().context("no pipe")?.write_all(b"stop\n")?;
        keeper.wait()?;
        Ok(())
    }

    /// Starts it again after [`Server::stop`], with everything that was stored.
    ///
    /// # Errors
    /// It runs already, or does not start; the message has the end of its log.
    pub fn start_again(&self) -> Result<()> {
        let mut slot = self.keeper();
        ensure!(slot.is_none(), "the server runs already");
        let log = File::options().create(true).append(true).open(self.log())?;
        let socket = format!("unix_socket_directories={}", self.socket());
        // It outlives a crash of the server all the same, only not one of the machine.
        let settings =
            ["listen_addresses=", &socket, "fsync=off", "max_connections=200", "shared_buffers=32MB"];
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&self.directory)
            .args(self.account.command(&self.programs.join("postgres")))
            .args(["-D", "data"])
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .current_dir(&self.directory)
            // Else an interrupt at the terminal reaches it before it can clean up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start sh")?;
        *slot = Some(keeper);
        drop(slot);
        let end = Instant::now() + START;
        while self.run("pg_isready", ["--quiet", "--host", &self.socket()]).is_err() {
            if Instant::now() > end {
                bail!("PostgreSQL does not start; its log:\n{}", fs::read_to_string(self.log())?);
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    fn run<S: AsRef<str>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        let mut command = self.account.run(&self.programs.join(program), &self.directory);
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        let output = command.output().with_context(|| format!("cannot run {program}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{program}: {}: {}", output.status, said.trim());
        Ok(String::from_utf8(output.stdout)?)
    }

    fn socket(&self) -> String {
        self.directory.display().to_string()
    }

    fn log(&self) -> PathBuf {
        self.directory.join("postgres.log")
    }

    /// Where everything of it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn keeper(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let keeper = self.keeper().take();
        if let Some(mut keeper) = keeper {
            if let Some(mut pipe) = keeper.stdin.take()
                && self.keep
            {
                let _ = pipe.write_all(b"keep\n");
            }
            let _ = keeper.wait();
        } else if !self.keep {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}
