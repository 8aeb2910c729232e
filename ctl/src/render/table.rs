//! Tables in the style of all tables here. What is said of a row stands in its last column where there is room, else below it.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, presets};

/// Columns from which on a message that is longer stands beside its row.
const ROOM: u16 = 48;
/// White space around a cell.
const PADDING: u16 = 2;

/// An empty table. Its first column has names, which stay whole.
pub(crate) fn table_of(header: &[&str], width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).enforce_styling().set_header(header);
    match width {
        Some(width) => table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    whole(&mut table, 1);
    table
}

/// A table as text, without spaces at the ends of lines.
pub(crate) fn print(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>().trim_end().to_owned()
}

/// The first columns are never broken.
fn whole(table: &mut Table, columns: usize) {
    for column in table.column_iter_mut().take(columns) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

/// A table whose rows have something to say.
pub(super) struct Told<'t> {
    header: &'t [&'t str],
    rows: Vec<Said>,
}

/// Rows that belong together, and the message of the first.
struct Said {
    rows: Vec<Vec<Cell>>,
    message: String,
}

impl<'t> Told<'t> {
    /// An empty one. The last of the header is that of the messages.
    pub(super) fn new(header: &'t [&'t str]) -> Self {
        Self { header, rows: Vec::new() }
    }

    /// Rows that belong together, with a message that is harmless already.
    pub(super) fn add(&mut self, rows: Vec<Vec<Cell>>, message: impl Into<String>) {
        self.rows.push(Said { rows, message: message.into() });
    }

    /// As text for so many columns.
    pub(super) fn print(&self, width: Option<u16>) -> String {
        let Some(width) = width else { return print(&self.beside(None)) };
        let last = self.header.len().saturating_sub(1);
        let taken = taken(&self.heads(last, None));
        let longest = match self.is_silent() {
            true => 0,
            false => self.beside(None).column_max_content_widths().last().copied().unwrap_or_default(),
        };
        let room = width.saturating_sub(taken + PADDING);
        if taken <= width && room >= ROOM.min(longest) {
            let mut table = self.beside(Some(width));
            whole(&mut table, last);
            return print(&table);
        }
        // What stands before the message begins it, where there is no room for both.
        let columns = if taken > width { last.saturating_sub(1) } else { last };
        let heads = self.heads(columns, None);
        if columns == 0 || self::taken(&heads) > width {
            return print(&self.beside(Some(width)));
        }
        let mut lines = heads.lines();
        let mut text = lines.next().map(|line| line.trim_end().to_owned() + "\n").unwrap_or_default();
        for said in &self.rows {
            for line in lines.by_ref().take(said.rows.len()) {
                text.push_str(line.trim_end());
                text.push('\n');
            }
            let before = said.rows.first().and_then(|row| row.get(columns)).map(Cell::content);
            let before = before.filter(|before| !matches!(before.as_str(), "" | "-"));
            let message = Some(said.message.clone()).filter(|message| !message.is_empty());
            let message: Vec<String> = before.into_iter().chain(message).collect();
            if !message.is_empty() {
                text.push_str(&format!("    {}\n", message.join(": ")));
            }
        }
        text.trim_end().to_owned()
    }

    /// The first columns alone, a line for each row.
    fn heads(&self, columns: usize, width: Option<u16>) -> Table {
        let header: Vec<&str> = self.header.iter().take(columns).copied().collect();
        let mut table = table_of(&header, width);
        for row in self.rows.iter().flat_map(|said| &said.rows) {
            table.add_row(row.iter().take(columns).cloned());
        }
        table
    }

    /// Whether nothing is said of any row; the column for it is left out then.
    fn is_silent(&self) -> bool {
        self.rows.iter().all(|said| said.message.is_empty())
    }

    fn beside(&self, width: Option<u16>) -> Table {
        if self.is_silent() {
            return self.heads(self.header.len().saturating_sub(1), width);
        }
        let mut table = table_of(self.header, width);
        for said in &self.rows {
            for (at, row) in said.rows.iter().enumerate() {
                let message = if at == 0 { said.message.as_str() } else { "" };
                table.add_row([row.as_slice(), &[Cell::new(message)]].concat());
            }
        }
        table
    }
}

/// The columns that a table takes when nothing in it is broken.
fn taken(table: &Table) -> u16 {
    table.column_max_content_widths().iter().map(|column| column + PADDING).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str, width: Option<u16>) -> String {
        let mut told = Told::new(&["CLUSTER", "RELEASE", "MESSAGE"]);
        let row = |words: [&str; 2]| words.map(Cell::new).to_vec();
        told.add(vec![row(["eu-1", "hello-32e16a62-0"]), row(["", "hello-34eba1b9-0"])], message);
        told.add(vec![row(["eu-2", "hello-32e16a62-0"])], "");
        told.print(width)
    }

    #[test]
    fn a_message_without_room_beside_its_row_stands_below_it() {
        let message = "hello-32e16a62-0 has 0 of 2 pods available: 2x ImagePullBackOff";
        let beside = " CLUSTER  RELEASE           MESSAGE\n eu-1     hello-32e16a62-0  ";
        assert!(shown(message, None).starts_with(&format!("{beside}{message}\n")));
        assert!(shown("starts", Some(40)).starts_with(&format!("{beside}starts\n")));
        assert_eq!(
            shown(message, Some(60)),
            format!(
                " CLUSTER  RELEASE\n eu-1     hello-32e16a62-0\n          hello-34eba1b9-0\n    {message}\n eu-2     hello-32e16a62-0"
            )
        );
        let narrower = shown(message, Some(20));
        assert!(
            narrower.starts_with(&format!(" CLUSTER\n eu-1\n\n    hello-32e16a62-0: {message}\n eu-2\n")),
            "{narrower}"
        );
        let narrow = shown(message, Some(80));
        assert!(
            narrow.lines().all(|line| line.len() <= 80) && narrow.contains("hello-32e16a62-0 has 0"),
            "{narrow}"
        );
    }

    #[test]
    fn where_nothing_is_said_there_is_no_column_for_it() {
        let silent = " CLUSTER  RELEASE\n eu-1     hello-32e16a62-0\n          hello-34eba1b9-0\n eu-2     hello-32e16a62-0";
        for width in [None, Some(200), Some(30)] {
            assert_eq!(shown("", width), silent, "{width:?}");
        }
        let narrow = shown("", Some(20));
        assert!(!narrow.contains("MESSAGE"), "{narrow}");
    }
}
