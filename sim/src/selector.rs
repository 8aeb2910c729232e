//! Label and field selectors, as query parameters and as `LabelSelector` objects.

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::object;

#[derive(Debug, Clone, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Absent,
}

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

/// A label selector; the default selects everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut rest = text.trim();
        let mut all = Vec::new();
        while !rest.is_empty() {
            let end = clause_end(rest);
            all.push(
                parse_clause(rest[..end].trim())
                    .ok_or_else(|| ApiError::bad_request(format!("unable to parse requirement: {text:?}")))?,
            );
            rest = rest[end..].trim_start_matches(',').trim();
        }
        Ok(Self(all))
    }

    /// From `matchLabels` and `matchExpressions`; absent or empty selects everything.
    pub fn from_object(selector: &Value) -> Self {
        let mut all = Vec::new();
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            all.push(equals(key, value));
        }
        for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
            let operator = match expression["operator"].as_str() {
                Some("NotIn") => Operator::NotIn,
                Some("Exists") => Operator::Exists,
                Some("DoesNotExist") => Operator::Absent,
                _ => Operator::In,
            };
            let values = expression["values"].as_array().into_iter().flatten();
            all.push(Requirement {
                key: expression["key"].as_str().unwrap_or_default().to_owned(),
                operator,
                values: values.filter_map(Value::as_str).map(str::to_owned).collect(),
            });
        }
        Self(all)
    }

    /// From a plain map as in `Service.spec.selector`.
    pub fn from_map(map: &Map<String, Value>) -> Self {
        Self(map.iter().map(|(key, value)| equals(key, value)).collect())
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the labels satisfy every requirement.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.0.iter().all(|r| {
            let value = labels.and_then(|l| l.get(&r.key)).and_then(Value::as_str);
            match r.operator {
                Operator::In => value.is_some_and(|v| r.values.iter().any(|x| x == v)),
                Operator::NotIn => value.is_none_or(|v| r.values.iter().all(|x| x != v)),
                Operator::Exists => value.is_some(),
                Operator::Absent => value.is_none(),
            }
        })
    }
}

fn equals(key: &str, value: &Value) -> Requirement {
    let value = value.as_str().unwrap_or_default().to_owned();
    Requirement { key: key.to_owned(), operator: Operator::In, values: vec![value] }
}

fn clause_end(text: &str) -> usize {
    let mut depth = 0;
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => return index,
            _ => {}
        }
    }
    text.len()
}

fn parse_clause(clause: &str) -> Option<Requirement> {
    let make = |key: &str, operator, values: Vec<String>| {
        let key = key.trim();
        let word =
            |text: &str, more: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
        let valid = !key.is_empty() && word(key, "-_./") && values.iter().all(|v| word(v, "-_."));
        valid.then(|| Requirement { key: key.to_owned(), operator, values })
    };
    if let Some(inner) = clause.strip_suffix(')') {
        let (head, list) = inner.split_once('(')?;
        let (key, word) = head.trim().rsplit_once(char::is_whitespace)?;
        let operator = match word {
            "in" => Operator::In,
            "notin" => Operator::NotIn,
            _ => return None,
        };
        return make(key, operator, list.split(',').map(|v| v.trim().to_owned()).collect());
    }
    if let Some(key) = clause.strip_prefix('!') {
        return make(key, Operator::Absent, Vec::new());
    }
    for (sign, operator) in [("!=", Operator::NotIn), ("==", Operator::In), ("=", Operator::In)] {
        if let Some((key, value)) = clause.split_once(sign) {
            return make(key, operator, vec![value.trim().to_owned()]);
        }
    }
    make(clause, Operator::Exists, Vec::new())
}

/// A field selector: pairs of field path, value, and whether they must be equal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FieldSelector(Vec<(String, String, bool)>);

const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "status.phase",
    "spec.nodeName",
    "involvedObject.name",
    "involvedObject.kind",
    "involvedObject.uid",
    "type",
];

impl FieldSelector {
    /// Parses `metadata.name=x,status.phase!=Running`.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut all = Vec::new();
        for clause in text.split(',').filter(|c| !c.trim().is_empty()) {
            let (field, value, equal) = if let Some((f, v)) = clause.split_once("!=") {
                (f, v, false)
            } else if let Some((f, v)) = clause.split_once("==").or_else(|| clause.split_once('=')) {
                (f, v, true)
            } else {
                return Err(ApiError::bad_request(format!("invalid selector: '{clause}'; can't understand")));
            };
            if !FIELDS.contains(&field.trim()) {
                return Err(ApiError::bad_request(format!("field label not supported: {field}")));
            }
            all.push((format!("/{}", field.trim().replace('.', "/")), value.trim().to_owned(), equal));
        }
        Ok(Self(all))
    }

    /// Whether the object has the wanted values.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(pointer, value, equal)| (object::text(object, pointer) == value) == *equal)
    }
}
