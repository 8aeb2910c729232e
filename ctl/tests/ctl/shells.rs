//! Completion, manual pages, exit codes and the page of the book: what surrounds the commands.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::rollout::World;
use crate::support::{hub, run, well};
use rustix::fs::{Mode, OFlags};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use shipperctl::exit::Exit;
use shipperctl::manual;

/// The program as people start it.
fn program() -> &'static str {
    env!("CARGO_BIN_EXE_shipperctl")
}

#[test]
fn the_page_of_the_book_is_what_the_program_says() {
    let page = include_str!("../../../docs/shipperctl.md");
    assert!(page.trim_end() == manual::page().trim_end(), "run `cargo xtask docs`");
}

#[test]
fn every_shell_gets_a_script_and_bash_accepts_its_own() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let done = run(["completion", shell]);
        assert!(done.exit == Exit::Ok && done.out.contains("rollback"), "{shell}");
    }
    let script = run(["completion", "bash"]).out;
    let checked = Command::new("bash").args(["-n", "-c", &script]).status().unwrap();
    assert!(checked.success());
    assert!(run(["completion", "kubectl"]).out.contains("exec kubectl-shipper __complete"));
}

/// What `kubectl` asks of a plugin: candidates, a line each, then the directive that no file names follow.
#[test]
fn what_may_follow_is_said_as_kubectl_wants_it() {
    let complete = |words: &[&str]| {
        let hub = ["--hub", "http://127.0.0.1:1", "__complete", "--"];
        run([&hub[..], words].concat()).out
    };
    assert_eq!(complete(&["rol"]), "rollback\n:4\n");
    assert_eq!(complete(&["clusters", "un"]), "uncordon\n:4\n");
    assert_eq!(complete(&["status", "-o", "y"]), "yaml\n:4\n");
    assert_eq!(complete(&["promote", "--skip"]), "--skip-gates\n:4\n");
    assert_eq!(complete(&["lint", "--revision", "x", ""]), ":0\n", "files where a path is wanted");
    assert_eq!(complete(&["status", "w"]), ":4\n", "no hub, no names, no words of trouble");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(["man", folder.path().to_str().unwrap()]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    for command in crate::every::commands() {
        let hidden = command.starts_with("__") || command == "man";
        let page = format!("shipperctl-{}.1", command.replace(' ', "-"));
        match std::fs::read_to_string(folder.path().join(&page)) {
            Ok(text) => assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}"),
            Err(error) => assert!(hidden, "{page}: {error}"),
        }
    }
    let first = run(["man"]);
    assert!(first.exit == Exit::Ok && first.out.contains(".SH SUBCOMMANDS"), "{}", first.err);
}

#[test]
fn it_is_a_plugin_of_kubectl_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("kubectl-shipper");
    std::os::unix::fs::symlink(program(), &plugin).unwrap();
    let help = Command::new(&plugin).args(["status", "--help"]).output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(text.contains("Usage: kubectl shipper status"), "{text}");
}

#[test]
fn a_slip_is_met_with_the_nearest_command_and_no_colour_reaches_a_pipe() {
    let slip = Command::new(program()).arg("statsu").output().unwrap();
    assert_eq!(slip.status.code(), Some(i32::from(Exit::Usage as u8)));
    let text = String::from_utf8(slip.stderr).unwrap();
    assert!(text.contains("status") && !text.contains('\u{1b}'), "{text}");
    let nobody = Command::new(program()).args(["status", "--hub", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(i32::from(Exit::HubUnreachable as u8)));
    assert!(!nobody.stderr.contains(&0x1b));
}

/// What `shipperctl status` writes to a terminal, with this in its environment.
fn at_a_terminal(variable: (&str, &str)) -> String {
    let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    fcntl_setfd(&own, FdFlags::CLOEXEC).unwrap();
    grantpt(&own).unwrap();
    unlockpt(&own).unwrap();
    let name = ptsname(&own, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
    let errors = theirs.try_clone().unwrap();
    let mut world = World::new("1111111111");
    let mut command = Command::new(program());
    command.args(["status", "--hub", &hub(vec![world.settle().status()], well(Vec::new(), Vec::new()))]);
    for unset in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(unset);
    }
    command.env("TERM", "xterm-256color").env(variable.0, variable.1);
    let mut child = command.stdin(Stdio::null()).stdout(theirs).stderr(errors).spawn().unwrap();
    assert!(child.wait().unwrap().success());
    // Nobody else may have the other side open, or this one would not end.
    drop(command);
    let (mut said, mut terminal) = (Vec::new(), File::from(own));
    let mut part = [0; 4096];
    while let Ok(read @ 1..) = terminal.read(&mut part) {
        said.extend_from_slice(&part[..read]);
    }
    String::from_utf8(said).unwrap()
}

#[test]
fn colours_are_for_terminals_and_for_those_who_want_them() {
    let coloured = |text: &str| {
        text.split("\u{1b}[")
            .skip(1)
            .any(|rest| rest.trim_start_matches(|c| matches!(c, '0'..='9' | ';')).starts_with('m'))
    };
    let wanted = at_a_terminal(("LANG", "C"));
    assert!(coloured(&wanted), "{wanted:?}");
    for variable in [("NO_COLOR", "1"), ("CLICOLOR", "0")] {
        let plain = at_a_terminal(variable);
        assert!(!coloured(&plain) && !plain.trim().is_empty(), "{variable:?}: {plain:?}");
    }
}
