//! A set of field paths as a tree, in the `FieldsV1` notation.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Field or map key.
    Field(String),
    /// Item of an associative list: its key fields as canonical JSON.
    Key(String),
    /// Item of a set: its value as JSON.
    Value(String),
}

impl Step {
    fn encode(&self) -> String {
        match self {
            Self::Field(f) => format!("f:{f}"),
            Self::Key(k) => format!("k:{k}"),
            Self::Value(v) => format!("v:{v}"),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let rest = rest.to_owned();
        match kind {
            "f" => Some(Self::Field(rest)),
            "k" => Some(Self::Key(rest)),
            "v" => Some(Self::Value(rest)),
            _ => None,
        }
    }

    /// How conflicts print it: `.field`, `[name="a"]`, `["value"]`.
    fn describe(&self) -> String {
        match self {
            Self::Field(f) => format!(".{f}"),
            Self::Key(k) => {
                let map: Map<String, Value> = serde_json::from_str(k).unwrap_or_default();
                let parts: Vec<String> = map.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("[{}]", parts.join(","))
            }
            Self::Value(v) => format!("[={v}]"),
        }
    }
}

/// A node of the tree; `member` says that the path ending here is in the set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FieldSet {
    pub(crate) member: bool,
    pub(crate) children: BTreeMap<Step, FieldSet>,
}

impl FieldSet {
    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    pub(crate) fn insert(&mut self, step: Step, child: Self) {
        if !child.is_empty() {
            self.children.insert(step, child);
        }
    }

    pub(crate) fn from_json(value: &Value) -> Self {
        let mut set = Self::default();
        for (key, child) in value.as_object().into_iter().flatten() {
            if key == "." {
                set.member = true;
                continue;
            }
            if let Some(step) = Step::decode(key) {
                let mut inner = Self::from_json(child);
                if child.as_object().is_some_and(Map::is_empty) {
                    inner.member = true;
                }
                set.children.insert(step, inner);
            }
        }
        set
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut map = Map::new();
        if self.member && !self.children.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (step, child) in &self.children {
            map.insert(step.encode(), child.to_json());
        }
        Value::Object(map)
    }

    pub(crate) fn union(&mut self, other: &Self) {
        self.member |= other.member;
        for (step, child) in &other.children {
            self.children.entry(step.clone()).or_default().union(child);
        }
    }

    /// Members of both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut out = Self { member: self.member && other.member, children: BTreeMap::new() };
        for (step, child) in &self.children {
            if let Some(theirs) = other.children.get(step) {
                out.insert(step.clone(), child.intersection(theirs));
            }
        }
        out
    }

    /// Members of this one that the other does not have.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut out = Self { member: self.member && !other.member, children: BTreeMap::new() };
        for (step, child) in &self.children {
            match other.children.get(step) {
                Some(theirs) => out.insert(step.clone(), child.difference(theirs)),
                None => out.insert(step.clone(), child.clone()),
            }
        }
        out
    }

    /// Every member path in print, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect(&mut String::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut String, out: &mut Vec<String>) {
        if self.member && !prefix.is_empty() {
            out.push(prefix.clone());
        }
        for (step, child) in &self.children {
            let length = prefix.len();
            prefix.push_str(&step.describe());
            child.collect(prefix, out);
            prefix.truncate(length);
        }
    }

    pub(crate) fn remove_path(&mut self, path: &[&str]) {
        let Some((first, rest)) = path.split_first() else { return };
        let step = Step::Field((*first).to_owned());
        if rest.is_empty() {
            self.children.remove(&step);
        } else if let Some(child) = self.children.get_mut(&step) {
            child.remove_path(rest);
            if child.is_empty() {
                self.children.remove(&step);
            }
        }
    }

    /// Keeps only the part below one top-level field.
    pub(crate) fn only(&self, field: &str) -> Self {
        let step = Step::Field(field.to_owned());
        let mut out = Self::default();
        if let Some(child) = self.children.get(&step) {
            out.insert(step, child.clone());
        }
        out
    }
}
