//! The demo as a newcomer meets it: whatever it says to type is typed, and does what it says.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::git;
use rustix::process::{Pid, Signal, kill_process};
use shipper_core::api::Waited;
use shipper_core::state::{StateObject, Target};
use shipper_core::status::ApplicationStatus;
use tempfile::TempDir;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A demo that runs, and everything that it has said.
pub(crate) struct Demo {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    /// The only place for temporary files that it knows.
    temporary: TempDir,
}

impl Demo {
    pub(crate) fn start() -> Self {
        Self::of(&mut Command::new(env!("CARGO_BIN_EXE_shipperctl")))
    }

    /// Without the example's chart, whether there is a helm or not.
    pub(crate) fn without_charts() -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_shipperctl"));
        Self::of(program.env_remove("SHIPPER_HELM").env("PATH", "/usr/bin:/bin"))
    }

    fn of(program: &mut Command) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut child = program
            .args(["demo", "--listen", "127.0.0.1:0"])
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines, said: Vec::new(), temporary }
    }

    /// Waits until it has said a line with all of these, and returns the line.
    pub(crate) fn says(&mut self, words: &[&str]) -> String {
        match self.said.iter().find(|line| has(line, words)) {
            Some(line) => line.clone(),
            None => self.says_next(words),
        }
    }

    /// As [`Demo::says`], of what nobody has waited for yet.
    fn says_next(&mut self, words: &[&str]) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            assert!(line.is_ok(), "it does not say {words:?}:\n{}", self.said.join("\n"));
            let line = line.unwrap();
            self.said.push(line.clone());
            if has(&line, words) {
                return line;
            }
        }
    }

    /// Where its hub is.
    pub(crate) fn hub(&mut self) -> String {
        let line = self.says(&["export SHIPPER_HUB="]);
        line.split_once("SHIPPER_HUB=").unwrap().1.trim().to_owned()
    }

    /// Where it keeps everything.
    pub(crate) fn data_dir(&self) -> PathBuf {
        std::fs::read_dir(self.temporary.path()).unwrap().next().unwrap().unwrap().path()
    }

    /// Types a line into a shell in `directory`, prepared as the demo says; returns what it prints.
    pub(crate) fn type_in(&mut self, directory: &Path, line: &str) -> String {
        let hub = self.says(&["export SHIPPER_HUB="]);
        // The demo gives an alias, which shells expand for people alone.
        let alias = self.says(&["alias shipperctl="]).replace("alias shipperctl=", "shipperctl() { eval ")
            + " '\"$@\"'; }";
        let output = Command::new("sh")
            .args(["-ec", &format!("{alias}\n{hub}\n{line}")])
            .current_dir(directory)
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
            .env_remove("SHIPPER_REPOSITORY")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn interrupt(mut self) {
        let left_while_running = std::fs::read_dir(self.temporary.path()).unwrap().count();
        assert_eq!(left_while_running, 1, "everything is in one directory");
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).unwrap();
        // Its output ends with it.
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        let left: Vec<_> = std::fs::read_dir(self.temporary.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has ended already, unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has(line: &str, words: &[&str]) -> bool {
    words.iter().all(|word| line.contains(word))
}

/// The release that a line of the story is about: `TIME web/hello RELEASE step …`.
pub(crate) fn release(line: &str) -> String {
    line.split_whitespace().nth(2).unwrap().to_owned()
}

/// Whether, by the state of the repository that this is a clone of, no cluster has a release left that is to go.
pub(crate) fn is_tidy(clone: &Path) -> bool {
    git(clone, &["fetch", "-q", "origin", "shipper/state"]);
    let files = git(clone, &["ls-tree", "-r", "--name-only", "FETCH_HEAD", "clusters"]);
    files.lines().filter(|file| file.ends_with("/target.yaml")).all(|file| {
        let target = git(clone, &["show", &format!("FETCH_HEAD:{file}")]);
        let releases = Target::from_yaml(target.as_bytes()).unwrap().releases;
        releases.len() <= 2 && releases.iter().all(|release| !release.absent)
    })
}

#[test]
fn what_the_demo_says_to_type_works() {
    let desk = tempfile::tempdir().unwrap();
    let mut demo = Demo::start();
    let clone = demo.says(&["git clone "]);
    let (edit, commit) = (demo.says(&["sed -i "]), demo.says(&["git commit -am "]));
    let helm = std::env::var_os("SHIPPER_HELM").is_some();
    if helm {
        demo.says(&["Helm is here"]);
    }

    let turn = demo.says(&["Your turn: "]);
    assert!(turn.contains("shipperctl promote web/hello goes on"), "{turn}");
    let second = release(&demo.says(&["web/hello", "step canary done: waits for command"]));
    demo.type_in(desk.path(), &clone.replace(" && cd fleet", ""));
    let clone = desk.path().join("fleet");
    demo.type_in(&clone, "shipperctl promote web/hello");
    demo.says(&[&second, "step half done: waits for command"]);
    let promoted = demo.type_in(&clone, "shipperctl promote web/hello --wait");
    assert!(promoted.contains("is step=full on") && promoted.contains(&second), "{promoted}");
    demo.says(&[&second, "step full on done: at rest"]);
    let status = demo.type_in(&clone, "shipperctl status web/hello -o json");
    let status: ApplicationStatus = serde_json::from_str(&status).unwrap();
    assert_eq!(status.contender.as_ref().map(ToString::to_string), Some(second.clone()));
    assert!(status.releases[0].complete.is_some(), "{:?}", status.releases);

    demo.type_in(&clone, &format!("git pull --quiet\n{edit}\n{commit}"));
    // At this moment the hub still shows the release before: the newest commit here is waited for first.
    let waited = demo.type_in(&clone, "shipperctl wait web/hello --for step=canary -o json");
    let waited: Waited = serde_json::from_str(&waited).unwrap();
    let third = release(&demo.says_next(&["web/hello", "step canary done: waits for command"]));
    assert_ne!(third, second);
    assert_eq!(waited.status.contender.as_ref().map(ToString::to_string), Some(third));
    assert_eq!(waited.decided, Some(true));
    // What is not pushed is not waited for in vain, and what is refused does not come.
    demo.type_in(
        &clone,
        "git pull --quiet\ngit commit --quiet --allow-empty -m nothing\nprintf x >> apps/hello/x.txt",
    );
    let unpushed = "git add -A && git commit -qm local\nshipperctl wait web/hello 2>&1 || test $? = 1";
    assert!(demo.type_in(&clone, unpushed).contains("is not pushed"));
    demo.type_in(
        &clone,
        "git reset -q --hard origin/main\nprintf '  oops: 1\\n' >> applications/web/hello.yaml",
    );
    let refused =
        "git commit -qam broken && git push -q\nshipperctl wait web/hello --timeout 60s 2>&1 || test $? = 6";
    assert!(demo.type_in(&clone, refused).contains("oops"));
    demo.type_in(&clone, "git revert --no-edit HEAD > /dev/null && git push -q");
    demo.type_in(&clone, "shipperctl abort web/hello");
    demo.says_next(&[&second, "step full on done: at rest"]);
    if helm {
        demo.says(&["web/greeter", "step everywhere done: at rest"]);
    }
    demo.interrupt();
}
