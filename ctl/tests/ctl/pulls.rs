//! Pull requests: a branch is pushed, and the host is asked to open one or the person is given the link.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use crate::support::{commit, git, hub, repository, run, well};
use shipperctl::demo::FILES;
use shipperctl::exit::Exit;
use shipperctl::pulls::{Proposal, Proposed, propose_with};

/// A Git host that answers every request the same, and what it was asked.
fn host(code: &'static str, body: &'static str) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/shop/eu/fleet.git", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut part) = (String::new(), [0; 4096]);
            loop {
                let read = stream.read(&mut part).unwrap();
                request.push_str(&String::from_utf8_lossy(&part[..read]));
                let length = request
                    .to_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .map(|rest| rest.lines().next().unwrap().trim().parse::<usize>().unwrap());
                let (_, content) = request.split_once("\r\n\r\n").unwrap_or((&request, ""));
                if read == 0 || (request.contains("\r\n\r\n") && content.len() >= length.unwrap_or(0)) {
                    break;
                }
            }
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {code}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

const PROPOSAL: Proposal<'_> =
    Proposal { branch: "go-on", title: "Promote web/hello", body: "Once merged: more" };

fn proposed(url: &str, settings: &[(&str, &str)]) -> Proposed {
    let setting =
        |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    propose_with(&url.parse().unwrap(), PROPOSAL, &setting)
}

#[test]
fn each_kind_of_host_is_asked_in_its_own_words() {
    for (kind, token, body, path, header, branch) in [
        (
            "gitea",
            "GITEA_TOKEN",
            r#"{"html_url":"http://h/pulls/1"}"#,
            "/api/v1/repos/shop/eu/fleet/pulls",
            "authorization: token secret",
            r#""head":"go-on""#,
        ),
        (
            "forgejo",
            "FORGEJO_TOKEN",
            r#"{"html_url":"http://h/pulls/1"}"#,
            "/api/v1/repos/shop/eu/fleet/pulls",
            "authorization: token secret",
            r#""base":"main""#,
        ),
        (
            "gitlab",
            "GITLAB_TOKEN",
            r#"{"web_url":"http://h/pulls/1"}"#,
            "/api/v4/projects/shop%2Feu%2Ffleet/merge_requests",
            "private-token: secret",
            r#""source_branch":"go-on""#,
        ),
        (
            "github",
            "GH_TOKEN",
            r#"{"html_url":"http://h/pulls/1"}"#,
            "/api/v3/repos/shop/eu/fleet/pulls",
            "authorization: bearer secret",
            r#""title":"Promote web/hello""#,
        ),
    ] {
        let (url, asked) = host("201 Created", body);
        let done = proposed(&url, &[("SHIPPER_GIT_HOST", kind), (token, "secret")]);
        assert_eq!(done, Proposed::Opened { url: "http://h/pulls/1".to_owned() }, "{kind}");
        let request = asked.recv().unwrap();
        assert!(request.starts_with(&format!("POST {path} ")), "{request}");
        assert!(request.to_lowercase().contains(header) && request.contains(branch), "{request}");
    }
}

#[test]
fn without_a_token_or_against_the_hosts_will_the_person_gets_the_link() {
    let (url, _asked) = host("422 Unprocessable", r#"{"message":"pull request already exists"}"#);
    let base = url.trim_end_matches(".git");
    let link = format!("{base}/compare/main...go-on");
    assert_eq!(
        proposed(&url, &[("SHIPPER_GIT_HOST", "gitea")]),
        Proposed::Link { url: link.clone(), why: None }
    );
    let refused = proposed(&url, &[("SHIPPER_GIT_HOST", "gitea"), ("SHIPPER_GIT_TOKEN", "secret")]);
    let Proposed::Link { url, why: Some(why) } = refused else { panic!("{refused:?}") };
    assert_eq!(url, link);
    assert!(why.contains("422") && why.contains("already exists") && !why.contains("secret"), "{why}");
}

#[test]
fn a_host_whose_name_says_nothing_is_asked_what_it_is() {
    let (url, _asked) = host("200 OK", r#"{"version":"1.26.0"}"#);
    let done = proposed(&url, &[]);
    assert!(
        matches!(&done, Proposed::Link { url, .. } if url.ends_with("/compare/main...go-on")),
        "{done:?}"
    );
    let (url, _asked) = host("200 OK", "<html>");
    assert_eq!(proposed(&url, &[]), Proposed::Unknown);
}

/// Every command that changes something knows the option; it leaves `main` as it is.
#[test]
fn a_pull_request_is_a_branch_with_a_name_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let (bare, clone) = repository(directory.path(), FILES);
    let first = commit(&clone, "first");
    let hub = hub(Vec::new(), well(Vec::new(), Vec::new()));
    let repository = bare.display().to_string();
    let common = ["--author", "Ada <ada@example.com>", "--hub", &hub, "--repository", &repository];
    for (arguments, branch) in [
        (vec!["pause", "hello"], "pause-hello-"),
        (vec!["restart", "hello"], "restart-hello-"),
        (vec!["clusters", "drain", "eu-1"], "drain-eu-1-"),
        (vec!["blocks", "add", "holidays", "--reason", "Rest"], "block-rollouts-of-everything-rest-"),
        (vec!["remove", "web/hello"], "remove-web-hello-"),
    ] {
        let done = run([&arguments[..], &["--pull-request"], &common].concat());
        assert_eq!(done.exit, Exit::Ok, "{}", done.err);
        assert!(done.out.contains(&format!(" on {branch}")), "{}", done.out);
        assert!(done.out.contains("nothing happens until it is merged"), "{}", done.out);
        let branches = git(&bare, &["branch", "--format=%(refname:short)"]);
        assert!(branches.lines().any(|name| name.starts_with(branch)), "{branches}");
    }
    assert_eq!(git(&bare, &["rev-parse", "main"]), first);
    let named = run([&["resume", "hello", "--branch", "mine", "--pull-request"][..], &common].concat());
    assert!(named.out.contains("Nothing to commit"), "{}", named.out);
}
