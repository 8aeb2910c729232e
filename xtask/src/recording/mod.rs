//! `cargo xtask recording`: the demo as a person sees it at a terminal, as an animated picture for the README. The demo and `shipperctl`
//! are the real ones; only the typing is played.
//!
//! - [`pty`]: programs at pseudo terminals, which end with them; [`film`]: what was on the screen when, as an SVG that moves by CSS alone.

mod film;
mod pty;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, root, run as finish, say};
use film::Film;
use pty::Session;

/// Where the picture stands.
const PICTURE: &str = "docs/pictures/demo.svg";

/// Record the demo for the README: writes docs/pictures/demo.svg
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the picture is written
    #[arg(long, value_name = "PATH", default_value = PICTURE)]
    to: PathBuf,
}

/// What is typed, and for how long it is looked at: `None` = until it ends by itself.
const SCENES: [(&str, Option<Duration>); 7] = [
    ("shipperctl status", None),
    ("shipperctl promote web/hello --wait", None),
    ("shipperctl promote web/hello --wait", None),
    ("sed -i 's/hello:1.*/hello:broken/' apps/hello/deployment.yaml", None),
    ("git commit -qam 'Roll out something broken' && git push -q", None),
    ("shipperctl watch web/hello", Some(Duration::from_secs(7))),
    ("shipperctl abort web/hello --wait", None),
];

pub(crate) fn run(args: &Args) -> Result<()> {
    finish(&mut cargo(["build", "--package", "shipperctl", "--bin", "shipperctl"]))?;
    let program = root().join("target/debug/shipperctl");
    let desk = Scratch::new()?;
    let demo = Demo::start(&program, &desk.0)?;
    desk.clone_of(&demo.repository, &program)?;
    let mut film = Film::new();
    for (line, watched) in SCENES {
        film.type_line(line);
        pty::play(&mut film, &mut desk.shell(line, &demo.hub), watched)?;
        film.rest();
    }
    let picture = film.svg();
    let to = root().join(&args.to);
    fs::write(&to, &picture).with_context(|| format!("cannot write {}", to.display()))?;
    say(&format!("wrote {} ({} KB)", args.to.display(), picture.len() / 1024));
    Ok(())
}

/// A folder that goes at the end, with the program and a clone in it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("shipper-recording-{}", std::process::id()));
        fs::create_dir_all(folder.join("bin")).context("cannot make a folder for the recording")?;
        Ok(Self(folder))
    }

    fn clone_of(&self, repository: &str, program: &Path) -> Result<()> {
        std::os::unix::fs::symlink(program, self.0.join("bin/shipperctl"))
            .context("cannot link shipperctl")?;
        let fleet = self.0.join("fleet").display().to_string();
        finish(Command::new("git").args(["clone", "--quiet", repository, &fleet]))
    }

    /// A shell in the clone, as a person with a fresh configuration has it.
    fn shell(&self, line: &str, hub: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = pty::program("sh");
        shell.args(["-c", line]).current_dir(self.0.join("fleet"));
        shell.env("PATH", format!("{}:{path}", self.0.join("bin").display()));
        shell.envs([("SHIPPER_HUB", hub), ("TERM", "xterm-256color"), ("GIT_CONFIG_GLOBAL", "/dev/null")]);
        shell.envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")]);
        shell.envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")]);
        shell.env_remove("NO_COLOR").env_remove("SHIPPER_REPOSITORY");
        shell
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The demo, waiting for its person. It ends when dropped.
struct Demo {
    _session: Session,
    hub: String,
    repository: String,
}

impl Demo {
    fn start(program: &Path, temporary: &Path) -> Result<Self> {
        let mut command = pty::program(program);
        command.args(["demo", "--listen", "127.0.0.1:0"]).env("TMPDIR", temporary).stdout(Stdio::piped());
        let mut session = Session::start(&mut command)?;
        let mut said = BufReader::new(session.said()?);
        let (mut hub, mut repository) = (String::new(), String::new());
        let mut line = String::new();
        while said.read_line(&mut line).context("cannot read what the demo says")? > 0 {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("hub"), Some(url)) => url.clone_into(&mut hub),
                (Some("repository"), Some(url)) => url.clone_into(&mut repository),
                _ if line.contains("Your turn:") => {
                    // It must never wait for somebody to read.
                    std::thread::spawn(move || std::io::copy(&mut said.by_ref(), &mut std::io::sink()));
                    return Ok(Self { _session: session, hub, repository });
                }
                _ => {}
            }
            line.clear();
        }
        bail!("the demo ended before its first step was done")
    }
}
