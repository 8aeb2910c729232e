//! A picture on a terminal that is drawn anew in place: what did not change stays as it is, so nothing flickers.

use std::io::{Result, Write};

use unicode_width::UnicodeWidthChar;

use super::Gate;

/// The picture.
#[derive(Debug, Default)]
pub struct Screen {
    drawn: bool,
}

const HOME: &str = "\u{1b}[H";
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";
const REST_OF_LINE: &str = "\u{1b}[K";
const REST_OF_SCREEN: &str = "\u{1b}[J";
const RESET: &str = "\u{1b}[0m";

impl Screen {
    /// Draws the picture, as far as it fits on the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, picture: &str, out: &mut Gate<'_>) -> Result<()> {
        let (rows, columns) = size();
        out.own(if self.drawn { HOME } else { CLEAR }.as_bytes())?;
        for line in picture.lines().take(rows.saturating_sub(1).max(1)) {
            // Passed without its end, so that what is left of an older line can be taken away before it.
            write!(out, "{}", clipped(line, columns))?;
            out.flush()?;
            out.own(REST_OF_LINE.as_bytes())?;
            out.own(b"\n")?;
        }
        out.own(REST_OF_SCREEN.as_bytes())?;
        self.drawn = true;
        out.flush()
    }
}

/// Rows and columns of the terminal that is standard output.
fn size() -> (usize, usize) {
    let known = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let known = known.filter(|size| size.ws_row > 0 && size.ws_col > 0);
    known.map_or((usize::MAX, usize::MAX), |size| (size.ws_row.into(), size.ws_col.into()))
}

/// As much of a line as there are columns for: one that goes on in the next row would push the picture off the screen.
pub(super) fn clipped(line: &str, columns: usize) -> String {
    let shown = super::harm::harmless(line, true);
    let (mut text, mut taken, mut colour) = (String::with_capacity(shown.len()), 0, false);
    let mut coloured = false;
    for c in shown.chars() {
        if c == '\u{1b}' {
            (colour, coloured) = (true, true);
        }
        if colour {
            colour = c != 'm';
        } else {
            let width = c.width().unwrap_or(0);
            if taken + width >= columns {
                text.push('…');
                break;
            }
            taken += width;
        }
        text.push(c);
    }
    if coloured {
        text.push_str(RESET);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_goes_on_in_the_next_row() {
        assert_eq!(clipped("abcdef", 4), "abc…");
        assert_eq!(clipped("abc", 4), "abc");
        assert_eq!(clipped("日本語", 4), "日…");
        assert_eq!(clipped("\u{1b}[31mabcdef\u{1b}[0m", 4), "\u{1b}[31mabc…\u{1b}[0m");
        assert_eq!(clipped("\u{1b}[5Aabc", 80), "\\u{1b}[5Aabc");
    }
}
