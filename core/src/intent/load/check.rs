//! Walks a located tree along the schema: unknown and missing fields, wrong types, repeated items.

use super::schema::{Field, Repeats, Shape};
use super::{Problem, Severity, nearest, scalar};
use crate::yaml::{Data, Node, Position};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Collects what is wrong with one file.
pub(super) struct Checker<'a> {
    file: &'a str,
    /// Whether the object is one of the original Shipper, which accepted more.
    pub(super) original: bool,
    /// All fields of the kind, to tell where a misplaced one belongs.
    pub(super) root: &'static [Field],
    pub(super) problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(file: &'a str, original: bool, root: &'static [Field]) -> Self {
        Self { file, original, root, problems: Vec::new() }
    }

    pub(super) fn error(&mut self, at: Position, field: &str, message: impl Into<String>) {
        self.add(Severity::Error, at, field, message);
    }

    pub(super) fn warn(&mut self, at: Position, field: &str, message: impl Into<String>) {
        self.add(Severity::Warning, at, field, message);
    }

    /// An error here, and a warning in an object of the original, which accepted it.
    pub(super) fn error_here(&mut self, at: Position, field: &str, message: impl Into<String>) {
        self.add(if self.original { Severity::Warning } else { Severity::Error }, at, field, message);
    }

    pub(super) fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    fn add(&mut self, severity: Severity, at: Position, field: &str, message: impl Into<String>) {
        let problem = Problem {
            severity,
            field: (!field.is_empty()).then(|| field.to_owned()),
            ..Problem::of_file(self.file, message)
        };
        self.problems.push(problem.at(Some(at)));
    }

    /// Checks a mapping against its fields. What comes back has only those, without nulls.
    pub(super) fn record(&mut self, node: &Node, fields: &'static [Field], path: &str) -> Value {
        let Data::Map(entries) = &node.data else {
            self.error(node.at, path, format!("expected a mapping, found {}", scalar::describe(node)));
            return Value::Null;
        };
        let mut checked = Map::new();
        for entry in entries {
            let inner = join(path, &entry.key);
            match fields.iter().find(|field| field.name == entry.key) {
                None => {
                    let message = nearest::unknown_field(&entry.key, fields, self.root);
                    self.error(entry.key_at, &inner, message);
                }
                Some(Field { shape: Shape::Dropped, .. }) => {}
                Some(field) if entry.value.is_null() && !field.required => {}
                Some(field) if entry.value.is_null() => {
                    self.error(entry.value.at, &inner, format!("is empty; `{}` is required", field.name));
                }
                Some(field) => {
                    let value = self.value(&entry.value, &field.shape, &inner);
                    checked.insert(entry.key.clone(), value);
                }
            }
        }
        for field in fields.iter().filter(|field| field.required) {
            if !entries.iter().any(|entry| entry.key == field.name) {
                self.error(node.at, &join(path, field.name), "is required and missing");
            }
        }
        Value::Object(checked)
    }

    fn value(&mut self, node: &Node, shape: &Shape, path: &str) -> Value {
        match shape {
            Shape::Record(fields) => self.record(node, fields, path),
            Shape::List(item, repeats) => self.list(node, item, *repeats, path),
            Shape::TextMap => self.text_map(node, path),
            Shape::Values => {
                if !matches!(node.data, Data::Map(_)) {
                    self.error(
                        node.at,
                        path,
                        format!("expected a mapping, found {}", scalar::describe(node)),
                    );
                }
                Value::from(node)
            }
            Shape::History => self.history(node, path),
            scalar_shape => match scalar::check(node, scalar_shape) {
                Ok(value) => value,
                Err(message) => {
                    self.error(node.at, path, message);
                    Value::Null
                }
            },
        }
    }

    fn list(&mut self, node: &Node, item: &Shape, repeats: Repeats, path: &str) -> Value {
        let Data::List(items) = &node.data else {
            self.error(node.at, path, format!("expected a list, found {}", scalar::describe(node)));
            return Value::Null;
        };
        let mut checked = Vec::with_capacity(items.len());
        let mut first = HashMap::new();
        for (index, inner) in items.iter().enumerate() {
            let inner_path = format!("{path}[{index}]");
            checked.push(self.value(inner, item, &inner_path));
            let (name, name_path) = match inner.get("name") {
                Some(name) => (name, join(&inner_path, "name")),
                None => (inner, inner_path),
            };
            let Some(text) = name.text().filter(|_| repeats != Repeats::Allowed) else { continue };
            match first.get(text) {
                Some(line) => {
                    let message = format!("{text:?} is listed twice, first on line {line}");
                    if repeats == Repeats::Refused {
                        self.error(name.at, &name_path, message);
                    } else {
                        self.error_here(name.at, &name_path, message);
                    }
                }
                None => {
                    first.insert(text, name.at.line);
                }
            }
        }
        Value::Array(checked)
    }

    fn text_map(&mut self, node: &Node, path: &str) -> Value {
        let Data::Map(entries) = &node.data else {
            self.error(
                node.at,
                path,
                format!("expected a mapping of text to text, found {}", scalar::describe(node)),
            );
            return Value::Null;
        };
        let mut checked = Map::new();
        for entry in entries {
            let value = self.value(&entry.value, &Shape::Text, &join(path, &entry.key));
            checked.insert(entry.key.clone(), value);
        }
        Value::Object(checked)
    }

    /// The original brings a limit into the range without a word, so its objects are read the same way, with one.
    fn history(&mut self, node: &Node, path: &str) -> Value {
        const RANGE: Shape = Shape::Whole(1, 1000);
        match (scalar::check(node, &RANGE), &node.data) {
            (Ok(value), _) => value,
            (Err(message), Data::Number(number)) if self.original => {
                let kept = if number.as_f64().is_some_and(|number| number < 1.0) { 1 } else { 1000 };
                self.warn(node.at, path, format!("{message}; {kept} is used, as the original did"));
                Value::from(kept)
            }
            (Err(message), _) => {
                self.error(node.at, path, message);
                Value::Null
            }
        }
    }
}

/// `path.key`, with the key in quotes where it has dots of its own.
pub(super) fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains(['.', '/'])) {
        (true, false) => key.to_owned(),
        (true, true) => format!("[{key:?}]"),
        (false, false) => format!("{path}.{key}"),
        (false, true) => format!("{path}[{key:?}]"),
    }
}
