//! The way out: lines pass harmless, whoever wrote what is in them.

use std::cell::Cell;
use std::io::{Result, Write};
use std::rc::Rc;

use super::Look;
use super::harm::{harmless, plain};

/// Back to the beginning of the line, which is emptied.
const LINE_AWAY: &[u8] = b"\r\x1b[K";

/// One of the two outputs. Lines are written as they become whole, and what is left with [`Write::flush`] or at the end.
pub struct Gate<'a> {
    to: Box<dyn Write + 'a>,
    look: Look,
    held: Vec<u8>,
    /// The last line of the terminal only says what is being done; both outputs share it.
    waits: Rc<Cell<bool>>,
}

impl std::fmt::Debug for Gate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("look", &self.look).finish_non_exhaustive()
    }
}

impl<'a> Gate<'a> {
    pub(super) fn new(to: Box<dyn Write + 'a>, look: Look, waits: Rc<Cell<bool>>) -> Self {
        Self { to, look, held: Vec::new(), waits }
    }

    /// One of its own, for a log that shares the terminal with nobody.
    pub fn alone(to: impl Write + 'a) -> Self {
        Self::new(Box::new(to), Look::default(), Rc::default())
    }

    /// Writes what this program made without a word of others, as it is: scripts, manual pages, movements of the cursor.
    ///
    /// # Errors
    /// When the output is gone.
    pub fn own(&mut self, bytes: &[u8]) -> Result<()> {
        self.pass_all()?;
        self.idle()?;
        self.to.write_all(bytes)
    }

    pub(super) fn is_alive(&self) -> bool {
        self.look.alive
    }

    /// A line that the next one takes the place of, on a terminal alone.
    pub(super) fn busy(&mut self, doing: &str) {
        if self.look.alive {
            // Who cannot be told what is being done will not get the result either, and that is an error.
            let _ = self.own(LINE_AWAY);
            let _ = self.to.write_all(format!("{}…", plain(doing).trim_end_matches('…')).as_bytes());
            let _ = self.to.flush();
            self.waits.set(true);
        }
    }

    /// Takes that line away, if there is one.
    pub(super) fn idle(&mut self) -> Result<()> {
        if self.look.alive && self.waits.replace(false) {
            self.to.write_all(LINE_AWAY)?;
        }
        Ok(())
    }

    fn pass_all(&mut self) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        self.pass(&held)
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.idle()?;
        let text = String::from_utf8_lossy(bytes);
        self.to.write_all(harmless(&text, self.look.colours).as_bytes())
    }
}

impl Write for Gate<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (lines, rest) = bytes.split_at(whole);
        if !lines.is_empty() {
            self.held.extend_from_slice(lines);
            self.pass_all()?;
        }
        self.held.extend_from_slice(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.pass_all()?;
        self.to.flush()
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        // Who wants to know whether it can be written flushes.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::{BAD, Terminal};

    fn written(colours: bool, parts: &[&str]) -> String {
        let mut to = Vec::new();
        let look = Look { colours, alive: false };
        let mut gate = Gate::new(Box::new(&mut to), look, Rc::default());
        for part in parts {
            gate.write_all(part.as_bytes()).unwrap();
        }
        drop(gate);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn colours_of_this_program_pass_and_nothing_else_that_acts() {
        let line = format!("{BAD}bad{BAD:#} \u{1b}[2J\u{1b}[8m\u{1b}]8;;http://evil\u{7}x\r\n");
        let shown =
            "\u{1b}[1m\u{1b}[31mbad\u{1b}[0m \\u{1b}[2J\\u{1b}[8m\\u{1b}]8;;http://evil\\u{7}x\\u{d}\n";
        assert_eq!(written(true, &[&line]), shown);
        assert_eq!(
            written(false, &[&line]),
            shown.replace("\u{1b}[1m\u{1b}[31m", "").replace("\u{1b}[0m", "")
        );
    }

    #[test]
    fn a_sequence_that_comes_in_parts_is_still_one() {
        assert_eq!(written(true, &["a\u{1b}", "[2", "Jb"]), "a\\u{1b}[2Jb");
        assert_eq!(written(true, &["a\u{1b}", "[31", "mb\n"]), "a\u{1b}[31mb\n");
    }

    #[test]
    fn what_is_being_done_goes_when_there_is_something_to_say() {
        let both = Rc::new(std::cell::RefCell::new(Vec::new()));
        struct Shared(Rc<std::cell::RefCell<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> Result<usize> {
                self.0.borrow_mut().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> Result<()> {
                Ok(())
            }
        }
        let alive = Look { colours: true, alive: true };
        let (out, err) = (Shared(Rc::clone(&both)), Shared(Rc::clone(&both)));
        let mut terminal = Terminal::new(out, err, [alive, alive], Some(80));
        terminal.busy("Cloning\u{1b}[2J");
        writeln!(terminal.out, "done").unwrap();
        terminal.finish().unwrap();
        drop(terminal);
        let text = String::from_utf8(both.borrow().clone()).unwrap();
        assert_eq!(text, "\r\u{1b}[KCloning\\u{1b}[2J…\r\u{1b}[Kdone\n");
    }

    #[test]
    fn what_takes_long_says_how_far_it_is() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let alive = Look { colours: false, alive: true };
        let mut terminal = Terminal::new(&mut out, &mut err, [alive, alive], Some(60));
        terminal.progress("Planning", (0, 1), "applications");
        terminal.progress("Planning", (0, 3), "applications");
        terminal.progress("Planning", (2, 3), "applications");
        terminal.finish().unwrap();
        drop(terminal);
        let text = String::from_utf8(err).unwrap();
        assert!(text.ends_with("\r\u{1b}[K"), "the line goes at the end");
        let lines: Vec<&str> = text.split("\r\u{1b}[K").filter(|line| !line.is_empty()).collect();
        assert_eq!(
            lines,
            [
                "Planning ░░░░░░░░░░░░░░░░░░░░ 0 of 3 applications…",
                "Planning █████████████░░░░░░░ 2 of 3 applications…",
            ]
        );
    }

    #[test]
    fn where_nobody_watches_nothing_is_said_of_what_is_being_done() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut terminal = Terminal::new(&mut out, &mut err, [Look::default(); 2], None);
        terminal.busy("Cloning");
        terminal.finish().unwrap();
        drop(terminal);
        assert!(out.is_empty() && err.is_empty());
    }
}
