//! What people commit, made in the repository itself: a push without a network.

use std::path::{Path, PathBuf};

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, RepositoryInitOptions, Signature, Tree};
use shipper_core::state::paths::INTENT_BRANCH;

/// The application of these scenes.
pub const APP: &str = "shop";
/// Its namespace.
pub const NAMESPACE: &str = "web";
/// Its manifests.
pub const MANIFESTS: &str = "apps/shop/shop.yaml";
const FILE: &str = "applications/web/shop.yaml";

/// A bare repository.
pub struct People {
    path: PathBuf,
}

impl People {
    /// A repository at `path` with these clusters and nothing else.
    pub fn begin(path: &Path, clusters: &[String]) -> Self {
        let mut options = RepositoryInitOptions::new();
        Repository::init_opts(path, options.bare(true).external_template(false)).unwrap();
        let this = Self { path: path.to_owned() };
        let kind = "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: ";
        let file = |name: &String| {
            (format!("clusters/{name}.yaml"), format!("{kind}{{name: {name}}}\nspec: {{region: eu}}\n"))
        };
        let files: Vec<(String, String)> = clusters.iter().map(file).collect();
        this.commit(&files, "Begin with the clusters");
        this
    }

    /// Adds every file of a folder.
    pub fn add_folder(&self, folder: &Path) -> Oid {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(&next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = std::fs::read_to_string(&path).unwrap();
                    files.push((path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), text));
                }
            }
        }
        self.commit(&files, "Add the files")
    }

    /// Removes files.
    pub fn remove(&self, paths: &[&str]) -> Oid {
        let repository = self.open();
        let base = repository.find_reference(INTENT_BRANCH).unwrap().peel_to_tree().unwrap();
        let mut update = TreeUpdateBuilder::new();
        for path in paths {
            update.remove(*path);
        }
        let tree = repository.find_tree(update.create_updated(&repository, &base).unwrap()).unwrap();
        record(&repository, &tree, &format!("Remove {}", paths.join(", ")))
    }

    /// Changes a file.
    pub fn change(&self, path: &str, change: impl FnOnce(String) -> String) -> Oid {
        self.commit(&[(path, change(self.read(path)))], &format!("Change {path}"))
    }

    /// Where the repository is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the application at version 1.0.0: 4 replicas, and the strategy staging, 50/50, full on.
    pub fn add_application(&self) -> Oid {
        let files =
            [(FILE, include_str!("files/application.yaml")), (MANIFESTS, include_str!("files/shop.yaml"))];
        self.commit(&files, "Add the shop")
    }

    /// Replaces every `old` in the manifests.
    pub fn edit(&self, old: &str, new: &str) -> Oid {
        let text = self.read(MANIFESTS);
        assert!(text.contains(old), "{old:?} is not in {MANIFESTS}:\n{text}");
        self.commit(&[(MANIFESTS, text.replace(old, new))], &format!("{APP}: {new}"))
    }

    /// Sends a release to a step.
    pub fn promote(&self, release: &str, step: &str) -> Oid {
        self.order(FILE, release, step)
    }

    /// Sends the release of the application in a file to a step.
    pub fn order(&self, file: &str, release: &str, step: &str) -> Oid {
        self.change(file, |text| {
            let rest = text.split("  rollout:\n").next().unwrap_or_default();
            format!("{rest}  rollout:\n    release: {release}\n    targetStep: {step}\n")
        })
    }

    /// `git revert` of a commit.
    pub fn revert(&self, commit: Oid) -> Oid {
        let repository = self.open();
        let head = repository.find_reference(INTENT_BRANCH).unwrap().peel_to_commit().unwrap();
        let reverted = repository.find_commit(commit).unwrap();
        let mut index = repository.revert_commit(&reverted, &head, 0, None).unwrap();
        assert!(!index.has_conflicts());
        let tree = repository.find_tree(index.write_tree_to(&repository).unwrap()).unwrap();
        record(&repository, &tree, "Revert")
    }

    /// Writes a file.
    pub fn write(&self, path: &str, content: &str) -> Oid {
        self.commit(&[(path, content)], &format!("Write {path}"))
    }

    /// Puts a history without a past in the place of the one that there is, with the same files.
    pub fn rewrite(&self) -> Oid {
        let repository = self.open();
        let mut main = repository.find_reference(INTENT_BRANCH).unwrap();
        let tree = main.peel_to_tree().unwrap();
        let ada = Signature::now("Ada Lovelace", "ada@example.com").unwrap();
        let commit = repository.commit(None, &ada, &ada, "Begin anew", &tree, &[]).unwrap();
        main.set_target(commit, "forced").unwrap();
        commit
    }

    fn read(&self, path: &str) -> String {
        let repository = self.open();
        let tree = repository.find_reference(INTENT_BRANCH).unwrap().peel_to_tree().unwrap();
        let blob = tree.get_path(Path::new(path)).unwrap().to_object(&repository).unwrap();
        String::from_utf8(blob.as_blob().unwrap().content().to_vec()).unwrap()
    }

    fn commit<P: AsRef<str>, C: AsRef<str>>(&self, files: &[(P, C)], message: &str) -> Oid {
        let repository = self.open();
        let head = repository.find_reference(INTENT_BRANCH).ok().map(|head| head.peel_to_tree().unwrap());
        let empty = || repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let mut update = TreeUpdateBuilder::new();
        for (path, content) in files {
            let blob = repository.blob(content.as_ref().as_bytes()).unwrap();
            update.upsert(path.as_ref(), blob, FileMode::Blob);
        }
        let base = head.unwrap_or_else(empty);
        let tree = repository.find_tree(update.create_updated(&repository, &base).unwrap()).unwrap();
        record(&repository, &tree, message)
    }

    fn open(&self) -> Repository {
        Repository::open_bare(&self.path).unwrap()
    }
}

fn record(repository: &Repository, tree: &Tree<'_>, message: &str) -> Oid {
    let parent = repository.find_reference(INTENT_BRANCH).ok().map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    let ada = Signature::now("Ada Lovelace", "ada@example.com").unwrap();
    repository.commit(Some(INTENT_BRANCH), &ada, &ada, message, tree, &parents).unwrap()
}
