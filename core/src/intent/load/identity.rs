//! The name an object has: in the file, and by the path of the file.

use super::Kind;
use super::check::Checker;
use super::path::Place;
use super::scalar::not_a_label;
use crate::intent::{API_VERSION, GLOBAL_BLOCKS_NAMESPACE, Metadata, ORIGINAL_API_VERSION};
use crate::name::{MAX_APPLICATION_NAME, is_dns_label};
use crate::yaml::Node;
use serde_json::Value;

/// Whether `apiVersion` and `kind` are those of the path; with `false` nothing else of the file is looked at.
pub(super) fn is_of_kind(checker: &mut Checker<'_>, root: &Node, kind: Kind) -> bool {
    let before = checker.problems.len();
    let versions: &[&str] =
        if kind == Kind::Strategy { &[API_VERSION] } else { &[API_VERSION, ORIGINAL_API_VERSION] };
    let mut expect = |field: &str, accepted: &[&str], advice: &str| {
        let found = root.get(field);
        let at = found.map_or(root.at, |node| node.at);
        match found.and_then(Node::text) {
            Some(text) if accepted.contains(&text) => {}
            Some(text) => checker.error(
                at,
                field,
                format!("expected {}, found {text:?}{advice}", accepted.join(" or ")),
            ),
            None => checker.error(at, field, format!("expected {}{advice}", accepted.join(" or "))),
        }
    };
    expect("apiVersion", versions, "");
    let name = kind.to_string();
    expect("kind", &[&name], &format!("; {} holds nothing else", folder(kind)));
    checker.problems.len() == before
}

/// Whether the object is one of the original Shipper.
pub(super) fn is_original(root: &Node) -> bool {
    root.get("apiVersion").and_then(Node::text) == Some(ORIGINAL_API_VERSION)
}

/// The namespace as far as it can be read, even of a file that is refused otherwise.
pub(super) fn namespace(root: &Node) -> Option<String> {
    let namespace = root.get("metadata")?.get("namespace")?.text()?;
    (namespace != GLOBAL_BLOCKS_NAMESPACE && is_dns_label(namespace)).then(|| namespace.to_owned())
}

/// Checks `metadata` against the path. An Application without a namespace has that of its path.
pub(super) fn metadata(
    checker: &mut Checker<'_>,
    root: &Node,
    checked: &Value,
    place: Place<'_>,
) -> Metadata {
    let node = root.get("metadata");
    if let Some(name) =
        node.and_then(|node| node.get("name")).filter(|name| name.text().is_some_and(|text| !text.is_empty()))
    {
        let text = name.text().unwrap_or_default();
        if !is_dns_label(text) {
            checker.error(name.at, "metadata.name", not_a_label(text));
        } else if text != place.name {
            checker.error(
                name.at,
                "metadata.name",
                format!("{text:?} does not agree with the path, which says {:?}", place.name),
            );
        }
        if place.kind == Kind::Application && text.len() > MAX_APPLICATION_NAME {
            let message = format!(
                "has {} characters; at most {MAX_APPLICATION_NAME}, because release names add to it",
                text.len()
            );
            checker.error(name.at, "metadata.name", message);
        }
    }
    let mut metadata: Metadata = serde_json::from_value(checked["metadata"].clone()).unwrap_or_default();
    let namespace = node.and_then(|node| node.get("namespace"));
    let written = namespace.and_then(Node::text);
    let mut refuse = |message: String| {
        checker.error(namespace.map_or(root.at, |node| node.at), "metadata.namespace", message);
    };
    match (place.kind, written) {
        (Kind::Application, written) => {
            let of_path = place.namespace.unwrap_or_default();
            match written {
                Some(namespace) if namespace != of_path => {
                    refuse(format!("{namespace:?} does not agree with the path, which says {of_path:?}"));
                }
                _ if !is_dns_label(of_path) => refuse(format!("the path says {}", not_a_label(of_path))),
                _ => metadata.namespace = Some(of_path.to_owned()),
            }
        }
        (Kind::RolloutBlock, Some(GLOBAL_BLOCKS_NAMESPACE)) => metadata.namespace = None,
        (Kind::RolloutBlock, Some(namespace)) if !is_dns_label(namespace) => refuse(not_a_label(namespace)),
        (kind @ (Kind::Cluster | Kind::Strategy), Some(_)) => {
            refuse(format!("a {kind} belongs to the whole fleet and has no namespace"));
        }
        _ => {}
    }
    metadata
}

fn folder(kind: Kind) -> &'static str {
    match kind {
        Kind::Application => "applications/",
        Kind::Strategy => "strategies/",
        Kind::Cluster => "clusters/",
        Kind::RolloutBlock => "blocks/",
    }
}
