//! Pull requests: a branch is pushed, and the host is asked to open one or the person is given the link.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use crate::support::{commit, git, hub, repository, run, well};
use serde_json::{Value, json};
use shipperctl::demo::FILES;
use shipperctl::exit::Exit;
use shipperctl::pulls::{Proposal, Proposed, PullRequest, PullRequestError, Verdict, propose_with};

/// A Git host that answers as it is told to, and what it was asked. `answer`: from the first line of a request without its version, to
/// status and body.
fn host_that(
    answer: impl Fn(&str) -> (&'static str, String) + Send + 'static,
) -> (String, mpsc::Receiver<String>) {
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
            let (code, body) = answer(request.split(" HTTP/").next().unwrap());
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {code}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            // Heard before it is answered, so that who has the answer finds the question.
            if sender.send(request).is_err() {
                return;
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, receiver)
}

/// One that answers every request the same.
fn host(code: &'static str, body: &'static str) -> (String, mpsc::Receiver<String>) {
    host_that(move |_| (code, body.to_owned()))
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

/// The first lines of requests with their bodies, and that each had this header.
fn heard(asked: &mpsc::Receiver<String>, header: &str) -> Vec<(String, Value)> {
    let requests: Vec<String> = asked.try_iter().collect();
    let read = |request: &String| {
        assert!(request.to_lowercase().contains(&format!("{header}\r\n")), "{request}");
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let line = head.split(" HTTP/").next().unwrap().to_owned();
        (line, serde_json::from_str(body).unwrap_or_default())
    };
    requests.iter().map(read).collect()
}

fn pull(
    url: &str,
    settings: &[(&'static str, &'static str)],
    number: Option<u64>,
) -> Result<PullRequest, PullRequestError> {
    let setting =
        |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    PullRequest::of(&url.parse().unwrap(), number, &setting)
}

fn comment(id: u64, author: &Value, body: &str) -> Value {
    json!({"id": id, "user": author, "author": author, "body": body, "html_url": format!("http://h/12#{id}")})
}

// GitHub and GitLab cannot be had for a test. What is asked of them here is what they document; the same on a real Gitea is in the
// end-to-end tests.

/// GitHub Actions: its token may not say whose it is, and comments as a bot. Somebody else's comment that begins like ours is on the first
/// page, ours on the second.
#[test]
fn at_github_the_comment_of_the_pipeline_is_found_over_pages_and_brought_up_to_date() {
    let (url, asked) = host_that(|line| match line {
        "GET /api/v3/user" => {
            ("403 Forbidden", json!({"message": "Resource not accessible by integration"}).to_string())
        }
        "GET /api/v3/repos/shop/eu/fleet/issues/12/comments?per_page=100&page=1" => {
            let strange = comment(1, &json!({"id": 7, "type": "User"}), "<!-- m --> mine, says the stranger");
            let others = (2..=100).map(|id| comment(id, &json!({"id": 8, "type": "User"}), "nice"));
            ("200 OK", Value::Array(std::iter::once(strange).chain(others).collect()).to_string())
        }
        "GET /api/v3/repos/shop/eu/fleet/issues/12/comments?per_page=100&page=2" => {
            ("200 OK", json!([comment(101, &json!({"id": 9, "type": "Bot"}), "<!-- m --> old")]).to_string())
        }
        "PATCH /api/v3/repos/shop/eu/fleet/issues/comments/101" => {
            ("200 OK", comment(101, &json!({"id": 9, "type": "Bot"}), "new").to_string())
        }
        "POST /api/v3/repos/shop/eu/fleet/statuses/c0ffee" => ("201 Created", "{}".to_owned()),
        _ => ("404 Not Found", json!({"message": "Not Found"}).to_string()),
    });
    let settings =
        [("SHIPPER_GIT_HOST", "github"), ("GITHUB_TOKEN", "secret"), ("GITHUB_REF", "refs/pull/12/merge")];
    let pull = pull(&url, &settings, None).unwrap();
    assert_eq!(pull.head(), "refs/pull/12/head");
    assert_eq!(pull.comment("<!-- m -->", "<!-- m --> new").unwrap(), "http://h/12#101");
    pull.status(
        Some("c0ffee"),
        "shipper/plan",
        (Verdict::Failure, &"x".repeat(200)),
        Some("http://h/12#101"),
    )
    .unwrap();
    let heard = heard(&asked, "authorization: bearer secret");
    let lines: Vec<&str> = heard.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v3/user",
            "GET /api/v3/repos/shop/eu/fleet/issues/12/comments?per_page=100&page=1",
            "GET /api/v3/repos/shop/eu/fleet/issues/12/comments?per_page=100&page=2",
            "PATCH /api/v3/repos/shop/eu/fleet/issues/comments/101",
            "POST /api/v3/repos/shop/eu/fleet/statuses/c0ffee",
        ]
    );
    assert_eq!(heard[3].1, json!({"body": "<!-- m --> new"}));
    // GitHub refuses longer descriptions.
    let status = json!({"context": "shipper/plan", "state": "failure", "description": "x".repeat(140), "target_url": "http://h/12#101"});
    assert_eq!(heard[4].1, status);
}

/// GitLab CI: notes of merge requests; the job is the status.
#[test]
fn at_gitlab_it_is_a_note_and_nothing_that_is_said_already_is_said_again() {
    const NOTES: &str = "/api/v4/projects/shop%2Feu%2Ffleet/merge_requests/5/notes";
    let me = json!({"id": 9});
    let ours = comment(3, &me, "<!-- m --> old").to_string();
    let (url, asked) = host_that(move |line| match line {
        "GET /api/v4/user" => ("200 OK", json!({"id": 9}).to_string()),
        "GET /api/v4/projects/shop%2Feu%2Ffleet/merge_requests/5/notes?per_page=100&page=1&sort=asc" => {
            ("200 OK", format!("[{ours}]"))
        }
        "PUT /api/v4/projects/shop%2Feu%2Ffleet/merge_requests/5/notes/3" => ("200 OK", ours.clone()),
        _ => ("404 Not Found", json!({"message": "404 Not found"}).to_string()),
    });
    // The host need not be named: its pipeline does.
    let settings = [("GITLAB_CI", "true"), ("SHIPPER_GIT_TOKEN", "secret"), ("CI_MERGE_REQUEST_IID", "5")];
    let pull = pull(&url, &settings, None).unwrap();
    assert_eq!(pull.head(), "refs/merge-requests/5/head");
    let link = format!("{}/-/merge_requests/5#note_3", url.trim_end_matches(".git"));
    assert_eq!(pull.comment("<!-- m -->", "<!-- m --> new").unwrap(), link);
    assert_eq!(pull.comment("<!-- m -->", "<!-- m --> old").unwrap(), link);
    pull.status(None, "shipper/plan", (Verdict::Success, "well"), None).unwrap();
    let heard = heard(&asked, "private-token: secret");
    let lines: Vec<String> = heard.iter().map(|(line, _)| line.clone()).collect();
    let (user, list) = ("GET /api/v4/user".to_owned(), format!("GET {NOTES}?per_page=100&page=1&sort=asc"));
    assert_eq!(lines, [user.clone(), list.clone(), format!("PUT {NOTES}/3"), user, list]);
    assert_eq!(heard[2].1, json!({"body": "<!-- m --> new"}));
}

/// By hand there is no job that could be the status.
#[test]
fn at_gitlab_a_status_is_set_where_no_job_is_one() {
    let (url, asked) = host_that(|line| match line {
        "GET /api/v4/projects/shop%2Feu%2Ffleet/merge_requests/5" => {
            ("200 OK", json!({"sha": "c0ffee"}).to_string())
        }
        "POST /api/v4/projects/shop%2Feu%2Ffleet/statuses/c0ffee" => ("201 Created", "{}".to_owned()),
        _ => ("404 Not Found", json!({"message": "404 Not found"}).to_string()),
    });
    let settings = [("SHIPPER_GIT_HOST", "gitlab"), ("SHIPPER_GIT_TOKEN", "secret")];
    let pull = pull(&url, &settings, Some(5)).unwrap();
    pull.status(None, "shipper/plan", (Verdict::Success, "well"), Some("http://h/5#3")).unwrap();
    for bad in [Verdict::Failure, Verdict::Error] {
        pull.status(Some("c0ffee"), "shipper/plan", (bad, "not so"), None).unwrap();
    }
    let statuses: Vec<Value> = heard(&asked, "private-token: secret")
        .into_iter()
        .filter_map(|(line, body)| line.starts_with("POST").then_some(body))
        .collect();
    let status = |state: &str, description: &str| json!({"context": "shipper/plan", "state": state, "description": description});
    let mut well = status("success", "well");
    well["target_url"] = "http://h/5#3".into();
    assert_eq!(statuses, [well, status("failed", "not so"), status("failed", "not so")]);
}

#[test]
fn a_first_comment_is_made_and_a_commit_that_nobody_named_is_the_newest() {
    let (url, asked) = host_that(|line| match line {
        "GET /api/v1/user" => ("200 OK", json!({"id": -2}).to_string()),
        "GET /api/v1/repos/shop/eu/fleet/issues/12/comments?per_page=100&page=1" => {
            ("200 OK", "[]".to_owned())
        }
        "POST /api/v1/repos/shop/eu/fleet/issues/12/comments" => {
            ("201 Created", comment(4, &json!({"id": -2}), "<!-- m -->").to_string())
        }
        "GET /api/v1/repos/shop/eu/fleet/pulls/12" => {
            ("200 OK", json!({"head": {"sha": "c0ffee"}}).to_string())
        }
        "POST /api/v1/repos/shop/eu/fleet/statuses/c0ffee" => ("201 Created", "{}".to_owned()),
        _ => ("404 Not Found", json!({"message": "Not Found"}).to_string()),
    });
    let settings = [("SHIPPER_GIT_HOST", "forgejo"), ("FORGEJO_TOKEN", "secret")];
    let pull = pull(&url, &settings, Some(12)).unwrap();
    assert_eq!(pull.comment("<!-- m -->", "<!-- m -->").unwrap(), "http://h/12#4");
    pull.status(None, "shipper/plan", (Verdict::Error, "there is no plan"), None).unwrap();
    let heard = heard(&asked, "authorization: token secret");
    let status = json!({"context": "shipper/plan", "state": "error", "description": "there is no plan"});
    assert_eq!(heard.last().unwrap().1, status);
}

#[test]
fn who_cannot_post_is_told_what_is_missing() {
    let (url, asked) = host("401 Unauthorized", r#"{"message":"token is gone"}"#);
    let fails =
        |settings: &[(&'static str, &'static str)], number: Option<u64>| match pull(&url, settings, number) {
            Ok(pull) => pull.comment("m", "m").unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
    let all =
        [("SHIPPER_GIT_HOST", "gitea"), ("SHIPPER_GIT_TOKEN", "secret"), ("GITHUB_REF", "refs/heads/main")];
    assert!(fails(&all, None).contains("--post=NUMBER"));
    assert!(fails(&all[1..], Some(1)).contains("SHIPPER_GIT_HOST"));
    assert!(fails(&all[..1], Some(1)).contains("SHIPPER_GIT_TOKEN or GITEA_TOKEN"));
    drop(asked.try_iter().collect::<Vec<_>>());
    let refused = fails(&all, Some(1));
    assert!(
        refused.contains("401") && refused.contains("token is gone") && !refused.contains("secret"),
        "{refused}"
    );
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
