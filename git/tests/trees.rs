//! For any content: the same files make the same tree, however they came to be, and the same as Git makes; a
//! difference is exactly what was changed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use shipper_git::{Oid, Store, diff};
use support::{Bed, git, meta};

type Files = BTreeMap<String, String>;

#[derive(Debug, Clone)]
enum Step {
    Put(String, String),
    Remove(String),
}

/// Few names, so that files and directories get into each other's way.
fn paths() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "a.b", "a0", "ü"]), 1..4)
        .prop_map(|p| p.join("/"))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (paths(), "[xy]{0,2}").prop_map(|(path, content)| Step::Put(path, content)),
        1 => paths().prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 0..12)
}

/// What the files are after the steps, by the rules of a file system that never complains.
fn model(mut files: Files, steps: &[Step]) -> Files {
    for step in steps {
        let (Step::Put(path, _) | Step::Remove(path)) = step;
        files.retain(|other, _| other != path && !other.starts_with(&format!("{path}/")));
        if let Step::Put(_, content) = step {
            files.retain(|other, _| !path.starts_with(&format!("{other}/")));
            files.insert(path.clone(), content.clone());
        }
    }
    files
}

fn apply(store: &Store, base: Option<Oid>, steps: &[Step]) -> (Option<Oid>, Oid) {
    let mut builder = store.commit_on(base).unwrap();
    for step in steps {
        match step {
            Step::Put(path, content) => drop(builder.put(path, content.as_bytes()).unwrap()),
            Step::Remove(path) => builder.remove(path).unwrap(),
        }
    }
    (builder.commit(&meta("steps"), None).unwrap(), builder.tree().unwrap())
}

fn files(store: &Store, commit: Oid) -> Files {
    let snapshot = store.snapshot(commit).unwrap();
    let entries = snapshot.walk("").unwrap();
    entries
        .into_iter()
        .map(|e| (e.path.clone(), String::from_utf8(snapshot.read(&e.path, 100).unwrap().unwrap()).unwrap()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn trees_are_a_function_of_their_files(first in steps(), second in steps()) {
        let bed = Bed::new();
        let store = bed.local("store");
        let start = apply(&store, None, &[Step::Put("base".into(), "0".into())]).0.unwrap();
        let base_files = files(&store, start);

        let (made, _) = apply(&store, Some(start), &first);
        let before = made.unwrap_or(start);
        let before_files = model(base_files.clone(), &first);
        prop_assert_eq!(&files(&store, before), &before_files);
        prop_assert_eq!(made.is_none(), before_files == base_files, "no change, no commit");

        let (made, tree) = apply(&store, Some(before), &second);
        let after = made.unwrap_or(before);
        let after_files = model(before_files.clone(), &second);
        prop_assert_eq!(&files(&store, after), &after_files);

        // The same files, put one by one over nothing.
        let puts: Vec<_> = after_files.iter().map(|(p, c)| Step::Put(p.clone(), c.clone())).collect();
        prop_assert_eq!(apply(&store, None, &puts).1, tree);

        let roots = |commit| Some(store.snapshot(commit).unwrap().root_tree());
        let changed: Vec<String> = diff(&store.snapshot(after).unwrap(), roots(before), roots(after))
            .unwrap().into_iter().map(|c| c.path).collect();
        let mut expected: Vec<String> = before_files.keys().chain(after_files.keys())
            .filter(|p| before_files.get(*p) != after_files.get(*p)).cloned().collect();
        expected.sort();
        expected.dedup();
        prop_assert_eq!(changed, expected);
    }
}

#[test]
fn git_makes_the_same_trees() {
    let bed = Bed::new();
    let work = bed.dir.path().join("work");
    std::fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q"]);
    let store = bed.local("store");
    let mut builder = store.commit_on(None).unwrap();
    for path in ["a/b", "a.b", "a0/c", "z/y/x/w", "ü"] {
        std::fs::create_dir_all(work.join(path).parent().unwrap()).unwrap();
        std::fs::write(work.join(path), path).unwrap();
        builder.put(path, path.as_bytes()).unwrap();
    }
    git(&work, &["add", "."]);
    assert_eq!(builder.tree().unwrap().to_string(), git(&work, &["write-tree"]));
}

#[test]
fn untouched_directories_keep_their_ids() {
    let bed = Bed::new();
    let store = bed.local("store");
    let mut builder = store.commit_on(None).unwrap();
    for n in 0..50 {
        builder.put(&format!("clusters/c{n}/web/app/target.yaml"), format!("{n}").as_bytes()).unwrap();
    }
    let old = builder.commit(&meta("old"), None).unwrap().unwrap();
    let mut builder = store.commit_on(Some(old)).unwrap();
    builder.put("clusters/c7/web/app/target.yaml", b"new").unwrap();
    let new = builder.commit(&meta("new"), None).unwrap().unwrap();
    let (old, new) = (store.snapshot(old).unwrap(), store.snapshot(new).unwrap());
    for n in 0..50 {
        let at = format!("clusters/c{n}");
        assert_eq!(old.tree_id(&at).unwrap() == new.tree_id(&at).unwrap(), n != 7, "{at}");
    }
}
