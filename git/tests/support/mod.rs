//! What the tests share: repositories to start from, and a small web server with a real `git http-backend` behind it.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(unreachable_pub, reason = "compiled into each test binary")]

pub mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::{Oid, Repository, Signature};
use shipper_git::{CommitMeta, Identity, Limits, RemoteConfig, Store};
use tempfile::TempDir;

pub const MAIN: &str = "refs/heads/main";
pub const STATE: &str = "refs/heads/shipper/state";

/// A bare repository, as a Git host would hold it, and room beside it.
pub struct Bed {
    pub dir: TempDir,
    pub bare: PathBuf,
}

impl Bed {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bare = dir.path().join("fleet.git");
        let repo = Repository::init_bare(&bare).unwrap();
        repo.config().unwrap().set_bool("http.receivepack", true).unwrap();
        Self { dir, bare }
    }

    pub fn repo(&self) -> Repository {
        Repository::open_bare(&self.bare).unwrap()
    }

    /// Commits files on a branch of the bare repository, on top of what is there.
    pub fn seed(&self, branch: &str, files: &[(&str, &str)], message: &str) -> Oid {
        seed(&self.repo(), branch, files, message)
    }

    pub fn head(&self, branch: &str) -> Option<Oid> {
        self.repo().refname_to_id(branch).ok()
    }

    pub fn store(&self, name: &str, url: &str) -> Store {
        Store::open(&self.dir.path().join(name), config(url)).unwrap()
    }

    pub fn local(&self, name: &str) -> Store {
        self.store(name, self.bare.to_str().unwrap())
    }

    /// Installs a hook that ends with failure after saying something.
    pub fn refuse_pushes(&self, words: &str) {
        self.hook("pre-receive", &format!("#!/bin/sh\necho '{words}' >&2\nexit 1\n"));
    }

    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.bare.join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

pub fn seed(repo: &Repository, branch: &str, files: &[(&str, &str)], message: &str) -> Oid {
    let parent = repo.refname_to_id(branch).ok().map(|oid| repo.find_commit(oid).unwrap());
    let mut index = git2::Index::new().unwrap();
    if let Some(parent) = &parent {
        index.read_tree(&parent.tree().unwrap()).unwrap();
    }
    for (path, content) in files {
        let mut update = git2::build::TreeUpdateBuilder::new();
        update.upsert(*path, repo.blob(content.as_bytes()).unwrap(), git2::FileMode::Blob);
        let empty = repo.find_tree(repo.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let base = index_tree(repo, &mut index).unwrap_or(empty);
        let tree = repo.find_tree(update.create_updated(repo, &base).unwrap()).unwrap();
        index.read_tree(&tree).unwrap();
    }
    let tree = index_tree(repo, &mut index).unwrap();
    let who = Signature::now("someone", "someone@example.com").unwrap();
    let parents: Vec<_> = parent.iter().collect();
    repo.commit(Some(branch), &who, &who, message, &tree, &parents).unwrap()
}

fn index_tree<'r>(repo: &'r Repository, index: &mut git2::Index) -> Option<git2::Tree<'r>> {
    index.write_tree_to(repo).ok().and_then(|oid| repo.find_tree(oid).ok())
}

pub fn config(url: &str) -> RemoteConfig {
    let mut config = RemoteConfig::new(url.parse().unwrap());
    config.limits = Limits {
        connect: Duration::from_secs(5),
        total: Duration::from_secs(30),
        idle: Duration::from_secs(20),
        max_bytes: 64 << 20,
    };
    config
}

pub fn meta(message: &str) -> CommitMeta {
    let hub = Identity {
        name: "hub".to_owned(),
        email: "hub@example.com".to_owned(),
        seconds: 1_800_000_000,
        offset_minutes: 0,
    };
    CommitMeta { author: hub.clone(), committer: hub, message: message.to_owned() }
}

/// One commit over `base` with one file.
pub fn commit(store: &Store, base: Option<Oid>, path: &str, content: &str) -> Oid {
    let mut builder = store.commit_on(base).unwrap();
    builder.put(path, content.as_bytes()).unwrap();
    builder.commit(&meta(&format!("write {path}")), None).unwrap().unwrap()
}

/// Runs the real git in a repository and returns what it prints.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = std::process::Command::new("git").arg("-C").arg(dir).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
