//! The application's inventory in the cluster: an ApplySet (KEP-3659), whose parent names the kinds that its members have.

use crate::manifest::ObjectKey;
use crate::{AppKey, hash, labels};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The ApplySet ID of an application (KEP-3659): of its parent, the ConfigMap [`parent_name`] in its namespace.
pub fn applyset_id(app: &AppKey) -> String {
    let parent = format!("{}.{}.ConfigMap.", parent_name(app), app.namespace);
    format!("applyset-{}-v1", base64url(&hash::sha256_hex(parent.as_bytes())))
}

/// The KEP's encoding: base64url of the digest, without padding.
fn base64url(hex: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bytes: Vec<u32> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| u32::from_str_radix(&String::from_utf8_lossy(pair), 16).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0, |bits, (i, byte)| bits | byte << (16 - 8 * i));
        for i in 0..=chunk.len() {
            text.push(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize] as char);
        }
    }
    text
}

/// Name of the ConfigMap that is the ApplySet's parent.
pub fn parent_name(app: &AppKey) -> String {
    format!("shipper-{}", app.name)
}

/// Whether this is the ApplySet's parent.
pub fn is_parent(app: &AppKey, key: &ObjectKey) -> bool {
    key.is("", "ConfigMap") && key.name == parent_name(app)
}

/// The ApplySet's parent: names the kinds that its members have, so that any tool can list them.
pub fn applyset_parent(app: &AppKey, kinds: &BTreeSet<String>) -> Value {
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": parent_name(app),
            "namespace": app.namespace,
            "labels": {
                labels::APPLYSET_ID: applyset_id(app),
                labels::APPLICATION: app.name,
                labels::MANAGED_BY: labels::MANAGER,
            },
            "annotations": {
                labels::APPLYSET_TOOLING: "shipper/v1",
                labels::APPLYSET_KINDS: kinds.join(","),
            },
        },
    })
}

/// How the annotation on the parent names a kind.
pub(super) fn group_kind(key: &ObjectKey) -> String {
    if key.group.is_empty() { key.kind.clone() } else { format!("{}.{}", key.kind, key.group) }
}

/// Adds the marks of the ApplySet and of what was applied.
pub(super) fn complete(mut object: Value, app: &AppKey, digest: &str) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for (field, key, value) in [
            ("labels", labels::APPLYSET_PART_OF, applyset_id(app)),
            ("annotations", labels::APPLIED, digest.to_owned()),
        ] {
            if let Some(map) = metadata.entry(field).or_insert_with(|| json!({})).as_object_mut() {
                map.insert(key.to_owned(), Value::String(value));
            }
        }
    }
    object
}
