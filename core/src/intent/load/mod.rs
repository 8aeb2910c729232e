//! Reading one file of `main` into an [`Object`], or saying with line and column everything that is wrong with it [I1, I2].

mod path;
mod problem;

pub use path::{Kind, kind_of_path, refuse_mode};
pub use problem::{Problem, Severity};

use super::{Application, Cluster, RolloutBlock, Strategy};
use crate::yaml::{self};
use serde_json::Value;

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

/// What came of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The object; there if and only if no problem is an error.
    pub object: Option<Object>,
    /// Everything that is wrong with the file, in the order of the file.
    pub problems: Vec<Problem>,
}

/// Reads the file at `path`, which must be one that [`kind_of_path`] knows.
pub fn load(path: &str, bytes: &[u8]) -> Loaded {
    match basic(path, bytes) {
        Ok(object) => Loaded { object: Some(object), problems: Vec::new() },
        Err(problem) => Loaded { object: None, problems: vec![problem] },
    }
}

fn basic(path: &str, bytes: &[u8]) -> Result<Object, Problem> {
    let kind = kind_of_path(path).ok_or_else(|| Problem::of_file(path, "is not the path of an object"))?;
    let documents = yaml::read_documents(bytes)
        .map_err(|error| Problem::of_file(path, error.message()).at(error.position()))?;
    let [mut document] = <[Value; 1]>::try_from(documents).map_err(|documents| {
        Problem::of_file(path, format!("expected one object, found {}", documents.len()))
    })?;
    let bad = |error: serde_json::Error| Problem::of_file(path, error.to_string());
    let metadata = serde_json::from_value(document["metadata"].take()).map_err(bad)?;
    let spec = document["spec"].take();
    Ok(match kind {
        Kind::Application => {
            Object::Application(Application { metadata, spec: serde_json::from_value(spec).map_err(bad)? })
        }
        Kind::Strategy => {
            Object::Strategy(Strategy { metadata, spec: serde_json::from_value(spec).map_err(bad)? })
        }
        Kind::Cluster => {
            Object::Cluster(Cluster { metadata, spec: serde_json::from_value(spec).map_err(bad)? })
        }
        Kind::RolloutBlock => {
            Object::RolloutBlock(RolloutBlock { metadata, spec: serde_json::from_value(spec).map_err(bad)? })
        }
    })
}
