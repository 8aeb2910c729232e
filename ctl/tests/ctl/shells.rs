//! Completion, manual pages, exit codes and the page of the book: what surrounds the commands.

use std::process::Command;

use crate::support::run;
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
    for page in ["shipperctl.1", "shipperctl-status.1", "shipperctl-clusters-drain.1"] {
        let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
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
