//! The lines of Git's protocol: four hexadecimal digits of length, then the content (`gitprotocol-common(5)`).

use std::fmt::Write as _;
use std::io::{Error, Read, Result};

/// In a band: content.
pub(super) const DATA: u8 = 1;
/// In a band: words for people.
pub(super) const PROGRESS: u8 = 2;
/// Ends a list of lines.
pub(super) const FLUSH: &str = "0000";

/// Adds a line to a request.
pub(super) fn push(lines: &mut String, line: &str) {
    // Writing to a string does not fail.
    let _ = write!(lines, "{:04x}{line}", line.len() + 4);
}

/// The next packet of an answer; `None` at the end of a list.
///
/// # Errors
/// The answer breaks off or is not of this protocol.
pub(super) fn next(answer: &mut impl Read) -> Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    answer.read_exact(&mut length)?;
    let length = std::str::from_utf8(&length).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
    match length {
        Some(0) => Ok(None),
        Some(length @ 4..) => {
            let mut packet = vec![0; length - 4];
            answer.read_exact(&mut packet)?;
            Ok(Some(packet))
        }
        _ => Err(Error::other("the answer is not of Git's protocol")),
    }
}
