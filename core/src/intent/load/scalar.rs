//! Single values: what they must be, and how a wrong one is described to a person.

use super::schema::Shape;
use crate::intent::strategy::duration;
use crate::intent::{MaxFailedClusters, Surge};
use crate::name::is_dns_label;
use crate::yaml::{Data, Node};
use serde::de::DeserializeOwned;
use serde_json::Value;

const LONGEST_SHOWN: usize = 60;

/// What a value is, in words, for "expected …, found …".
pub(super) fn describe(node: &Node) -> String {
    match &node.data {
        Data::Null => "nothing".to_owned(),
        Data::Bool(value) => value.to_string(),
        Data::Number(number) => format!("the number {number}"),
        Data::Text(text) if text.chars().count() > LONGEST_SHOWN => {
            format!("text {:?}…", text.chars().take(LONGEST_SHOWN).collect::<String>())
        }
        Data::Text(text) => format!("text {text:?}"),
        Data::List(_) => "a list".to_owned(),
        Data::Map(_) => "a mapping".to_owned(),
    }
}

/// The value, if it is what `shape` says; else what it should be.
pub(super) fn check(node: &Node, shape: &Shape) -> Result<Value, String> {
    match shape {
        Shape::Text => text(node).map(Value::from),
        Shape::Name => match text(node)? {
            "" => Err("expected text, found empty text".to_owned()),
            text => Ok(Value::from(text)),
        },
        Shape::Label => match text(node)? {
            name if is_dns_label(name) => Ok(Value::from(name)),
            name => Err(not_a_label(name)),
        },
        Shape::Bool => match node.data {
            Data::Bool(value) => Ok(Value::from(value)),
            _ => Err(format!("expected true or false, found {}", describe(node))),
        },
        Shape::Whole(least, most) => whole(node, *least, *most),
        Shape::OneOf(words) => match &node.data {
            Data::Text(text) if words.contains(&text.as_str()) => Ok(Value::from(text.as_str())),
            _ => Err(format!("expected {}, found {}", alternatives(words), describe(node))),
        },
        Shape::Surge => amount::<Surge>(node, "surge is a number of pods or a percentage from 1% to 100%"),
        Shape::MaxFailed => amount::<MaxFailedClusters>(
            node,
            "maxFailedClusters is a number of clusters or a percentage from 0% to 100%",
        ),
        Shape::Duration(positive) => match &node.data {
            Data::Text(text) => match duration::parse(text)? {
                length if *positive && length.is_zero() => Err("must be longer than nothing".to_owned()),
                _ => Ok(Value::from(text.as_str())),
            },
            _ => Err(format!("expected a duration such as 30s, 10m or 1h30m, found {}", describe(node))),
        },
        Shape::Step => step(node),
        Shape::Path => path(text(node)?).map(Value::from),
        Shape::Url => match text(node)? {
            url if ["https://", "http://", "oci://"].iter().any(|scheme| url.starts_with(scheme)) => {
                Ok(Value::from(url))
            }
            url => Err(format!("expected a URL that begins with https://, http:// or oci://, found {url:?}")),
        },
        _ => Ok(Value::from(node)),
    }
}

/// Says why `name` is no DNS label.
pub(super) fn not_a_label(name: &str) -> String {
    format!(
        "{name:?} is not a DNS label: at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit"
    )
}

fn alternatives(words: &[&str]) -> String {
    match words {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => words.concat(),
    }
}

fn text(node: &Node) -> Result<&str, String> {
    match &node.data {
        Data::Text(text) => Ok(text),
        Data::Bool(_) | Data::Number(_) => {
            Err(format!("expected text, found {}; put it in quotes", describe(node)))
        }
        _ => Err(format!("expected text, found {}", describe(node))),
    }
}

fn whole(node: &Node, least: i64, most: i64) -> Result<Value, String> {
    let expected = if most == i64::from(u32::MAX) {
        format!("a whole number of at least {least}")
    } else {
        format!("a whole number from {least} to {most}")
    };
    match &node.data {
        Data::Number(number) => match number.as_i64() {
            Some(value) if (least..=most).contains(&value) => Ok(Value::from(value)),
            _ => Err(format!("expected {expected}, found {number}")),
        },
        _ => Err(format!("expected {expected}, found {}", describe(node))),
    }
}

/// A number or a percentage; `meaning` begins with the field, as its own errors do.
fn amount<T: DeserializeOwned>(node: &Node, meaning: &str) -> Result<Value, String> {
    let field = meaning.split(' ').next().unwrap_or_default();
    let value = Value::from(node);
    match serde_json::from_value::<T>(value.clone()) {
        Ok(_) => Ok(value),
        Err(error)
            if matches!(node.data, Data::Text(_) | Data::Number(_))
                && error.to_string().starts_with(field) =>
        {
            Err(error.to_string())
        }
        Err(_) => Err(format!("{meaning}, found {}", describe(node))),
    }
}

/// Step names are never purely numeric, so text that is a number can only be meant as an index.
fn step(node: &Node) -> Result<Value, String> {
    let index = match &node.data {
        Data::Number(number) => number.as_u64(),
        Data::Text(text) if !text.is_empty() => match text.parse::<u64>() {
            Ok(index) => Some(index),
            Err(_) => return Ok(Value::from(text.as_str())),
        },
        _ => None,
    };
    match index.and_then(|index| u32::try_from(index).ok()) {
        Some(index) => Ok(Value::from(index)),
        None => Err(format!("expected the name of a step, or its index from 0, found {}", describe(node))),
    }
}

/// A path in the repository without what would let one folder be written in several ways, or lead out of it.
fn path(text: &str) -> Result<&str, String> {
    let relative = text.strip_prefix("./").unwrap_or(text);
    let relative = relative.strip_suffix('/').unwrap_or(relative);
    let bad = |part: &str| {
        part.is_empty() || part == "." || part == ".." || part.chars().any(|c| c == '\\' || c.is_control())
    };
    if text.starts_with('/') {
        Err(format!("{text:?} is absolute; a path begins at the root of the repository, without `/`"))
    } else if relative.split('/').any(bad) {
        Err(format!(
            "{text:?} is not a path within the repository: no part may be empty, `.` or `..`, or have a backslash"
        ))
    } else {
        Ok(relative)
    }
}
