//! Rows of text in columns. What need not fit a terminal is put together here: a library that wraps and measures what is styled takes longer
//! for ten thousand rows than a hub does to tell of them.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::Style;
use comfy_table::{Cell, Color};
use unicode_width::UnicodeWidthStr;

use super::table::Told;
use crate::terminal::{BAD, BUSY, plain};

/// What stands in a column of a row.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    style: Style,
    text: Cow<'a, str>,
}

impl<'a> Text<'a> {
    /// Words of this program.
    pub(super) fn own(text: impl Into<Cow<'a, str>>) -> Self {
        Self { style: Style::new(), text: text.into() }
    }

    /// Words of others.
    pub(super) fn of(text: &'a str) -> Self {
        Self::own(plain(text))
    }

    fn width(&self) -> usize {
        // Nothing in it acts, so what is ASCII is seen.
        if self.text.is_ascii() { self.text.len() } else { self.text.width() }
    }

    /// The same in a style.
    pub(super) fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }
}

impl From<Text<'_>> for Cell {
    fn from(Text { style, text }: Text<'_>) -> Self {
        let cell = Self::new(text);
        match style {
            BAD => cell.fg(Color::Red),
            BUSY => cell.fg(Color::Yellow),
            _ => cell,
        }
    }
}

/// The rows below their header, in lines of at most `width` columns. The last column is what is said of a row.
pub(super) fn columns(header: &[&str], rows: Vec<Vec<Text<'_>>>, width: Option<u16>) -> String {
    if width.is_none() {
        let said = |row: &Vec<Text<'_>>| row.last().is_some_and(|last| !last.text.is_empty());
        let silent = usize::from(!rows.iter().any(said));
        return long(&header[..header.len().saturating_sub(silent)], &rows);
    }
    let mut table = Told::new(header);
    for mut row in rows {
        let message = row.pop().map(|last| last.text.into_owned()).unwrap_or_default();
        table.add(vec![row.into_iter().map(Cell::from).collect()], message);
    }
    table.print(width) + "\n"
}

/// The same in lines that are as long as they come.
fn long(header: &[&str], rows: &[Vec<Text<'_>>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|title| title.width()).collect();
    for row in rows {
        for (width, column) in widths.iter_mut().zip(row) {
            *width = column.width().max(*width);
        }
    }
    let line = widths.iter().sum::<usize>() + 2 * widths.len() + 1;
    let mut text = String::with_capacity(line * (rows.len() + 1));
    let titles: Vec<Text<'_>> = header.iter().map(|title| Text::own(*title)).collect();
    for row in std::iter::once(titles.as_slice()).chain(rows.iter().map(Vec::as_slice)) {
        let mut gap = 1;
        for (width, column) in widths.iter().zip(row) {
            if column.text.is_empty() {
                gap += width + 2;
                continue;
            }
            text.extend(std::iter::repeat_n(' ', gap));
            if column.style == Style::new() {
                text.push_str(&column.text);
            } else {
                let _ = write!(text, "{}{}{:#}", column.style, column.text, column.style);
            }
            gap = width - column.width() + 2;
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_lines_are_wrapped_or_not_they_say_the_same_in_the_same_places() {
        let row = |texts: [&'static str; 3]| texts.map(Text::of).to_vec();
        let rows =
            || vec![row(["übrig", "", "日本"]), row(["", "a longer one", "x\u{1b}"]), row(["-", "", ""])];
        let header = ["NAME", "STATE", "MESSAGE"];
        let long = columns(&header, rows(), None);
        assert_eq!(long, columns(&header, rows(), Some(200)));
        assert_eq!(
            long,
            " NAME   STATE         MESSAGE\n übrig                日本\n        a longer one  x\\u{1b}\n -\n"
        );
    }
}
