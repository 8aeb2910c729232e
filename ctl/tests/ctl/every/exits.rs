//! Every exit code with a command that ends with it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use crate::diff::Fixture;
use crate::support::{hub, run, well};
use shipperctl::exit::Exit;

/// Ends with that code; `Ok` where it cannot be made to happen.
fn ends_with(exit: Exit) -> Exit {
    let fixture = Fixture::new();
    match exit {
        Exit::Ok => fixture.run(&[]).exit,
        Exit::Failure => {
            let folder = tempfile::tempdir().unwrap();
            run(["lint", folder.path().to_str().unwrap()]).exit
        }
        Exit::Usage => {
            let program = env!("CARGO_BIN_EXE_shipperctl");
            let done = Command::new(program).args(["status", "--no-such-option"]).output().unwrap();
            assert_eq!(done.status.code(), Some(i32::from(Exit::Usage as u8)));
            run(["events", "--since", "yesterday"]).exit
        }
        Exit::NotFound => {
            run(["status", "nobody", "--hub", &hub(Vec::new(), well(Vec::new(), Vec::new()))]).exit
        }
        Exit::HubUnreachable => run(["status", "--hub", "http://127.0.0.1:1"]).exit,
        Exit::Repository => {
            let author = ["--author", "Ada <ada@example.com>"];
            let gone = ["pause", "web/hello", "--repository", "http://127.0.0.1:1/fleet.git"];
            run([&gone[..], &author].concat()).exit
        }
        Exit::WillNotCome => fixture.waits("failed"),
        Exit::TimeOver => fixture.waits(""),
        Exit::Denied => {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let hub = format!("http://{}", listener.local_addr().unwrap());
            thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let answer = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}";
                stream.write_all(answer.as_bytes()).unwrap();
            });
            run(["status", "--hub", &hub]).exit
        }
        Exit::Different => fixture.run(&["--exit-code"]).exit,
    }
}

#[test]
fn every_exit_code_comes_of_some_command() {
    for exit in Exit::ALL {
        assert_eq!(ends_with(*exit), *exit, "{}", exit.meaning());
    }
}

/// The help says them, and so does the page of the book.
#[test]
fn every_exit_code_is_documented() {
    let page = include_str!("../../../../docs/shipperctl.md");
    let help = run_help();
    for exit in Exit::ALL {
        let row = format!("| {} | {} |", *exit as u8, exit.meaning());
        assert!(page.contains(&row), "{row}");
        assert!(help.contains(exit.meaning()), "{}", exit.meaning());
    }
}

fn run_help() -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_shipperctl")).arg("--help").output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty());
    String::from_utf8(done.stdout).unwrap()
}
