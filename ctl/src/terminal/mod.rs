//! What reaches the terminal. Everything that a command says goes through the two [`Gate`]s of a [`Terminal`], and nothing passes them
//! that does something to a terminal beside the colours of this program.
//!
//! - [`mod@gate`]: the way out
//! - [`mod@harm`]: which characters act instead of standing for themselves, and how they are shown
//! - [`mod@meter`]: how much of something there is
//! - [`mod@screen`]: a picture that is drawn anew in place
//!
//! The gate is the net; whoever puts text of others into a line calls [`plain`] on it all the same, so that a line stays one line.

mod gate;
mod harm;
mod meter;
mod screen;

pub use gate::Gate;
pub use harm::{plain, plain_json, plain_yaml};
pub use meter::meter;
pub use screen::Screen;

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::rc::Rc;

use anstream::{AutoStream, ColorChoice};
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

/// Columns of a bar.
const METER: usize = 20;

/// Where a command writes. Standard output and error in the program, buffers in tests.
#[derive(Debug)]
pub struct Terminal<'a> {
    /// Results.
    pub out: Gate<'a>,
    /// Remarks and errors.
    pub err: Gate<'a>,
    /// Columns of the terminal that results go to; `None` = not a terminal, lines may be as long as they like.
    pub width: Option<u16>,
}

/// What may reach one of the two outputs beside text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Colours are seen there.
    pub colours: bool,
    /// It is a terminal, on which a line can be taken back.
    pub alive: bool,
}

impl Terminal<'static> {
    /// Standard output and error, with colours where people see them: not in pipes, nor with `NO_COLOR`.
    pub fn standard() -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let looks = [
            Look {
                colours: AutoStream::choice(&out) != ColorChoice::Never,
                alive: out.is_terminal() && !dumb,
            },
            Look {
                colours: AutoStream::choice(&err) != ColorChoice::Never,
                alive: err.is_terminal() && !dumb,
            },
        ];
        let width = comfy_table::Table::new().width();
        // What is to be left out is settled above; these only speak to terminals that need other words for it.
        Self::new(AutoStream::always(out), AutoStream::always(err), looks, width)
    }
}

impl<'a> Terminal<'a> {
    /// One that writes there; `looks`: of results, of remarks.
    pub fn new(
        out: impl Write + 'a,
        err: impl Write + 'a,
        looks: [Look; 2],
        width: Option<u16>,
    ) -> Terminal<'a> {
        let waits = Rc::new(Cell::new(false));
        let [of_out, of_err] = looks;
        Terminal {
            out: Gate::new(Box::new(out), of_out, Rc::clone(&waits)),
            err: Gate::new(Box::new(err), of_err, waits),
            width,
        }
    }

    /// Whether somebody sees what is being done.
    pub fn is_watched(&self) -> bool {
        self.err.is_alive()
    }

    /// Says what is being done, where somebody watches: the line goes as soon as there is something else to say.
    pub fn busy(&mut self, doing: &str) {
        // A line that goes on in the next row could not be taken back.
        let columns = usize::from(self.width.unwrap_or(80)).saturating_sub(1);
        self.err.busy(&screen::clipped(&plain(doing), columns));
    }

    /// Says the same with how far it is: `done` of `of` of what is counted in `unit`. What is done at once shows no bar.
    pub fn progress(&mut self, doing: &str, (done, of): (usize, usize), unit: &str) {
        if of > 1 {
            let [full, empty] = meter(done as u64, of as u64, METER);
            self.busy(&format!("{doing} {full}{empty} {done} of {of} {unit}"));
        }
    }

    /// Writes what is held back, and takes the word on what is being done off the terminal.
    ///
    /// # Errors
    /// When the output is gone.
    pub fn finish(&mut self) -> std::io::Result<()> {
        self.err.idle()?;
        self.err.flush()?;
        self.out.flush()
    }
}

/// Text of others in a style.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", plain(text))
}
