//! What reaches the terminal: text of others made harmless, colours that vanish where nobody sees them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write;

use anstyle::{AnsiColor, Style};

/// For what needs attention.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// For what is waited for.
pub const BUSY: Style = AnsiColor::Yellow.on_default();
/// For what is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// For names and titles.
pub const STRONG: Style = Style::new().bold();
/// For what matters less.
pub const FAINT: Style = Style::new().dimmed();

/// Where a command writes. Standard output and error in the program, buffers in tests.
pub struct Terminal<'a> {
    /// Results.
    pub out: &'a mut dyn Write,
    /// Remarks and errors.
    pub err: &'a mut dyn Write,
    /// Columns of the terminal; `None` = not a terminal, lines may be as long as they like.
    pub width: Option<u16>,
}

impl std::fmt::Debug for Terminal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("width", &self.width).finish_non_exhaustive()
    }
}

/// A picture on a terminal that is drawn anew in place: what did not change stays as it is, so nothing flickers.
#[derive(Debug, Default)]
pub struct Screen {
    drawn: bool,
}

impl Screen {
    /// Draws the picture, as far as it fits on the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, picture: &str, out: &mut dyn Write) -> std::io::Result<()> {
        let lines = height().map_or(usize::MAX, |rows| usize::from(rows).saturating_sub(1).max(1));
        let mut text = String::with_capacity(picture.len() + 64);
        text.push_str(if self.drawn { HOME } else { CLEAR });
        for line in picture.lines().take(lines) {
            text.push_str(line);
            text.push_str(REST_OF_LINE);
            text.push('\n');
        }
        text.push_str(REST_OF_SCREEN);
        self.drawn = true;
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

const HOME: &str = "\u{1b}[H";
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";
const REST_OF_LINE: &str = "\u{1b}[K";
const REST_OF_SCREEN: &str = "\u{1b}[J";

/// Rows of the terminal that is standard output.
fn height() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(size.ws_row).filter(|rows| *rows > 0)
}

/// Whether the character does something to a terminal instead of standing in it: control characters (C0, DEL, C1) and those
/// that turn the direction of writing around.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Text of others for one line: white space becomes a space, and whatever could move the cursor, change colours or
/// hide text is shown as an escape instead of being obeyed.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' | '\t' => shown.push(' '),
            '\r' => {}
            c if acts(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The same JSON with everything escaped that acts on a terminal; JSON itself leaves DEL and C1 as they are.
pub fn plain_json(json: &str) -> Cow<'_, str> {
    let harmful = |c: char| acts(c) && c != '\n';
    if !json.chars().any(harmful) {
        return Cow::Borrowed(json);
    }
    let escape = |c: char| if harmful(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(json.chars().map(escape).collect())
}

/// Text of others in a style.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", plain(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor_or_hides_text() {
        let evil = "a\u{1b}[2J\u{9b}1A\u{7f}\u{202e}b\r\nc\td\u{7}";
        assert_eq!(plain(evil), "a\\u{1b}[2J\\u{9b}1A\\u{7f}\\u{202e}b c d\\u{7}");
        assert_eq!(plain("pods übrig 日本"), "pods übrig 日本");
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let value = serde_json::json!({"message": "a\u{1b}[2J\u{9b}\u{7f}\u{202e}"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let safe = plain_json(&text);
        assert!(!safe.chars().any(|c| acts(c) && c != '\n'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
