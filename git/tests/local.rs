//! Against a repository on this machine, by path and by `file://`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::time::{Duration, Instant};

use shipper_git::{
    Ancestry, CommitError, Identity, Mode, PushOutcome, ReadError, RemoteError, RepositoryUrl, Signer,
    SigningFailed, Store, StoreError, diff, watch_local,
};
use support::{Bed, MAIN, STATE, commit, git, meta};

#[test]
fn only_the_named_branches_come_and_nothing_else() {
    let bed = Bed::new();
    let main = bed.seed(MAIN, &[("a", "0")], "zero");
    let other = bed.seed("refs/heads/other", &[("b", "0")], "other");
    let mut store = bed.store("store", &format!("file://{}", bed.bare.display()));
    let heads = store.fetch(&[MAIN, STATE]).unwrap();
    assert_eq!((heads[MAIN], heads[STATE]), (Some(main), None));
    assert!(!store.contains(other));
    let next = bed.seed(MAIN, &[("a", "1")], "one");
    assert_eq!(store.fetch(&[MAIN]).unwrap()[MAIN], Some(next));
    assert_eq!(store.ancestry(main, next, MAIN).unwrap(), Ancestry::Descendant);
    assert_eq!(store.ancestry(next, main, MAIN).unwrap(), Ancestry::Unrelated);
}

#[test]
fn a_deleted_or_rewritten_branch_is_reported_as_it_is() {
    let bed = Bed::new();
    let old = bed.seed(MAIN, &[("a", "0")], "zero");
    let mut store = bed.local("store");
    store.fetch(&[MAIN]).unwrap();
    bed.repo().find_reference(MAIN).unwrap().delete().unwrap();
    assert_eq!(store.fetch(&[MAIN]).unwrap()[MAIN], None);
    assert!(store.contains(old), "what was fetched stays");
    let new = bed.seed(MAIN, &[("b", "0")], "rewritten");
    assert_eq!(store.fetch(&[MAIN]).unwrap()[MAIN], Some(new));
    assert_eq!(store.ancestry(old, new, MAIN).unwrap(), Ancestry::Unrelated);
}

#[test]
fn of_many_writers_exactly_one_wins_each_round() {
    let bed = Bed::new();
    let mut base = bed.seed(STATE, &[("n", "0")], "zero");
    let mut stores: Vec<Store> = (0..4).map(|n| bed.local(&format!("store{n}"))).collect();
    for round in 0..5 {
        for store in &mut stores {
            store.fetch(&[STATE]).unwrap();
        }
        let barrier = std::sync::Barrier::new(stores.len());
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let tasks: Vec<_> = stores
                .iter_mut()
                .enumerate()
                .map(|(n, store)| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        let new = commit(store, Some(base), "n", &format!("{round}.{n}"));
                        barrier.wait();
                        (new, store.push(STATE, new, Some(base)).unwrap())
                    })
                })
                .collect();
            tasks.into_iter().map(|task| task.join().unwrap()).collect()
        });
        let won: Vec<_> = outcomes.iter().filter(|(_, o)| *o == PushOutcome::Pushed).collect();
        assert!(outcomes.iter().all(|(_, o)| !matches!(o, PushOutcome::Refused { .. })), "{outcomes:?}");
        assert_eq!(won.len(), 1, "{outcomes:?}");
        base = won[0].0;
        assert_eq!(bed.head(STATE), Some(base));
    }
    git(&bed.bare, &["fsck", "--strict"]);
}

#[test]
fn a_checked_out_branch_is_not_pulled_from_under_its_work_tree() {
    let bed = Bed::new();
    bed.seed(MAIN, &[("a", "0")], "zero");
    let tree = bed.dir.path().join("work");
    git(bed.dir.path(), &["clone", "-q", bed.bare.to_str().unwrap(), "work", "-b", "main"]);
    let mut store = bed.store("store", tree.to_str().unwrap());
    let main = store.fetch(&[MAIN]).unwrap()[MAIN];
    let new = commit(&store, main, "a", "1");
    assert!(matches!(store.push(MAIN, new, main).unwrap(), PushOutcome::Refused { .. }));
    assert_eq!(store.push(STATE, new, None).unwrap(), PushOutcome::Pushed);
}

#[test]
fn a_path_without_repository_and_a_short_branch_name_are_clear_errors() {
    let bed = Bed::new();
    let mut store = bed.store("store", bed.dir.path().join("nowhere").to_str().unwrap());
    assert!(matches!(store.fetch(&[MAIN]), Err(StoreError::Remote(RemoteError::NotFound { .. }))));
    let mut store = bed.local("other");
    assert!(matches!(store.fetch(&["main"]), Err(StoreError::Remote(RemoteError::BadRefName { .. }))));
    assert!(matches!(store.fetch(&["--all"]), Err(StoreError::Remote(RemoteError::BadRefName { .. }))));
}

#[test]
fn a_snapshot_reads_files_and_follows_nothing() {
    let bed = Bed::new();
    let work = bed.dir.path().join("work");
    std::fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q", "-b", "main"]);
    std::fs::create_dir(work.join("dir")).unwrap();
    std::fs::write(work.join("dir/file"), "content").unwrap();
    std::fs::write(work.join("run"), "#!").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", work.join("link")).unwrap();
    git(&work, &["add", "."]);
    git(&work, &["update-index", "--chmod=+x", "run"]);
    let other = "1234567890123456789012345678901234567890";
    git(&work, &["update-index", "--add", "--cacheinfo", &format!("160000,{other},sub")]);
    let message = "Subject\n\nBody: not a trailer\n\nmore\n\nShipper-Epoch: 3\nShipper-Generation: 7\n";
    git(&work, &["-c", "user.name=A B", "-c", "user.email=a@b", "commit", "-qm", message]);
    let mut store = bed.store("store", work.to_str().unwrap());
    let head = store.fetch(&[MAIN]).unwrap()[MAIN].unwrap();
    let snapshot = store.snapshot(head).unwrap();

    assert_eq!(snapshot.read("dir/file", 7).unwrap().unwrap(), b"content");
    assert!(matches!(snapshot.read("dir/file", 6), Err(ReadError::TooLarge { size: 7, .. })));
    for (path, mode) in [("link", Mode::Symlink), ("sub", Mode::Submodule), ("dir", Mode::Directory)] {
        match snapshot.read(path, 100) {
            Err(ReadError::NotAFile { mode: found, .. }) => assert_eq!(found, mode),
            other => panic!("{path}: {other:?}"),
        }
    }
    for absent in ["nothing", "dir/file/below", "../dir/file", "dir//file", "/dir/file", "link/x"] {
        assert_eq!(snapshot.read(absent, 100).unwrap(), None, "{absent}");
    }
    let seen: Vec<_> = snapshot.walk("").unwrap().into_iter().map(|e| (e.path, e.mode, e.size)).collect();
    assert_eq!(
        seen,
        [
            ("dir/file".to_owned(), Mode::File, Some(7)),
            ("link".to_owned(), Mode::Symlink, Some(11)),
            ("run".to_owned(), Mode::Executable, Some(2)),
            ("sub".to_owned(), Mode::Submodule, None),
        ]
    );
    assert_eq!(snapshot.list("dir").unwrap().len(), 1);
    assert_eq!(snapshot.tree_id("dir").unwrap().unwrap().to_string(), git(&work, &["rev-parse", "HEAD:dir"]));
    assert_eq!(snapshot.author().unwrap().name, "A B");
    assert_eq!(
        snapshot.trailers().unwrap(),
        [("Shipper-Epoch".to_owned(), "3".to_owned()), ("Shipper-Generation".to_owned(), "7".to_owned())]
    );
    assert_eq!(snapshot.signature().unwrap(), None);
}

#[test]
fn the_last_good_version_of_a_file_can_be_found() {
    let bed = Bed::new();
    let first = bed.seed(MAIN, &[("app.yaml", "good"), ("b", "0")], "good");
    bed.seed(MAIN, &[("b", "1")], "unrelated");
    let bad = bed.seed(MAIN, &[("app.yaml", "bad")], "bad");
    let tip = bed.seed(MAIN, &[("b", "2")], "unrelated");
    let mut store = bed.local("store");
    store.fetch(&[MAIN]).unwrap();
    let snapshot = store.snapshot(tip).unwrap();
    let versions: Vec<_> = snapshot.last_blobs("app.yaml", 100).map(Result::unwrap).collect();
    assert_eq!(versions.iter().map(|v| v.commit).collect::<Vec<_>>(), [bad, first]);
    assert_eq!(snapshot.blob(versions[1].blob.unwrap(), "app.yaml", 100).unwrap(), b"good");
    let mut short = snapshot.last_blobs("app.yaml", 3);
    assert_eq!(short.by_ref().count(), 1);
    assert!(short.is_cut_off());
}

#[test]
fn a_difference_names_changed_paths_only() {
    let bed = Bed::new();
    let old = bed.seed(MAIN, &[("same/a", "0"), ("dir/b", "0"), ("x", "file")], "old");
    let mut store = bed.local("store");
    store.fetch(&[MAIN]).unwrap();
    let mut builder = store.commit_on(Some(old)).unwrap();
    builder.put("dir/b", b"1").unwrap();
    builder.put("x/now", b"a directory").unwrap();
    builder.put("new/deep/file", b"").unwrap();
    let new = builder.commit(&meta("new"), None).unwrap().unwrap();
    let (old, new) = (store.snapshot(old).unwrap(), store.snapshot(new).unwrap());
    let changes = diff(&new, Some(old.root_tree()), Some(new.root_tree())).unwrap();
    let shown: Vec<_> = changes.iter().map(|c| (c.path.as_str(), c.old.is_some(), c.new.is_some())).collect();
    assert_eq!(
        shown,
        [("dir/b", true, true), ("new/deep/file", false, true), ("x", true, false), ("x/now", false, true)]
    );
    assert_eq!(diff(&new, None, Some(old.root_tree())).unwrap().len(), 3);
    assert!(diff(&new, Some(old.root_tree()), Some(old.root_tree())).unwrap().is_empty());
}

struct Fixed;

impl Signer for Fixed {
    fn sign(&self, commit: &[u8]) -> Result<String, SigningFailed> {
        Ok(format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----", commit.len()))
    }
}

struct Broken;

impl Signer for Broken {
    fn sign(&self, _: &[u8]) -> Result<String, SigningFailed> {
        Err(SigningFailed("the key is gone".to_owned()))
    }
}

#[test]
fn a_signature_covers_the_commit_and_can_be_read_back() {
    let bed = Bed::new();
    let store = bed.local("store");
    let mut builder = store.commit_on(None).unwrap();
    builder.put("a", b"a").unwrap();
    let oid = builder.commit(&meta("signed"), Some(&Fixed)).unwrap().unwrap();
    let signature = store.snapshot(oid).unwrap().signature().unwrap().unwrap();
    let lines: Vec<_> = signature.signature.lines().collect();
    assert_eq!(lines[1], signature.payload.len().to_string(), "the payload is what was signed");
    assert!(matches!(builder.commit(&meta("x"), Some(&Broken)), Err(CommitError::Sign(_))));
    assert!(matches!(builder.put("../a", b""), Err(CommitError::Path { .. })));
    assert!(matches!(builder.put("a/.GIT/config", b""), Err(CommitError::Path { .. })));
    let who = Identity { name: "<>".to_owned(), ..meta("").author };
    let wrong = shipper_git::CommitMeta { author: who, ..meta("x") };
    assert!(matches!(builder.commit(&wrong, None), Err(CommitError::Identity { .. })));
}

#[test]
fn a_commit_wakes_whoever_watches_at_once() {
    let bed = Bed::new();
    bed.seed(MAIN, &[("a", "0")], "zero");
    let watch = watch_local(&bed.bare).unwrap();
    for n in 1..4 {
        let started = Instant::now();
        bed.seed(MAIN, &[("a", &n.to_string())], "more");
        watch.changes.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(started.elapsed() < Duration::from_secs(2));
        // The rest of the same burst.
        while watch.changes.recv_timeout(Duration::from_millis(100)).is_ok() {}
    }
    bed.repo().blob(b"an object alone is no change of a ref").unwrap();
    assert!(watch.changes.recv_timeout(Duration::from_millis(200)).is_err());
    git(&bed.bare, &["branch", "deep/er/branch", "main"]);
    watch.changes.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(watch_local(bed.dir.path()).is_err());
}

#[test]
fn a_directory_belongs_to_one_store_and_to_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let bed = Bed::new();
    let store = bed.local("store");
    let dir = bed.dir.path().join("store");
    let url: RepositoryUrl = bed.bare.to_str().unwrap().parse().unwrap();
    let again = Store::open(&dir, shipper_git::RemoteConfig::new(url.clone()));
    assert!(matches!(again, Err(StoreError::InUse { .. })));
    assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    drop(store);
    Store::open(&dir, shipper_git::RemoteConfig::new(url)).unwrap();
}

#[test]
fn stores_and_snapshots_move_between_threads_and_many_files_make_one_commit() {
    let bed = Bed::new();
    let store = bed.local("store");
    let store = std::thread::spawn(move || store).join().unwrap();
    let mut builder = store.commit_on(None).unwrap();
    for n in 0..2000 {
        builder
            .put(&format!("clusters/c{n}/web/app/target.yaml"), format!("replicas: {n}").as_bytes())
            .unwrap();
    }
    let started = Instant::now();
    let all = builder.commit(&meta("all"), None).unwrap().unwrap();
    assert_eq!(store.push(STATE, all, None).unwrap(), PushOutcome::Pushed);
    eprintln!("2000 targets: commit and push {:?}", started.elapsed());
    let started = Instant::now();
    let one = commit(&store, Some(all), "clusters/c7/web/app/target.yaml", "replicas: 0");
    assert_eq!(store.push(STATE, one, Some(all)).unwrap(), PushOutcome::Pushed);
    eprintln!("one of them: commit and push {:?}", started.elapsed());
    let snapshot = store.snapshot(one).unwrap();
    let found = std::thread::spawn(move || snapshot.walk("clusters").unwrap().len()).join().unwrap();
    assert_eq!(found, 2000);
}
