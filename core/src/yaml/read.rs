//! Reading: bounded, strict where YAML is ambiguous, and with the scalars of `kubectl`.

use super::error::{Error, Position, from_library};
use super::tree::Node;
use crate::intent::API_VERSION;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy, Options};

/// Largest stream that is read, in bytes. Rendered charts reach a few MiB; a single file people write has a limit of its own.
pub const MAX_STREAM_BYTES: usize = 32 << 20;
/// Deepest nesting of mappings and sequences.
pub const MAX_DEPTH: usize = 64;
/// Most documents in one stream.
pub const MAX_DOCUMENTS: usize = 10_000;
/// Most mappings, sequences and scalars in one stream.
pub const MAX_NODES: usize = 2_000_000;
/// Most nodes that aliases may repeat: what makes an alias bomb harmless.
pub const MAX_ALIASED_NODES: usize = 100_000;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// All documents of a stream that are not empty, as JSON.
///
/// # Errors
/// When it is no UTF-8 or no YAML, has duplicate keys, or exceeds a limit of this module.
pub fn read_documents(bytes: &[u8]) -> Result<Vec<Value>, Error> {
    let trees = read_trees(bytes)?;
    match trees.iter().flat_map(Node::duplicate_keys).next() {
        Some(duplicate) => Err(duplicate),
        None => Ok(trees.iter().map(Value::from).collect()),
    }
}

/// All documents of a stream that are not empty, with the place of every key and value. Duplicate keys are kept
/// for [`Node::duplicate_keys`] to find, so that all of them can be told at once.
///
/// # Errors
/// When it is no UTF-8 or no YAML, or exceeds a limit of this module.
pub fn read_trees(bytes: &[u8]) -> Result<Vec<Node>, Error> {
    if bytes.len() > MAX_STREAM_BYTES {
        return Err(Error::TooLarge { bytes: bytes.len(), limit: MAX_STREAM_BYTES });
    }
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Error::Nul { position: Position::of_byte(bytes, offset) });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::NotUtf8 { position: Position::of_byte(bytes, error.valid_up_to()) })?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| from_library(&error))
}

/// Reads one object written by [`write_object`](super::write_object). Fields that `T` does not know are ignored.
///
/// # Errors
/// When there is not exactly one document, it is of another `kind` or `apiVersion`, or does not fit `T`.
pub fn read_object<T: DeserializeOwned>(kind: &str, bytes: &[u8]) -> Result<T, Error> {
    let [mut document] = <[Value; 1]>::try_from(read_documents(bytes)?)
        .map_err(|documents| Error::NotOneDocument { found: documents.len() })?;
    let field = |name| document.get(name).and_then(Value::as_str).unwrap_or("nothing");
    let (found_version, found_kind) = (field("apiVersion"), field("kind"));
    if found_version != API_VERSION || found_kind != kind {
        return Err(Error::WrongKind {
            expected: format!("{API_VERSION} {kind}"),
            found: format!("{found_version} {found_kind}"),
        });
    }
    if let Value::Object(fields) = &mut document {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    serde_json::from_value(document)
        .map_err(|error| Error::Shape { kind: kind.to_owned(), message: error.to_string() })
}

fn options() -> Options {
    let budget = serde_saphyr::budget! {
        max_depth: MAX_DEPTH,
        // Above `max_depth`, so that one limit, with one message, holds for both styles.
        flow_nesting_limit: 2 * MAX_DEPTH,
        max_documents: MAX_DOCUMENTS,
        max_nodes: MAX_NODES,
        max_events: 2 * MAX_NODES,
        max_aliases: MAX_ALIASED_NODES,
        max_anchors: MAX_ALIASED_NODES,
        max_merge_keys: MAX_ALIASED_NODES,
        max_total_scalar_bytes: MAX_STREAM_BYTES,
        // An anchor used a hundred times is ordinary in large manifests; the replayed nodes are what is bounded.
        enforce_alias_anchor_ratio: false,
    };
    serde_saphyr::options! {
        budget: budget,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Merge,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIASED_NODES,
            max_replay_stack_depth: MAX_DEPTH,
            max_alias_expansions_per_anchor: MAX_ALIASED_NODES,
        },
        legacy_octal_numbers: true,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        with_snippet: false,
        emit_comments: false,
    }
}
