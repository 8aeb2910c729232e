//! Checking a fleet repository without a hub: every file for itself, as the hub reads it, and then whether the files fit
//! together.

mod fleet;
mod locate;
mod source;

pub use source::Source;

use std::collections::BTreeMap;

use shipper_core::intent::{Kind, Object, Problem, Severity, kind_of_path, load, refuse_mode};

use crate::Error;
use fleet::Fleet;

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// How many files were read.
    pub files: usize,
    /// Everything found, in the order of the files.
    pub problems: Vec<Problem>,
}

impl Findings {
    /// How many problems are that bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

/// A file and the object in it.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) object: Object,
}

/// Checks everything.
///
/// # Errors
/// When the source cannot be read.
pub fn check(source: &Source) -> Result<Findings, Error> {
    let entries = source.entries()?;
    let mut problems = Vec::new();
    let mut files = Vec::new();
    let mut read = 0;
    for entry in entries {
        if let Some(problem) = refuse_mode(&entry.path, entry.mode) {
            problems.push(problem);
            continue;
        }
        if kind_of_path(&entry.path).is_none() {
            problems.extend(misplaced(&entry.path));
            continue;
        }
        read += 1;
        let bytes = source.read(&entry)?;
        let loaded = load(&entry.path, &bytes);
        if loaded.object.is_none() && kind_of_path(&entry.path) == Some(Kind::RolloutBlock) {
            problems.push(stops(&entry.path, loaded.namespace.as_deref()));
        }
        problems.extend(loaded.problems);
        files.extend(loaded.object.map(|object| File { path: entry.path, bytes, object }));
    }
    problems.extend(duplicates(&files));
    problems.extend(fleet::check(&Fleet::of(&files), &files, source));
    problems
        .sort_by(|a, b| (&a.file, a.line, a.column, &a.field).cmp(&(&b.file, b.line, b.column, &b.field)));
    problems.dedup();
    Ok(Findings { files: read, problems })
}

/// What a block that cannot be read does on `main` [B1].
fn stops(path: &str, namespace: Option<&str>) -> Problem {
    let scope = namespace.map_or_else(
        || "every application of the fleet".to_owned(),
        |namespace| format!("every application of the namespace {namespace}"),
    );
    Problem::of_file(
        path,
        format!("cannot be read, and on main stops {scope} until it is put right or removed"),
    )
}

/// A YAML file where objects belong that the hub will never look at: most likely a slip.
fn misplaced(path: &str) -> Option<Problem> {
    let yaml = [".yaml", ".yml"].iter().any(|end| path.ends_with(end));
    yaml.then(|| Problem {
        severity: Severity::Warning,
        ..Problem::of_file(
            path,
            "is not where the hub looks; it reads applications/<namespace>/<name>.yaml, strategies/<name>.yaml, \
             clusters/<name>.yaml and blocks/**/<name>.yaml",
        )
    })
}

fn duplicates(files: &[File]) -> Vec<Problem> {
    let mut first: BTreeMap<_, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for file in files {
        let (kind, metadata) = match &file.object {
            Object::Application(object) => (Kind::Application, &object.metadata),
            Object::Strategy(object) => (Kind::Strategy, &object.metadata),
            Object::Cluster(object) => (Kind::Cluster, &object.metadata),
            Object::RolloutBlock(object) => (Kind::RolloutBlock, &object.metadata),
        };
        let key = (kind, metadata.namespace.clone(), metadata.name.clone());
        if let Some(other) = first.get(&key) {
            let name =
                metadata.namespace.iter().chain([&metadata.name]).cloned().collect::<Vec<_>>().join("/");
            problems
                .push(Problem::of_file(&file.path, format!("is {kind} {name}, and so is {other}; keep one")));
        } else {
            first.insert(key, &file.path);
        }
    }
    problems
}
