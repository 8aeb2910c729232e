//! An operation of the document: its path, its parameters, its answers.

use serde_json::Value;

/// An operation.
pub(crate) struct Operation<'a> {
    pub(crate) path: &'a str,
    /// In small letters.
    pub(crate) method: &'a str,
    pub(crate) id: &'a str,
    pub(crate) operation: &'a Value,
}

impl<'a> Operation<'a> {
    /// Those of a path.
    pub(crate) fn all(path: &'a str, item: &'a Value) -> impl Iterator<Item = Self> {
        item.as_object().into_iter().flatten().map(move |(method, operation)| {
            let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
            Self { path, method, id, operation }
        })
    }

    /// Whether a request is for it.
    pub(crate) fn is_at(&self, method: &str, path: &str) -> bool {
        let method = if method == "HEAD" { "GET" } else { method };
        let same = |(described, given): (&str, &str)| name(described).is_some() || described == given;
        self.method.eq_ignore_ascii_case(method)
            && self.path.split('/').count() == path.split('/').count()
            && self.path.split('/').zip(path.split('/')).all(same)
    }

    /// How many parts of its path are names: who is at fewer is meant.
    pub(crate) fn names(&self) -> usize {
        self.path.split('/').filter_map(name).count()
    }

    /// The named parts of a path.
    pub(crate) fn parts<'p>(&self, path: &'p str) -> impl Iterator<Item = (&'a str, &'p str)> + use<'a, 'p> {
        self.path
            .split('/')
            .zip(path.split('/'))
            .filter_map(|(described, given)| Some((name(described)?, given)))
    }

    /// The parameter of that name in the path or the query.
    pub(crate) fn parameter(&self, place: &str, name: &str) -> Option<&'a Value> {
        let is = |parameter: &&Value, key: &str, value: &str| {
            parameter.get(key).and_then(Value::as_str) == Some(value)
        };
        let parameters = self.operation.get("parameters")?.as_array()?;
        parameters.iter().find(|parameter| is(parameter, "in", place) && is(parameter, "name", name))
    }

    /// Its answers by their status.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        let answers = self.operation.get("responses").and_then(Value::as_object);
        answers.into_iter().flatten().map(|(status, answer)| (status.as_str(), answer))
    }

    /// Its answer of this status.
    pub(crate) fn answer(&self, status: &str) -> Option<&'a Value> {
        self.operation.get("responses")?.get(status)
    }
}

/// `{name}`.
fn name(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}
