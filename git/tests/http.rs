//! Over HTTP, against a real `git http-backend`, and against servers that are none.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::time::{Duration, Instant};

use shipper_git::{Ancestry, Credentials, PushOutcome, RemoteError, Secret, Store, StoreError};
use support::server::{Behaviour, Server};
use support::{Bed, MAIN, STATE, commit, config, seed};

fn bed() -> (Bed, Server) {
    let bed = Bed::new();
    let server = Server::start(bed.dir.path());
    (bed, server)
}

fn remote_error(result: Result<impl Sized, StoreError>) -> RemoteError {
    match result {
        Err(StoreError::Remote(error)) => error,
        Err(other) => panic!("not an error of the remote: {other}"),
        Ok(_) => panic!("the call succeeded"),
    }
}

#[test]
fn a_branch_is_fetched_shallow_and_then_incrementally() {
    let (bed, server) = bed();
    bed.seed(MAIN, &[("a", "0")], "zero");
    let one = bed.seed(MAIN, &[("a", "1"), ("dir/b", "b")], "one");
    let mut store = bed.store("store", &server.url);
    let heads = store.fetch(&[MAIN, STATE]).unwrap();
    assert_eq!((heads[MAIN], heads[STATE]), (Some(one), None));
    let snapshot = store.snapshot(one).unwrap();
    assert_eq!(snapshot.read("a", 10).unwrap().unwrap(), b"1");
    assert!(
        !store.contains(snapshot.parents().unwrap()[0]),
        "the first fetch brings the newest commit alone"
    );

    bed.seed(MAIN, &[("a", "2")], "two");
    let three = bed.seed(MAIN, &[("a", "3")], "three");
    let state = bed.seed(STATE, &[("state.yaml", "x")], "state");
    let heads = store.fetch(&[MAIN, STATE]).unwrap();
    assert_eq!((heads[MAIN], heads[STATE]), (Some(three), Some(state)));
    assert_eq!(store.is_ancestor(one, three).unwrap(), Ancestry::Descendant);
    assert_eq!(store.snapshot(three).unwrap().read("dir/b", 10).unwrap().unwrap(), b"b");
    assert_eq!(store.remote_heads().unwrap()[MAIN], three);
}

#[test]
fn a_fetch_brings_what_is_new_in_two_requests_however_far_the_other_branch_has_gone() {
    let (bed, server) = bed();
    let mut old = Vec::new();
    for number in 0..30 {
        old.push(bed.seed(MAIN, &[("a", &number.to_string())], "main"));
    }
    let mut store = Store::open(
        &bed.dir.path().join("store"),
        shipper_git::RemoteConfig { shallow: false, ..config(&server.url) },
    )
    .unwrap();
    store.fetch(&[MAIN, STATE]).unwrap();
    for number in 0..300 {
        bed.seed(STATE, &[("state.yaml", &number.to_string())], "state");
    }
    store.fetch(&[MAIN, STATE]).unwrap();
    let before = (server.seen().len(), objects(&bed));
    let new = bed.seed(MAIN, &[("a", "new")], "new");
    assert_eq!(store.fetch(&[MAIN, STATE]).unwrap()[MAIN], Some(new));
    assert_eq!(store.is_ancestor(old[29], new).unwrap(), Ancestry::Descendant);
    assert_eq!(server.seen().len() - before.0, 2, "the list of branches, and the pack");
    assert_eq!(objects(&bed) - before.1, 3, "a commit, a tree, a file");
}

/// How many objects are in the store, those that are there twice included.
fn objects(bed: &Bed) -> usize {
    let packs = bed.dir.path().join("store/repository.git/objects/pack");
    let files = std::fs::read_dir(packs).unwrap().flatten().map(|entry| entry.path());
    let indices = files.filter(|path| path.extension().is_some_and(|extension| extension == "idx"));
    indices
        .map(|path| support::git(bed.dir.path(), &["verify-pack", "-v", path.to_str().unwrap()]))
        .map(|text| {
            text.lines()
                .filter(|line| ["commit", "tree", "blob"].iter().any(|kind| line.contains(kind)))
                .count()
        })
        .sum()
}

#[test]
fn a_branch_that_merges_what_was_cut_off_is_still_whole() {
    let (bed, server) = bed();
    let old = bed.seed(MAIN, &[("a", "old")], "old");
    let repo = bed.repo();
    repo.reference("refs/heads/side", old, true, "").unwrap();
    let side = bed.seed("refs/heads/side", &[("side", "s")], "side");
    let tip = bed.seed(MAIN, &[("a", "new")], "new");
    let mut store = bed.store("store", &server.url);
    store.fetch(&[MAIN]).unwrap();

    let (tip, side) = (repo.find_commit(tip).unwrap(), repo.find_commit(side).unwrap());
    let mut index = repo.merge_commits(&tip, &side, None).unwrap();
    let tree = repo.find_tree(index.write_tree_to(&repo).unwrap()).unwrap();
    let who = tip.author();
    let merged = repo.commit(Some(MAIN), &who, &who, "merge", &tree, &[&tip, &side]).unwrap();
    store.fetch(&[MAIN]).unwrap();
    let paths: Vec<_> =
        store.snapshot(merged).unwrap().walk("").unwrap().into_iter().map(|e| e.path).collect();
    assert_eq!(paths, ["a", "side"]);
    assert_eq!(store.ancestry(old, merged, MAIN).unwrap(), Ancestry::Descendant);
}

#[test]
fn ancestry_beyond_the_cut_is_found_out() {
    let (bed, server) = bed();
    let zero = bed.seed(MAIN, &[("a", "0")], "zero");
    let one = bed.seed(MAIN, &[("a", "1")], "one");
    let stranger = bed.seed("refs/heads/other", &[("x", "x")], "stranger");
    let mut store = bed.store("store", &server.url);
    store.fetch(&[MAIN]).unwrap();
    assert_eq!(store.is_ancestor(zero, one).unwrap(), Ancestry::Unknown);
    assert_eq!(store.ancestry(zero, one, MAIN).unwrap(), Ancestry::Descendant);
    assert_eq!(store.ancestry(stranger, one, MAIN).unwrap(), Ancestry::Unrelated);
    assert_eq!(store.ancestry(one, one, MAIN).unwrap(), Ancestry::Same);
    let history: Vec<_> =
        store.snapshot(one).unwrap().last_blobs("a", 9).map(|v| v.unwrap().commit).collect();
    assert_eq!(history, [one, zero]);
}

#[test]
fn commits_are_pushed_and_a_stale_push_loses() {
    let (bed, server) = bed();
    bed.seed(MAIN, &[("a", "0")], "zero");
    let (mut ours, mut theirs) = (bed.store("ours", &server.url), bed.store("theirs", &server.url));
    let first = commit(&ours, None, "state.yaml", "1");
    assert_eq!(ours.push(STATE, first, None).unwrap(), PushOutcome::Pushed);
    assert_eq!(bed.head(STATE), Some(first));
    assert_eq!(ours.push(STATE, first, None).unwrap(), PushOutcome::Pushed, "a repeated push is no race");

    theirs.fetch(&[STATE]).unwrap();
    let second = commit(&theirs, Some(first), "state.yaml", "theirs");
    assert_eq!(theirs.push(STATE, second, Some(first)).unwrap(), PushOutcome::Pushed);
    let late = commit(&ours, Some(first), "state.yaml", "ours");
    for expected in [Some(first), None] {
        assert!(matches!(ours.push(STATE, late, expected).unwrap(), PushOutcome::LostRace { .. }));
    }
    assert_eq!(bed.head(STATE), Some(second));
    ours.fetch(&[STATE]).unwrap();
    let again = commit(&ours, Some(second), "state.yaml", "ours");
    assert_eq!(ours.push(STATE, again, Some(second)).unwrap(), PushOutcome::Pushed);
    support::git(&bed.bare, &["fsck", "--strict"]);
}

#[test]
fn a_race_between_announcement_and_update_is_lost_not_won() {
    let (bed, server) = bed();
    let base = bed.seed(STATE, &[("state.yaml", "0")], "zero");
    let mut store = bed.store("store", &server.url);
    store.fetch(&[STATE]).unwrap();
    let bare = bed.bare.clone();
    server.before_next_push(move || {
        seed(&git2::Repository::open_bare(&bare).unwrap(), STATE, &[("state.yaml", "winner")], "winner");
    });
    let late = commit(&store, Some(base), "state.yaml", "late");
    let outcome = store.push(STATE, late, Some(base)).unwrap();
    assert!(matches!(outcome, PushOutcome::LostRace { .. }), "{outcome:?}");
    assert_ne!(bed.head(STATE), Some(late));

    let new = "refs/heads/new";
    let bare = bed.bare.clone();
    server.before_next_push(move || {
        seed(&git2::Repository::open_bare(&bare).unwrap(), new, &[("x", "x")], "created meanwhile");
    });
    let outcome = store.push(new, late, None).unwrap();
    assert!(matches!(outcome, PushOutcome::LostRace { .. }), "{outcome:?}");
}

#[test]
fn a_hook_that_refuses_is_no_race() {
    let (bed, server) = bed();
    let base = bed.seed(STATE, &[("state.yaml", "0")], "zero");
    bed.refuse_pushes("Not allowed to push to protected branch");
    let mut store = bed.store("store", &server.url);
    store.fetch(&[STATE]).unwrap();
    let new = commit(&store, Some(base), "state.yaml", "1");
    match store.push(STATE, new, Some(base)).unwrap() {
        PushOutcome::Refused { detail } => assert!(detail.contains("protected branch"), "{detail}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.head(STATE), Some(base));
}

#[test]
fn one_connection_serves_many_calls() {
    let (bed, server) = bed();
    let mut store = bed.store("store", &server.url);
    for n in 0..5 {
        let old = bed.head(STATE);
        bed.seed(MAIN, &[("n", &n.to_string())], "n");
        store.fetch(&[MAIN, STATE]).unwrap();
        let new = commit(&store, old, "n", &n.to_string());
        assert_eq!(store.push(STATE, new, old).unwrap(), PushOutcome::Pushed);
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn an_empty_repository_has_no_branches() {
    let (bed, server) = bed();
    let mut store = bed.store("store", &server.url);
    assert_eq!(store.fetch(&[MAIN]).unwrap()[MAIN], None);
}

#[test]
fn a_login_page_is_not_an_empty_repository() {
    let (bed, server) = bed();
    let main = bed.seed(MAIN, &[("a", "0")], "zero");
    let mut store = bed.store("store", &server.url);
    store.fetch(&[MAIN]).unwrap();
    let page = "<html>please log in</html>";
    for content_type in ["text/html; charset=utf-8", "application/x-git-upload-pack-advertisement"] {
        server.behave(Behaviour::Answer(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{page}",
            page.len()
        )));
        let error = remote_error(store.fetch(&[MAIN]));
        assert!(matches!(error, RemoteError::NotGit { .. } | RemoteError::Protocol { .. }), "{error:?}");
        assert!(!store.is_damaged());
        assert!(store.contains(main));
    }
}

#[test]
fn credentials_are_sent_and_their_refusal_is_told() {
    let (bed, server) = bed();
    bed.seed(MAIN, &[("a", "0")], "zero");
    // base64 of "me:pass word"
    server.behave(Behaviour::GitFor("Basic bWU6cGFzcyB3b3Jk".to_owned()));
    let mut store = bed.store("anonymous", &server.url);
    let error = remote_error(store.fetch(&[MAIN]));
    assert!(matches!(error, RemoteError::Unauthorized { .. }), "{error:?}");
    store.set_credentials(Credentials::Basic { user: "me".into(), password: Secret::new("pass word") });
    store.fetch(&[MAIN]).unwrap();

    let url = format!("http://me:pass%20word@127.0.0.1:{}/fleet.git", server.port);
    bed.store("in-url", &url).fetch(&[MAIN]).unwrap();

    server.behave(Behaviour::GitFor("Bearer t0ken".to_owned()));
    let error = remote_error(bed.store("wrong", &url).fetch(&[MAIN]));
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("pass word") && !shown.contains("pass%20word"), "{shown}");
    store.set_credentials(Credentials::Bearer(Secret::new("t0ken")));
    store.fetch(&[MAIN]).unwrap();
}

#[test]
fn a_limit_on_requests_says_how_long_to_wait() {
    let (bed, server) = bed();
    let mut store = bed.store("store", &server.url);
    for (head, wait) in [
        ("429 Too Many Requests\r\nretry-after: 17", Some(17)),
        ("429 Too Many Requests", None),
        ("403 Forbidden\r\nretry-after: 60", Some(60)),
        (
            "503 Busy\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:50:37 GMT",
            Some(60),
        ),
    ] {
        server.behave(Behaviour::Answer(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n")));
        match remote_error(store.fetch(&[MAIN])) {
            RemoteError::RateLimited { retry_after, .. } => {
                assert_eq!(retry_after, wait.map(Duration::from_secs), "{head}");
            }
            other => panic!("{head}: {other:?}"),
        }
    }
}

#[test]
fn an_absent_repository_and_a_broken_server_are_told_apart() {
    let (bed, server) = bed();
    let url = server.url.replace("fleet", "nothing");
    let error = remote_error(bed.store("absent", &url).fetch(&[MAIN]));
    assert!(matches!(error, RemoteError::NotFound { .. }), "{error:?}");
    server.behave(Behaviour::Answer("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_owned()));
    let error = remote_error(bed.store("broken", &server.url).fetch(&[MAIN]));
    assert!(matches!(error, RemoteError::Status { status: 500, .. }), "{error:?}");
}

#[test]
fn another_host_gets_neither_the_request_nor_the_credentials() {
    let (bed, server) = bed();
    let other = Server::start(bed.dir.path());
    bed.seed(MAIN, &[("a", "0")], "zero");
    server.behave(Behaviour::Answer(format!(
        "HTTP/1.1 302 Found\r\nlocation: http://x:y@127.0.0.1:{}/fleet.git/info/refs?token=z\r\ncontent-length: 0\r\n\r\n",
        other.port
    )));
    let mut store = bed.store("store", &server.url);
    store.set_credentials(Credentials::Bearer(Secret::new("t0ken")));
    match remote_error(store.fetch(&[MAIN])) {
        RemoteError::Redirected { to, .. } => {
            assert_eq!(to, format!("http://127.0.0.1:{}/fleet.git/info/refs", other.port));
        }
        other => panic!("{other:?}"),
    }
    assert!(other.seen().is_empty());
}

#[test]
fn hanging_dripping_and_endless_servers_meet_the_limits() {
    let (bed, server) = bed();
    let mut config = config(&server.url);
    config.limits.total = Duration::from_millis(600);
    config.limits.idle = Duration::from_millis(300);
    config.limits.max_bytes = 1 << 20;
    let mut store = Store::open(&bed.dir.path().join("store"), config).unwrap();
    for (behaviour, want) in [(Behaviour::Hang, "idle"), (Behaviour::Drip, "total")] {
        server.behave(behaviour);
        let started = Instant::now();
        match remote_error(store.fetch(&[MAIN])) {
            RemoteError::Timeout { what, .. } => assert_eq!(what, want),
            other => panic!("{other:?}"),
        }
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
    server.behave(Behaviour::Endless);
    let error = remote_error(store.fetch(&[MAIN]));
    assert!(matches!(error, RemoteError::TooLarge { limit: 1_048_576, .. }), "{error:?}");
}
