//! Which files are intent: the path says the kind, the name and, for Applications, the namespace.

use super::Problem;
use std::fmt;

/// The kinds of objects that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `applications/<namespace>/<name>.yaml`
    Application,
    /// `strategies/<name>.yaml`
    Strategy,
    /// `clusters/<name>.yaml`
    Cluster,
    /// `blocks/**/<name>.yaml`
    RolloutBlock,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "Application",
            Self::Strategy => "Strategy",
            Self::Cluster => "Cluster",
            Self::RolloutBlock => "RolloutBlock",
        })
    }
}

/// What a path says of the object in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) kind: Kind,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
}

/// The kind of object that the file at `path` holds, with `/` between its parts. `None`: the file is not intent,
/// and is never read as such (charts, manifests, notes).
pub fn kind_of_path(path: &str) -> Option<Kind> {
    place_of_path(path).map(|place| place.kind)
}

pub(super) fn place_of_path(path: &str) -> Option<Place<'_>> {
    let stem = path.strip_suffix(".yaml").or_else(|| path.strip_suffix(".yml"))?;
    let parts: Vec<&str> = stem.split('/').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    let place = |kind, namespace, name| Some(Place { kind, namespace, name });
    match parts.as_slice() {
        ["applications", namespace, name] => place(Kind::Application, Some(*namespace), *name),
        ["strategies", name] => place(Kind::Strategy, None, *name),
        ["clusters", name] => place(Kind::Cluster, None, *name),
        ["blocks", .., name] => place(Kind::RolloutBlock, None, *name),
        _ => None,
    }
}

const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;

/// Refuses what is no regular file, by its Git file mode [I2]. A symlink would let one file stand for another,
/// and a submodule's content is not part of the commit.
pub fn refuse_mode(path: &str, mode: u32) -> Option<Problem> {
    let what = match mode & FILE_TYPE {
        REGULAR => return None,
        SYMLINK => "a symbolic link",
        SUBMODULE => "a submodule",
        _ => "not a regular file",
    };
    Some(Problem::of_file(path, format!("is {what}; objects must be regular files")))
}
