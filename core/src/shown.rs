//! Text of others as it may be shown, at a terminal, in a browser, in a comment: what acts instead of standing there, or hides, is shown as
//! an escape.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether the character acts, or hides: control characters (C0, DEL, C1), those that turn the direction of writing around, and those
/// that nobody sees.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, fillers of Hangul, a separator of Mongolian.
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}'
            // Directions.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Without any width.
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            // Annotations, and tags that spell text which is not seen.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Where the first character is that acts, or ends a line.
pub fn first_that_acts(text: &str) -> Option<usize> {
    // Most text is plain ASCII, which is passed over faster by its bytes.
    let start = text.bytes().position(|byte| !matches!(byte, b' '..=b'~'))?;
    text[start..].find(acts).map(|at| start + at)
}

/// Adds a character, as an escape if it acts.
pub fn show(c: char, shown: &mut String) {
    if acts(c) {
        let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
    } else {
        shown.push(c);
    }
}

/// For one line: white space becomes a space, and what acts is shown.
pub fn line(text: &str) -> Cow<'_, str> {
    if first_that_acts(text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(with(text.trim_end(), |_| " "))
}

/// For several lines, which stay what they are.
pub fn lines(text: &str) -> Cow<'_, str> {
    if first_that_acts(text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(with(text, |c| if c == '\n' { "\n" } else { "\t" }))
}

/// What acts as an escape, and ends of lines and tabulators as `space` has them.
fn with(text: &str, space: impl Fn(char) -> &'static str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => shown.push_str(space(c)),
            // The end of a line as others write it.
            '\r' if rest.peek() == Some(&'\n') => {}
            c => show(c, &mut shown),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_hides_is_seen() {
        let evil = "a\u{1b}[2J\u{9b}1A\u{7f}\u{202e}b\r\nc\td\u{7}\re";
        assert_eq!(line(evil), "a\\u{1b}[2J\\u{9b}1A\\u{7f}\\u{202e}b c d\\u{7}\\u{d}e");
        assert_eq!(lines(evil), "a\\u{1b}[2J\\u{9b}1A\\u{7f}\\u{202e}b\nc\td\\u{7}\\u{d}e");
        let hidden = "z\u{200b}w\u{2060}\u{feff}\u{ad}\u{e0041}";
        assert_eq!(line(hidden), "z\\u{200b}w\\u{2060}\\u{feff}\\u{ad}\\u{e0041}");
        assert_eq!(lines(hidden), line(hidden));
        assert_eq!(line("pods übrig 日本 ⚠\u{fe0f}"), "pods übrig 日本 ⚠\u{fe0f}");
    }
}
