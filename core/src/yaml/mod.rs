//! YAML, read the way `kubectl` reads it and written so that everyone reads it the same.
//!
//! This is the only module that knows the YAML library (docs/adr/0001-yaml.md). Input is untrusted: size, nesting,
//! aliases and documents are bounded, and whatever is ambiguous is refused with its line and column, never guessed.

mod error;
mod read;
mod tree;
mod write;

#[cfg(test)]
mod tests;

pub use error::{Error, Position};
pub use read::{MAX_ALIASED_NODES, MAX_DEPTH, MAX_DOCUMENTS, MAX_NODES, MAX_STREAM_BYTES};
pub use read::{read_documents, read_object, read_trees};
pub use tree::{Data, Entry, Node};
pub use write::{write_documents, write_documents_quoting, write_object};
