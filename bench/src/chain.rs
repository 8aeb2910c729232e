//! The floor of a promotion: fetch, commit and push, fetch, apply, with nothing decided in between.
//!
//! Two of them: by the `git` program, as a script would do it, and by libgit2 with kept connections.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use shipper_git::{CommitMeta, Identity, Oid, PushOutcome, RemoteConfig, Store};
use shipper_tests::git_repo::Checkout;
use shipper_tests::git_server::GitServer;
use shipper_tests::scratch::Scratch;

const REPOSITORY: &str = "bare.git";
const MAIN: &str = "refs/heads/main";
const STATE: &str = "refs/heads/state";
/// What a promotion changes on the state branch.
const FILES: [&str; 3] =
    ["state.yaml", "releases/bench/app/r/release.yaml", "clusters/c/bench/app/target.yaml"];

/// How long each part took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts {
    /// Fetch of the branch that people push to.
    pub fetch_main: Duration,
    /// Commit and push of the other branch.
    pub push: Duration,
    /// Fetch of that one elsewhere.
    pub fetch_state: Duration,
}

impl Parts {
    /// All of them.
    pub fn sum(&self) -> Duration {
        self.fetch_main + self.push + self.fetch_state
    }
}

/// A Git server with one repository, and those who use it. Everything here blocks.
pub struct Chain {
    person: Checkout,
    writer: Checkout,
    reader: Checkout,
    planner: Store,
    agent: Store,
    _git: GitServer,
    _scratch: Scratch,
}

impl Chain {
    /// A repository with both branches, cloned by all.
    ///
    /// # Errors
    /// Git fails.
    pub fn start() -> Result<Self> {
        let git = GitServer::start()?;
        git.create_repo(REPOSITORY, &[("order.yaml", "step: 0\n")])?;
        let url = git.url(REPOSITORY);
        let person = Checkout::clone(&url)?;
        let writer = Checkout::clone(&url)?;
        writer.git(["checkout", "--quiet", "--orphan", "state"])?;
        writer.git(["rm", "--quiet", "-r", "--force", "."])?;
        edit(&writer, 0)?;
        writer.commit("Begin")?;
        writer.push()?;
        let reader = Checkout::clone(&url)?;
        let scratch = Scratch::new("chain")?;
        let remote = || -> Result<RemoteConfig> { Ok(RemoteConfig::new(url.parse()?)) };
        let mut planner =
            Store::open(&scratch.join("planner"), RemoteConfig { shallow: false, ..remote()? })?;
        let mut agent = Store::open(&scratch.join("agent"), remote()?)?;
        planner.fetch(&[MAIN, STATE])?;
        agent.fetch(&[STATE])?;
        Ok(Self { person, writer, reader, planner, agent, _git: git, _scratch: scratch })
    }

    /// A person pushes.
    ///
    /// # Errors
    /// Git fails.
    pub fn order(&self, number: usize) -> Result<()> {
        self.person.write("order.yaml", &format!("step: {number}\n"))?;
        self.person.commit("Promote")?;
        self.person.push()
    }

    /// The chain by the `git` program.
    ///
    /// # Errors
    /// Git fails.
    pub fn by_program(&self, number: usize) -> Result<Parts> {
        let began = Instant::now();
        self.writer.git(["fetch", "--quiet", "origin", "main", "state"])?;
        let fetch_main = began.elapsed();
        let began = Instant::now();
        self.writer.git(["reset", "--quiet", "--hard", "origin/state"])?;
        edit(&self.writer, number)?;
        self.writer.git(["commit", "--quiet", "--all", "--message", "Promote"])?;
        self.writer.git(["push", "--quiet", "origin", "HEAD:state"])?;
        let push = began.elapsed();
        let began = Instant::now();
        self.reader.git(["fetch", "--quiet", "origin", "state"])?;
        Ok(Parts { fetch_main, push, fetch_state: began.elapsed() })
    }

    /// The chain by libgit2.
    ///
    /// # Errors
    /// Git fails.
    pub fn by_library(&mut self, number: usize) -> Result<Parts> {
        let began = Instant::now();
        let heads = self.planner.fetch(&[MAIN, STATE])?;
        let fetch_main = began.elapsed();
        let began = Instant::now();
        let base: Option<Oid> = heads.get(STATE).copied().flatten();
        let mut builder = self.planner.commit_on(base)?;
        for file in FILES {
            builder.put(file, content(number).as_bytes())?;
        }
        let who =
            Identity { name: "bench".into(), email: "bench@localhost".into(), seconds: 0, offset_minutes: 0 };
        let meta = CommitMeta { author: who.clone(), committer: who, message: format!("Promote {number}") };
        let commit = builder.commit(&meta, None)?.context("nothing to commit")?;
        let pushed = self.planner.push(STATE, commit, base)?;
        ensure!(pushed == PushOutcome::Pushed, "the push was not taken: {pushed:?}");
        let push = began.elapsed();
        let began = Instant::now();
        self.agent.fetch(&[STATE])?;
        Ok(Parts { fetch_main, push, fetch_state: began.elapsed() })
    }
}

fn edit(checkout: &Checkout, number: usize) -> Result<()> {
    FILES.iter().try_for_each(|file| checkout.write(file, &content(number)))
}

fn content(number: usize) -> String {
    format!("# {}\nnumber: {number}\n", "as long as a record is".repeat(40))
}
