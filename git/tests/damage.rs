//! What power cuts, full disks and flipped bits leave behind: the store mends itself without a human.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use shipper_git::{Ancestry, Oid, PushOutcome, ReadError, Snapshot, Store, StoreError};
use support::server::{Behaviour, Server};
use support::{Bed, MAIN, STATE};

struct Damaged {
    bed: Bed,
    server: Server,
    head: Oid,
}

impl Damaged {
    fn new() -> Self {
        let bed = Bed::new();
        let server = Server::start(bed.dir.path());
        bed.seed(STATE, &[("state.yaml", "state")], "state");
        let head = bed.seed(MAIN, &[("a", "content"), ("dir/b", "more")], "zero");
        Self { bed, server, head }
    }

    fn open(&self) -> Store {
        self.bed.store("store", &self.server.url)
    }

    fn repository(&self) -> PathBuf {
        self.bed.dir.path().join("store/repository.git")
    }

    fn quarantined(&self) -> bool {
        self.bed.dir.path().join("store/quarantine.git").exists()
    }
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) || extension.is_empty() {
            found.push(path);
        }
    }
    found
}

fn overwrite(path: &Path, content: &[u8]) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, content).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn assert_whole(snapshot: &Snapshot) {
    assert_eq!(snapshot.read("a", 100).unwrap().unwrap(), b"content");
    assert_eq!(snapshot.read("dir/b", 100).unwrap().unwrap(), b"more");
}

/// Damages a closed store; opening and one fetch must make it whole.
fn heals_when_opened(damage: impl Fn(&Path)) {
    let it = Damaged::new();
    let mut store = it.open();
    store.fetch(&[MAIN]).unwrap();
    drop(store);
    damage(&it.repository());
    let mut store = it.open();
    assert_eq!(store.fetch(&[MAIN]).unwrap()[MAIN], Some(it.head));
    assert_whole(&store.snapshot(it.head).unwrap());
}

#[test]
fn a_truncated_pack() {
    heals_when_opened(|repo| {
        for pack in files(repo, "pack") {
            let bytes = fs::read(&pack).unwrap();
            overwrite(&pack, &bytes[..bytes.len() / 2]);
        }
    });
}

#[test]
fn an_empty_index_of_a_pack() {
    heals_when_opened(|repo| files(repo, "idx").iter().for_each(|idx| overwrite(idx, b"")));
}

#[test]
fn packs_that_are_gone() {
    heals_when_opened(|repo| fs::remove_dir_all(repo.join("objects/pack")).unwrap());
}

#[test]
fn garbage_in_refs() {
    heals_when_opened(|repo| fs::write(repo.join(MAIN), [0xff, 0x00, 0x7f]).unwrap());
    heals_when_opened(|repo| fs::write(repo.join(MAIN), "").unwrap());
    heals_when_opened(|repo| {
        fs::write(repo.join(MAIN), "1234567890123456789012345678901234567890\n").unwrap();
    });
}

#[test]
fn garbage_in_head_and_in_the_list_of_cut_commits() {
    heals_when_opened(|repo| fs::write(repo.join("HEAD"), "").unwrap());
    heals_when_opened(|repo| fs::write(repo.join("shallow"), "no commit\n").unwrap());
    heals_when_opened(|repo| fs::write(repo.join("config"), "[core\n").unwrap());
}

#[test]
fn a_file_where_the_repository_should_be() {
    heals_when_opened(|repo| {
        fs::remove_dir_all(repo).unwrap();
        fs::write(repo, "").unwrap();
    });
}

#[test]
fn lock_files_of_a_process_that_was_killed() {
    let it = Damaged::new();
    let mut store = it.open();
    store.fetch(&[MAIN]).unwrap();
    let next = it.bed.seed(MAIN, &[("c", "c")], "next");
    let locks = || {
        for name in [&format!("{MAIN}.lock"), "shallow.lock", "packed-refs.lock", "HEAD.lock", "config.lock"]
        {
            fs::write(it.repository().join(name), "").unwrap();
        }
    };
    // While it runs, and when it starts.
    locks();
    assert_eq!(store.fetch(&[MAIN]).unwrap()[MAIN], Some(next));
    let last = it.bed.seed(MAIN, &[("c", "d")], "last");
    locks();
    fs::write(it.repository().join("objects/pack/pack_git2_half"), "half").unwrap();
    drop(store);
    let mut store = it.open();
    assert_eq!(store.fetch(&[MAIN]).unwrap()[MAIN], Some(last));
    assert_whole(&store.snapshot(last).unwrap());
    assert!(files(&it.repository(), "lock").is_empty());
    assert!(!it.repository().join("objects/pack/pack_git2_half").exists());
    assert!(!it.quarantined(), "a lock file alone costs no clone");
}

/// Damages every object of a store that is in use; the reader is told, and the next fetch mends it.
fn heals_in_use(damage: impl Fn(&[u8]) -> Vec<u8>) {
    let it = Damaged::new();
    let mut store = it.open();
    store.fetch(&[MAIN]).unwrap();
    // Loose objects, so that damage to one file is damage to one object.
    let loose = Bed::new();
    let repo = git2::Repository::open_bare(it.repository()).unwrap();
    for pack in files(&it.repository(), "pack") {
        let aside = loose.dir.path().join("pack");
        fs::rename(&pack, &aside).unwrap();
        let mut unpack = std::process::Command::new("git");
        let status = unpack
            .args(["-C", it.repository().to_str().unwrap(), "unpack-objects", "-q"])
            .stdin(fs::File::open(aside).unwrap())
            .status()
            .unwrap();
        assert!(status.success());
    }
    let blob = repo.find_commit(it.head).unwrap().tree().unwrap().get_name("a").unwrap().id().to_string();
    files(&it.repository(), "idx").iter().for_each(|idx| fs::remove_file(idx).unwrap());
    drop(repo);
    let path = it.repository().join("objects").join(&blob[..2]).join(&blob[2..]);
    let bytes = fs::read(&path).unwrap();
    overwrite(&path, &damage(&bytes));

    let error = store.snapshot(it.head).unwrap().read("a", 100).unwrap_err();
    assert!(matches!(error, ReadError::Damaged { .. }), "{error:?}");
    assert!(store.is_damaged());

    // No server, no clone: but what can be read can still be read.
    it.server.behave(Behaviour::Answer("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_owned()));
    assert!(matches!(store.fetch(&[MAIN]), Err(StoreError::Remote(_))));
    assert_eq!(store.snapshot(it.head).unwrap().read("dir/b", 100).unwrap().unwrap(), b"more");

    it.server.behave(Behaviour::Git);
    assert_eq!(store.fetch(&[MAIN]).unwrap()[MAIN], Some(it.head));
    assert!(!store.is_damaged());
    assert!(it.quarantined());
    assert_whole(&store.snapshot(it.head).unwrap());
}

#[test]
fn an_object_of_zero_bytes() {
    heals_in_use(|_| Vec::new());
}

#[test]
fn an_object_cut_short() {
    let other = Bed::new();
    let oid = other.repo().blob(&[b'x'; 5000]).unwrap().to_string();
    let whole = fs::read(other.bare.join("objects").join(&oid[..2]).join(&oid[2..])).unwrap();
    heals_when_opened(|repo| {
        let dir = repo.join("objects").join(&oid[..2]);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(&oid[2..]), &whole[..whole.len() / 2]).unwrap();
    });
}

#[test]
fn any_bit_flipped_in_a_pack_is_found_and_mended() {
    let it = Damaged::new();
    let mut store = it.bed.local("store");
    store.fetch(&[MAIN]).unwrap();
    drop(store);
    let pack = files(&it.repository(), "pack").remove(0);
    let whole = fs::read(&pack).unwrap();
    let aside = it.bed.dir.path().join("aside");
    fs::rename(it.repository(), &aside).unwrap();
    // Every third byte, each time another bit: every field is met.
    for at in (0..whole.len()).step_by(3) {
        let _ = fs::remove_dir_all(it.repository());
        copy(&aside, &it.repository());
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        overwrite(&pack, &bytes);
        let mut store = it.bed.local("store");
        store.fetch(&[MAIN]).unwrap();
        // What is not seen at first sight is seen by the reader, and mended by the fetch after it.
        let read = |store: &Store| {
            let snapshot = store.snapshot(it.head)?;
            snapshot.read("a", 100).and(snapshot.read("dir/b", 100)).map_err(StoreError::from)
        };
        if read(&store).is_err() {
            store.fetch(&[MAIN]).unwrap();
        }
        assert_whole(&store.snapshot(it.head).unwrap());
    }
}

#[test]
fn a_store_does_not_grow_with_the_number_of_commits() {
    let it = Damaged::new();
    let mut store = it.bed.local("store");
    let mut old = store.fetch(&[MAIN, STATE]).unwrap()[STATE];
    let first = old.unwrap();
    let reader = store.snapshot(it.head).unwrap();
    for n in 0..200 {
        let new = support::commit(&store, old, "n", &n.to_string());
        assert_eq!(store.push(STATE, new, old).unwrap(), PushOutcome::Pushed);
        old = Some(new);
        assert_eq!(store.fetch(&[MAIN, STATE]).unwrap()[STATE], old);
    }
    assert!(files(&it.repository(), "pack").len() < 150);
    let objects = it.repository().join("objects");
    let names: Vec<_> = fs::read_dir(objects).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name.len() > 2), "no loose objects: {names:?}");
    assert_whole(&reader);
    assert_whole(&store.snapshot(it.head).unwrap());
    assert_eq!(store.is_ancestor(first, old.unwrap()).unwrap(), Ancestry::Descendant);
    assert!(!it.quarantined());
    support::git(&it.repository(), &["fsck", "--strict"]);
}

#[test]
fn an_object_with_other_content_than_its_id_says() {
    let other = Bed::new();
    let oid = other.repo().blob(b"forgery").unwrap().to_string();
    let forged = fs::read(other.bare.join("objects").join(&oid[..2]).join(&oid[2..])).unwrap();
    heals_in_use(|_| forged.clone());
}

#[test]
fn an_answer_that_breaks_off_leaves_the_store_as_it_was() {
    let it = Damaged::new();
    let mut store = it.open();
    store.fetch(&[MAIN]).unwrap();
    it.bed.seed(MAIN, &[("a", "next")], "next");
    it.server.behave(Behaviour::Answer(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-git-upload-pack-advertisement\r\ncontent-length: 500\r\n\
         connection: close\r\n\r\n001e# service=git-upload-pack\n0000"
            .to_owned(),
    ));
    assert!(matches!(store.fetch(&[MAIN]), Err(StoreError::Remote(_))));
    assert!(!store.is_damaged());
    assert_whole(&store.snapshot(it.head).unwrap());
}
