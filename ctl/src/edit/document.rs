//! A YAML file as text and as a tree, and the way from places in the tree to bytes of the text.

use std::ops::Range;

use serde_json::Value;
use shipper_core::yaml::{self, Entry, Node, Position};

use super::EditError;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// One document.
pub(super) struct Document<'t> {
    text: &'t str,
    root: Node,
    /// Byte offsets of the beginnings of lines.
    lines: Vec<usize>,
}

impl<'t> Document<'t> {
    pub(super) fn read(text: &'t str) -> Result<Self, EditError> {
        let trees = yaml::read_trees(text.as_bytes())?;
        let [root] = <[Node; 1]>::try_from(trees).map_err(|trees| EditError::Shape {
            reason: format!("expected one object, found {}", trees.len()),
        })?;
        if let Some(duplicate) = root.duplicate_keys().into_iter().next() {
            return Err(duplicate.into());
        }
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let document = Self { text, root, lines };
        if document.spec().is_none_or(|spec| spec.entries().is_empty()) {
            return Err(EditError::Shape { reason: "there is no spec".to_owned() });
        }
        Ok(document)
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    pub(super) fn value(&self) -> Value {
        Value::from(&self.root)
    }

    pub(super) fn spec(&self) -> Option<&Node> {
        self.root.get("spec")
    }

    /// An entry of `spec`.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        entry_of(self.spec()?, key)
    }

    /// The mapping at `spec.template`.
    pub(super) fn template(&self) -> Option<&Node> {
        self.spec()?.get("template")
    }

    /// What ends a line in this file.
    pub(super) fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// The byte at a position.
    pub(super) fn offset(&self, at: Position) -> Option<usize> {
        let start = self.line_start(at.line)?;
        // The reader does not count a byte order mark.
        let mark =
            if start == 0 && self.text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
        let line = &self.text[start + mark..];
        let within = line.char_indices().map(|(offset, _)| offset).chain([line.len()]).nth(column)?;
        Some(start + mark + within)
    }

    fn line_start(&self, line: u32) -> Option<usize> {
        self.lines.get(usize::try_from(line).ok()?.checked_sub(1)?).copied()
    }

    /// Whether a mapping is written with braces.
    pub(super) fn is_flow(&self, node: &Node) -> bool {
        self.offset(node.at).is_some_and(|at| self.text[at..].starts_with('{'))
    }

    /// White space before the keys of a mapping in block style.
    pub(super) fn indent(&self, mapping: &Node) -> Option<String> {
        let key = mapping.entries().first()?;
        let before = &self.text[self.line_start(key.key_at.line)?..self.offset(key.key_at)?];
        before.chars().all(|c| c == ' ').then(|| before.to_owned())
    }

    /// The whole lines of an entry of `spec` or of `spec.template`, without comments that belong to what follows; `generous` takes those too,
    /// because in a block of literal text they are no comments.
    pub(super) fn lines_of(&self, entry: &Entry, generous: bool) -> Option<Range<usize>> {
        let start = self.line_start(entry.key_at.line)?;
        let end = self.end_of(entry)?;
        let end = if generous { end } else { start + without_trailing_remarks(&self.text[start..end]) };
        Some(start..end)
    }

    /// Where the last entry of `spec` ends.
    pub(super) fn end_of_spec(&self, generous: bool) -> Option<usize> {
        self.end_within(self.spec()?, generous)
    }

    /// Where the last entry of `spec`, or of `spec.template`, ends.
    pub(super) fn end_within(&self, mapping: &Node, generous: bool) -> Option<usize> {
        let last = mapping.entries().iter().max_by_key(|entry| entry.key_at)?;
        self.lines_of(last, generous).map(|lines| lines.end)
    }

    /// The beginning of the first key after the entry, beside it or behind what it is in, or the end of the document.
    fn end_of(&self, entry: &Entry) -> Option<usize> {
        let spec = self.spec()?;
        let beside = |mapping: &&Node| mapping.entries().iter().any(|other| other.key_at == entry.key_at);
        let template = self.template().filter(beside).map(Node::entries).unwrap_or_default();
        let keys = template.iter().chain(spec.entries()).chain(self.root.entries());
        let next = keys.map(|other| other.key_at).filter(|at| *at > entry.key_at).min();
        match next {
            Some(at) => self.line_start(at.line),
            None => {
                let after =
                    self.lines.iter().filter(|start| **start > self.offset(entry.key_at).unwrap_or(0));
                let marker = after.copied().find(|start| {
                    ["---", "..."].iter().any(|marker| self.text[*start..].starts_with(marker))
                });
                Some(marker.unwrap_or(self.text.len()))
            }
        }
    }

    /// The text with some ranges replaced.
    pub(super) fn with(&self, mut edits: Vec<(Range<usize>, String)>) -> String {
        edits.sort_by_key(|(range, _)| range.start);
        let mut text = String::with_capacity(self.text.len() + 128);
        let mut at = 0;
        for (range, replacement) in edits {
            text.push_str(self.text.get(at..range.start).unwrap_or_default());
            text.push_str(&replacement);
            at = range.end;
        }
        text.push_str(self.text.get(at..).unwrap_or_default());
        text
    }

    /// The text with whole lines put in at a byte that begins a line or ends the text.
    pub(super) fn with_lines(&self, at: usize, lines: &str) -> String {
        let unended = at > 0 && !self.text[..at].ends_with('\n');
        let before = if unended { self.newline() } else { "" };
        self.with(vec![(at..at, format!("{before}{lines}"))])
    }
}

/// An entry of a mapping.
pub(super) fn entry_of<'n>(mapping: &'n Node, key: &str) -> Option<&'n Entry> {
    mapping.entries().iter().find(|entry| entry.key == key)
}

/// Length of the text up to the end of its last line that is neither blank nor a comment.
fn without_trailing_remarks(text: &str) -> usize {
    let mut end = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let content = line.trim();
        if !content.is_empty() && !content.starts_with('#') {
            end = at;
        }
    }
    end
}
