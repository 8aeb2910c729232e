//! A YAML document with the place of every key and value, before it means anything.

use super::{Error, Position};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;
use std::collections::HashMap;
use std::fmt;

/// A value and where it stands. An alias stands where it is used.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub data: Data,
}

/// The value of a [`Node`].
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, and in YAML 1.1 also `yes`, `on`, `y`.
    Bool(bool),
    /// An integer, or a float that is not whole.
    Number(Number),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file; duplicate keys are still there.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, as text.
    pub key: String,
    /// Where the key stands.
    pub key_at: Position,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value of `key`, where this is a mapping that has it; the last one of duplicates.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().rev().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; nothing for anything else.
    pub fn entries(&self) -> &[Entry] {
        if let Data::Map(entries) = &self.data { entries } else { &[] }
    }

    /// The items of a sequence; nothing for anything else.
    pub fn items(&self) -> &[Self] {
        if let Data::List(items) = &self.data { items } else { &[] }
    }

    /// The text, where it is text.
    pub fn text(&self) -> Option<&str> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// Every duplicate key below, each an [`Error::DuplicateKey`], in the order of the file.
    pub fn duplicate_keys(&self) -> Vec<Error> {
        let mut found = Vec::new();
        self.find_duplicates(&mut Vec::new(), &mut found);
        found
    }

    fn find_duplicates<'a>(&'a self, path: &mut Vec<Step<'a>>, found: &mut Vec<Error>) {
        let mut first = HashMap::with_capacity(self.entries().len());
        for entry in self.entries() {
            path.push(Step::Key(&entry.key));
            if let Some(first) = first.get(entry.key.as_str()).copied() {
                let key = entry.key.clone();
                found.push(Error::DuplicateKey { key, path: written(path), first, position: entry.key_at });
            } else {
                first.insert(entry.key.as_str(), entry.key_at);
            }
            entry.value.find_duplicates(path, found);
            path.pop();
        }
        for (index, item) in self.items().iter().enumerate() {
            path.push(Step::Item(index));
            item.find_duplicates(path, found);
            path.pop();
        }
    }
}

/// One step of a path, spelled out only when there is something to say.
enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

fn written(path: &[Step<'_>]) -> String {
    path.iter().fold(String::new(), |written, step| match step {
        Step::Key(key) if written.is_empty() => (*key).to_owned(),
        Step::Key(key) => format!("{written}.{key}"),
        Step::Item(index) => format!("{written}[{index}]"),
    })
}

impl From<&Node> for Value {
    fn from(node: &Node) -> Self {
        match &node.data {
            Data::Null => Self::Null,
            Data::Bool(value) => Self::Bool(*value),
            Data::Number(number) => Self::Number(number.clone()),
            Data::Text(text) => Self::String(text.clone()),
            Data::List(items) => Self::Array(items.iter().map(Self::from).collect()),
            Data::Map(entries) => Self::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), Self::from(&entry.value)))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

/// A float as JSON sees it: whole ones are integers, because that is what `kubectl` sends for `1e3` and `2.0`,
/// and because integer fields of Kubernetes refuse anything else. 2^53 is where floats stop being exact.
fn number(float: f64) -> Option<Number> {
    if float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 {
        Some(Number::from(float as i64))
    } else {
        Number::from_f64(float)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Data>::deserialize(deserializer)?;
        Ok(Self { at: Position::of_location(spanned.referenced).unwrap_or_default(), data: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_none<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        Data::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Data, E> {
        number(value).map(Data::Number).ok_or_else(|| E::custom(format!("{value} is not a finite number")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Data, E> {
        Ok(Data::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Data, E> {
        Ok(Data::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Data, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Data::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Data, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = mapping.next_key::<Spanned<String>>()? {
            if entries.len() >= super::MAX_NODES {
                return Err(A::Error::custom("a mapping with too many keys"));
            }
            let key_at = Position::of_location(key.referenced).unwrap_or_default();
            entries.push(Entry { key: key.value, key_at, value: mapping.next_value()? });
        }
        Ok(Data::Map(entries))
    }
}
