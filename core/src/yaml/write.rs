//! Writing: deterministic, and quoted wherever any reader could take text for something else.

use super::Error;
use crate::intent::API_VERSION;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use serde_saphyr::{DoubleQuoted, SerializerOptions};

/// A stream of documents, separated by `---`.
///
/// # Errors
/// Never for a [`Value`], which YAML can always hold; the library's signature allows it.
pub fn write_documents(documents: &[Value]) -> Result<Vec<u8>, Error> {
    write_documents_quoting(documents, |_| false)
}

/// The same with some text in double quotes, where every character can be written as an escape: that of which `quoted` says so.
///
/// # Errors
/// As [`write_documents`].
pub fn write_documents_quoting(documents: &[Value], quoted: fn(&str) -> bool) -> Result<Vec<u8>, Error> {
    let documents: Vec<Portable<'_>> = documents.iter().map(|value| Portable { value, quoted }).collect();
    serde_saphyr::to_string_multiple_with_options(&documents, options())
        .map(String::into_bytes)
        .map_err(|error| Error::Write { kind: "documents".to_owned(), message: error.to_string() })
}

/// One object: `apiVersion`, `kind`, then the fields of `object` in the order they are declared.
/// Equal objects give equal bytes.
///
/// # Errors
/// When `object` is not a struct or map with string keys.
pub fn write_object<T: Serialize>(kind: &str, object: &T) -> Result<Vec<u8>, Error> {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed<'a, T> {
        api_version: &'static str,
        kind: &'a str,
        #[serde(flatten)]
        object: &'a T,
    }
    serde_saphyr::to_string_with_options(&Typed { api_version: API_VERSION, kind, object }, options())
        .map(String::into_bytes)
        .map_err(|error| Error::Write { kind: kind.to_owned(), message: error.to_string() })
}

/// Text of several lines as a literal block, so that a changed line is a changed line in `git diff`; long lines are never folded.
fn options() -> SerializerOptions {
    serde_saphyr::ser_options! {
        prefer_block_scalars: true,
        folded_wrap_chars: usize::MAX,
    }
}

/// A value whose text every common reader takes back: `kubectl` and Flux refuse a literal block that begins with a tab.
struct Portable<'a> {
    value: &'a Value,
    quoted: fn(&str) -> bool,
}

impl<'a> Portable<'a> {
    fn of(&self, value: &'a Value) -> Self {
        Self { value, quoted: self.quoted }
    }
}

impl Serialize for Portable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::String(text) if text.trim_start_matches('\n').starts_with('\t') || (self.quoted)(text) => {
                DoubleQuoted(text.as_str()).serialize(serializer)
            }
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| sequence.serialize_element(&self.of(item)))?;
                sequence.end()
            }
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    if (self.quoted)(key) {
                        map.serialize_entry(&DoubleQuoted(key.as_str()), &self.of(value))?;
                    } else {
                        map.serialize_entry(key, &self.of(value))?;
                    }
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}
