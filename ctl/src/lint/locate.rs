//! Where a field stands in a file.

use shipper_core::intent::{Problem, Severity};
use shipper_core::yaml::{Node, Position, read_trees};

use super::File;

/// A key, or the index of an item.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Of a mapping.
    Key(&'static str),
    /// Of a sequence.
    Item(usize),
}

/// A problem of a field, with line and column where the field is written.
pub(super) fn problem(file: &File, severity: Severity, parts: &[Part], message: String) -> Problem {
    let position = position(&file.bytes, parts);
    Problem {
        severity,
        file: file.path.clone(),
        line: position.map(|at| at.line),
        column: position.map(|at| at.column),
        field: Some(shown(parts)),
        message,
    }
}

fn shown(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Key(key) if text.is_empty() => text.push_str(key),
            Part::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Part::Item(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn position(bytes: &[u8], parts: &[Part]) -> Option<Position> {
    let trees = read_trees(bytes).ok()?;
    let mut node: &Node = trees.first()?;
    for part in parts {
        node = match part {
            Part::Key(key) => node.get(key)?,
            Part::Item(index) => node.items().get(*index)?,
        };
    }
    Some(node.at)
}
