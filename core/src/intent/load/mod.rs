//! Reading one file of `main` into an [`Object`], or saying with line and column everything that is wrong with it [I1, I2].
//!
//! The file becomes a located tree; the tree is walked along the schema ([`schema`], [`check`]), then its fields are
//! judged together ([`identity`], [`rules`], [`steps`], [`analysis`]). Only a tree without errors becomes an object.

mod analysis;
mod check;
mod duplicates;
mod identity;
mod nearest;
mod path;
mod problem;
mod rules;
mod scalar;
mod schema;
mod steps;

#[cfg(test)]
mod tests;

pub use duplicates::duplicates;
pub use path::{Kind, kind_of_path, refuse_mode};
pub use problem::{Problem, Severity};

use super::{Application, Cluster, Metadata, RolloutBlock, Strategy};
use crate::yaml::{self, Node};
use check::Checker;
use path::Place;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest file that is read as an object, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// An object that people write.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a fleet has few objects, and nearly all are Applications")]
pub enum Object {
    /// From `applications/`.
    Application(Application),
    /// From `strategies/`.
    Strategy(Strategy),
    /// From `clusters/`.
    Cluster(Cluster),
    /// From `blocks/`.
    RolloutBlock(RolloutBlock),
}

impl Object {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Application(_) => Kind::Application,
            Self::Strategy(_) => Kind::Strategy,
            Self::Cluster(_) => Kind::Cluster,
            Self::RolloutBlock(_) => Kind::RolloutBlock,
        }
    }

    /// Its metadata.
    pub fn metadata(&self) -> &Metadata {
        match self {
            Self::Application(object) => &object.metadata,
            Self::Strategy(object) => &object.metadata,
            Self::Cluster(object) => &object.metadata,
            Self::RolloutBlock(object) => &object.metadata,
        }
    }
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The object; there if and only if no problem is an error.
    pub object: Option<Object>,
    /// Everything that is wrong with the file, in the order of the file.
    pub problems: Vec<Problem>,
    /// The namespace as far as it can be read, even of a file that is refused; `None` is all, or unclear.
    /// A block that is refused blocks this scope [B1].
    pub namespace: Option<String>,
}

impl Loaded {
    fn refused(problem: Problem) -> Self {
        Self { object: None, problems: vec![problem], namespace: None }
    }
}

/// Reads the file at `path`, which must be one that [`kind_of_path`] knows.
pub fn load(path: &str, bytes: &[u8]) -> Loaded {
    let Some(place) = path::place_of_path(path) else {
        return Loaded::refused(Problem::of_file(path, "is not where an object may stand"));
    };
    let root = match parse(path, bytes) {
        Ok(root) => root,
        Err(problem) => return Loaded::refused(problem),
    };
    let mut checker = Checker::new(path, identity::is_original(&root), schema::root(place.kind));
    let object = object(&mut checker, &root, place);
    let mut problems = checker.problems;
    problems.sort_by_key(|problem| (problem.line, problem.column));
    let accepted = problems.iter().all(|problem| problem.severity == Severity::Warning);
    Loaded { object: object.filter(|_| accepted), problems, namespace: identity::namespace(&root) }
}

fn parse(path: &str, bytes: &[u8]) -> Result<Node, Problem> {
    if bytes.starts_with(LFS_POINTER) {
        return Err(Problem::of_file(
            path,
            "is a Git LFS pointer, not the object itself; take the file out of LFS (.gitattributes)",
        ));
    }
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Problem::of_file(
            path,
            format!("has {} bytes; at most {MAX_FILE_BYTES} (1 MiB) are read", bytes.len()),
        ));
    }
    let trees = yaml::read_trees(bytes)
        .map_err(|error| Problem::of_file(path, error.message()).at(error.position()))?;
    match <[Node; 1]>::try_from(trees) {
        Ok([root]) => Ok(root),
        Err(trees) => Err(match trees.get(1) {
            Some(second) => {
                let message =
                    format!("holds {} YAML documents; give each object a file of its own", trees.len());
                Problem::of_file(path, message).at(Some(second.at))
            }
            None => Problem::of_file(path, "is empty; delete it, or write an object"),
        }),
    }
}

fn object(checker: &mut Checker<'_>, root: &Node, place: Place<'_>) -> Option<Object> {
    for duplicate in root.duplicate_keys() {
        let field = if let yaml::Error::DuplicateKey { path, .. } = &duplicate { path } else { "" };
        checker.error(duplicate.position().unwrap_or(root.at), field, duplicate.message());
    }
    if !matches!(root.data, yaml::Data::Map(_)) {
        checker.error(
            root.at,
            "",
            format!("expected an object of kind {}, found {}", place.kind, scalar::describe(root)),
        );
        return None;
    }
    if !identity::is_of_kind(checker, root, place.kind) {
        return None;
    }
    let mut checked = checker.record(root, checker.root, "");
    let metadata = identity::metadata(checker, root, &checked, place);
    rules::check(checker, root, place.kind);
    if checker.has_errors() {
        return None;
    }
    let mut spec = checked["spec"].take();
    rules::merge_regions(&mut spec);
    match place.kind {
        Kind::Application => {
            typed(checker, root, spec).map(|spec| Object::Application(Application { metadata, spec }))
        }
        Kind::Strategy => {
            typed(checker, root, spec).map(|spec| Object::Strategy(Strategy { metadata, spec }))
        }
        Kind::Cluster => typed(checker, root, spec).map(|spec| Object::Cluster(Cluster { metadata, spec })),
        Kind::RolloutBlock => {
            typed(checker, root, spec).map(|spec| Object::RolloutBlock(RolloutBlock { metadata, spec }))
        }
    }
}

/// What the schema accepts, the types accept; should they ever differ, the file is refused and not half read.
fn typed<T: DeserializeOwned>(checker: &mut Checker<'_>, root: &Node, spec: Value) -> Option<T> {
    match serde_json::from_value(spec) {
        Ok(spec) => Some(spec),
        Err(error) => {
            checker.error(root.get("spec").map_or(root.at, |spec| spec.at), "spec", error.to_string());
            None
        }
    }
}
