//! A picture on a terminal that is drawn anew in place: what did not change stays as it is, so nothing flickers.

use std::io::{Result, Write};

use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
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
/// Columns by which a line that goes on is indented more than it began.
const HANGING: usize = 2;

impl Screen {
    /// Whether the whole picture fits on the terminal.
    pub fn fits(&self, picture: &str) -> bool {
        let (rows, columns) = size();
        laid(picture, (rows, columns)).1 == 0
    }

    /// Draws the picture. What does not fit on the terminal is left out at its end, and the last line says so.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, picture: &str, out: &mut Gate<'_>) -> Result<()> {
        let (rows, columns) = size();
        let (lines, left) = laid(picture, (rows, columns));
        out.own(if self.drawn { HOME } else { CLEAR }.as_bytes())?;
        for rows in &lines {
            // Passed without its end, so that what is left of an older line can be taken away before it.
            write!(out, "{}", joined(rows, columns))?;
            out.flush()?;
            // Where the row is full the cursor stands on its last character, and nothing is left of an older one.
            if rows.last().is_none_or(|last| display_width(last) < columns) {
                out.own(REST_OF_LINE.as_bytes())?;
            }
            out.own(b"\n")?;
        }
        if left > 0 {
            let more = if left == 1 { "line does" } else { "lines do" };
            write!(
                out,
                "{}",
                clipped(&format!("… {left} more {more} not fit; make the window larger"), columns)
            )?;
            out.flush()?;
            out.own(REST_OF_LINE.as_bytes())?;
            out.own(b"\n")?;
        }
        out.own(REST_OF_SCREEN.as_bytes())?;
        self.drawn = true;
        out.flush()
    }
}

/// The lines that fit, each as the rows that it takes, and how many lines are left over: one row is kept for saying so, and the cursor
/// stands in another.
fn laid(picture: &str, (rows, columns): (usize, usize)) -> (Vec<Vec<String>>, usize) {
    let mut lines: Vec<Vec<String>> = picture.lines().map(|line| wrapped(line, columns)).collect();
    let room = rows.saturating_sub(1).max(1);
    if lines.iter().map(Vec::len).sum::<usize>() <= room {
        return (lines, 0);
    }
    let mut taken = 0;
    let fitting = lines.iter().take_while(|line| {
        taken += line.len();
        taken < room
    });
    let fitting = fitting.count();
    let left = lines.len() - fitting;
    lines.truncate(fitting);
    (lines, left)
}

/// A line as rows of so many columns, between words where that is possible.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let shown = super::harm::harmless(line, true);
    if display_width(&shown) <= columns {
        return vec![shown];
    }
    let indent = shown.len() - shown.trim_start_matches(' ').len() + HANGING;
    let indent = " ".repeat(if indent + HANGING < columns { indent } else { 0 });
    // Neither names nor options may be parted at their dashes.
    let options = Options::new(columns)
        .subsequent_indent(&indent)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(&shown, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// The rows of one line, filled up so that the terminal itself goes on in the next: a command that is copied from there is still one.
fn joined(rows: &[String], columns: usize) -> String {
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        text.push_str(row);
        if at + 1 < rows.len() {
            text.push_str(&" ".repeat(columns.saturating_sub(display_width(row))));
        }
    }
    if text.contains('\u{1b}') {
        text.push_str(RESET);
    }
    text
}

/// Rows and columns of the terminal that is standard output.
fn size() -> (usize, usize) {
    let known = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let known = known.filter(|size| size.ws_row > 0 && size.ws_col > 0);
    known.map_or((usize::MAX, usize::MAX), |size| (size.ws_row.into(), size.ws_col.into()))
}

/// As much of a line as there are columns for.
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
    fn a_long_line_goes_on_between_words_and_is_still_one_line() {
        let rows = wrapped("  with: shipperctl promote --step half", 20);
        assert_eq!(rows, ["  with: shipperctl", "    promote --step", "    half"]);
        assert_eq!(joined(&rows, 20), "  with: shipperctl      promote --step      half");
        assert_eq!(
            wrapped("    https://example.com/a/b", 12).concat().replace(' ', ""),
            "https://example.com/a/b"
        );
        let coloured = wrapped("\u{1b}[31mab cd\u{1b}[0m ef", 5);
        assert_eq!(coloured, ["\u{1b}[31mab cd\u{1b}[0m", "  ef"]);
        assert_eq!(wrapped("\u{1b}[5Aabc", 80), ["\\u{1b}[5Aabc"]);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_room_is_kept_to_say_so() {
        let picture = "one\ntwo two\nthree\nfour\n";
        assert_eq!(laid(picture, (6, 3)).1, 2, "five rows of which the last says what is missing");
        let (lines, left) = laid(picture, (4, 80));
        assert_eq!((lines.len(), left), (2, 2));
        assert_eq!(laid(picture, (5, 80)).1, 0);
    }

    #[test]
    fn a_clipped_line_never_goes_on_in_the_next_row() {
        assert_eq!(clipped("abcdef", 4), "abc…");
        assert_eq!(clipped("abc", 4), "abc");
        assert_eq!(clipped("日本語", 4), "日…");
        assert_eq!(clipped("\u{1b}[31mabcdef\u{1b}[0m", 4), "\u{1b}[31mabc…\u{1b}[0m");
        assert_eq!(clipped("\u{1b}[5Aabc", 80), "\\u{1b}[5Aabc");
    }
}
