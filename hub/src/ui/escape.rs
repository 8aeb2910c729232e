//! How text comes into a page: what is a mark of HTML stands there as text, and what acts on a reader, an escape of a terminal, a turn of the
//! direction of writing, something that nobody sees, stands there as an escape, as in a terminal. So it is in what is copied from a page.

use askama::filters::{Escaper, Html};
use shipper_core::shown::lines;
use std::fmt;

/// The escaper of all templates, named in `askama.toml`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown;

impl Escaper for Shown {
    fn write_escaped_str<W: fmt::Write>(&self, to: W, text: &str) -> fmt::Result {
        Html.write_escaped_str(to, &lines(text))
    }
}
