//! What a person does with a repository, by the `git` program.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::scratch::Scratch;

const AUTHOR: [(&str, &str); 4] = [
    ("GIT_AUTHOR_NAME", "Ada Lovelace"),
    ("GIT_AUTHOR_EMAIL", "ada@example.com"),
    ("GIT_COMMITTER_NAME", "Ada Lovelace"),
    ("GIT_COMMITTER_EMAIL", "ada@example.com"),
];

/// Runs `git` in `directory` with a fixed author and none of this machine's configuration; returns its output without
/// the last line break.
///
/// # Errors
/// When it fails; the message holds what it said.
pub fn git<S: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = S>) -> Result<String> {
    Git::default().run(directory, arguments)
}

/// How `git` is run: its environment beyond what [`git`] sets.
#[derive(Debug, Clone, Default)]
pub struct Git {
    environment: BTreeMap<String, OsString>,
}

impl Git {
    /// Adds a variable, such as `GIT_SSH_COMMAND`.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// As [`git`].
    ///
    /// # Errors
    /// As [`git`].
    pub fn run<S: AsRef<OsStr>>(
        &self,
        directory: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .current_dir(directory)
            .envs(AUTHOR)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .envs(&self.environment);
        let output = command.output().context("cannot run git")?;
        ensure!(
            output.status.success(),
            "git {:?} failed ({}):\n{}",
            command.get_args().collect::<Vec<_>>(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
    }
}

/// A bare repository, as a server holds it.
#[derive(Debug, Clone)]
pub struct BareRepo {
    path: PathBuf,
}

impl BareRepo {
    /// Makes one at `path` whose branch `main` holds `files` (path and content) in one commit; with no files it has no
    /// branch.
    ///
    /// # Errors
    /// When there is something at `path`, or git fails.
    pub fn create(path: &Path, files: &[(&str, &str)]) -> Result<Self> {
        ensure!(!path.exists(), "{} exists already", path.display());
        fs::create_dir_all(path)?;
        git(path, ["init", "--quiet", "--bare", "--initial-branch=main"])?;
        // What Git hosts allow.
        for setting in ["http.receivepack", "uploadpack.allowFilter", "uploadpack.allowReachableSHA1InWant"] {
            git(path, ["config", setting, "true"])?;
        }
        // What they do at another time.
        git(path, ["config", "receive.autogc", "false"])?;
        let repo = Self { path: path.to_owned() };
        if !files.is_empty() {
            let checkout = Checkout::clone(&path.display().to_string())?;
            checkout.write_all(files)?;
            checkout.commit("Begin")?;
            checkout.push()?;
        }
        Ok(repo)
    }

    /// One that exists.
    ///
    /// # Errors
    /// When there is nothing at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        ensure!(path.join("HEAD").is_file(), "{} is no bare repository", path.display());
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The commit a branch points to, if there is such a branch.
    ///
    /// # Errors
    /// When git cannot read the repository.
    pub fn head(&self, branch: &str) -> Result<Option<String>> {
        Ok(self.refs()?.remove(&format!("refs/heads/{branch}")))
    }

    /// All references with the objects they point to.
    ///
    /// # Errors
    /// When git cannot read the repository.
    pub fn refs(&self) -> Result<BTreeMap<String, String>> {
        let listed = self.git(["for-each-ref", "--format=%(refname) %(objectname)"])?;
        Ok(listed
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(r, id)| (r.into(), id.into()))
            .collect())
    }

    /// The content of a file at a revision such as `main` or a commit.
    ///
    /// # Errors
    /// When there is no such revision or file.
    pub fn show(&self, revision: &str, file: &str) -> Result<String> {
        self.git(["show", &format!("{revision}:{file}")])
    }

    /// Runs any git command in it.
    ///
    /// # Errors
    /// When it fails.
    pub fn git<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        git(&self.path, arguments)
    }
}

/// A clone with files, as on a person's machine. Removed when dropped.
#[derive(Debug)]
pub struct Checkout {
    scratch: Scratch,
    git: Git,
}

impl Checkout {
    /// Clones `url`.
    ///
    /// # Errors
    /// When git fails.
    pub fn clone(url: &str) -> Result<Self> {
        Self::clone_with(url, Git::default())
    }

    /// Clones `url`, with variables that this and later commands need.
    ///
    /// # Errors
    /// When git fails.
    pub fn clone_with(url: &str, git: Git) -> Result<Self> {
        let scratch = Scratch::new("checkout")?;
        git.run(scratch.path(), ["clone", "--quiet", url, "."])?;
        Ok(Self { scratch, git })
    }

    /// Where the files are.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file, and the directories above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &str, content: &str) -> Result<()> {
        let path = self.scratch.join(file);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes several files.
    ///
    /// # Errors
    /// As [`Checkout::write`].
    pub fn write_all(&self, files: &[(&str, &str)]) -> Result<()> {
        files.iter().try_for_each(|(file, content)| self.write(file, content))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When there is none.
    pub fn read(&self, file: &str) -> Result<String> {
        let path = self.scratch.join(file);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove(&self, file: &str) -> Result<()> {
        self.git(["rm", "--quiet", "--", file]).map(drop)
    }

    /// Commits everything that changed and returns the commit's id.
    ///
    /// # Errors
    /// When nothing changed, or git fails.
    pub fn commit(&self, message: &str) -> Result<String> {
        self.git(["add", "--all"])?;
        self.git(["commit", "--quiet", "--message", message])?;
        self.git(["rev-parse", "HEAD"])
    }

    /// Pushes the current branch.
    ///
    /// # Errors
    /// When the server refuses, as it does when somebody else was faster.
    pub fn push(&self) -> Result<()> {
        self.git(["push", "--quiet", "origin", "HEAD"]).map(drop)
    }

    /// Writes a file, commits and pushes, on top of what others have pushed; returns the commit's id.
    ///
    /// # Errors
    /// When git fails.
    pub fn publish(&self, file: &str, content: &str, message: &str) -> Result<String> {
        self.pull()?;
        self.write(file, content)?;
        let commit = self.commit(message)?;
        self.push()?;
        Ok(commit)
    }

    /// Takes over what others have pushed to the current branch.
    ///
    /// # Errors
    /// When git fails, or there are commits here that were not pushed.
    pub fn pull(&self) -> Result<()> {
        self.git(["pull", "--quiet", "--ff-only"]).map(drop)
    }

    /// Runs any git command in it.
    ///
    /// # Errors
    /// When it fails.
    pub fn git<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        self.git.run(self.path(), arguments)
    }
}
