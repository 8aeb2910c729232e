//! Command lines that people copy: whatever they are made of, each value stays one word of a shell's line and means itself.

use crate::shown::acts;
use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

/// A command line in the making. Its verb is fixed text; values of others come in as words and options only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(String);

impl Command {
    /// A line that begins with this text, as `shipperctl promote`.
    pub fn new(verb: &'static str) -> Self {
        Self(verb.to_owned())
    }

    /// The same with another word.
    #[must_use]
    pub fn word(mut self, value: impl Display) -> Self {
        let _ = write!(self.0, " {}", quoted(&value.to_string()));
        self
    }

    /// The same with an option that takes no value, as `--watch`.
    #[must_use]
    pub fn flag(mut self, name: &'static str) -> Self {
        let _ = write!(self.0, " {name}");
        self
    }

    /// The same with an option, as `--step`, and its value.
    #[must_use]
    pub fn option(mut self, name: &'static str, value: impl Display) -> Self {
        let value = value.to_string();
        // What begins with a dash would be taken for another option.
        let between = if value.starts_with('-') { '=' } else { ' ' };
        let _ = write!(self.0, " {name}{between}{}", quoted(&value));
        self
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text as one word of a shell's line: as it is where nothing in it is special, else in quotes. What acts or hides is spelt out in
/// the form of quotes that bash, zsh and ksh have for it.
pub fn quoted(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    // zsh looks for a program where a word begins with `=`.
    if !text.is_empty() && !text.starts_with('=') && text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    if !text.contains(acts) {
        return Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")));
    }
    let mut spelt = "$'".to_owned();
    for c in text.chars() {
        match c {
            '\'' | '\\' => spelt.extend(['\\', c]),
            c if acts(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(spelt, "\\x{byte:02x}");
                }
            }
            c => spelt.push(c),
        }
    }
    spelt.push('\'');
    Cow::Owned(spelt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_one_word() {
        for (text, word) in [
            ("web/hello", "web/hello"),
            ("50/50", "50/50"),
            ("", "''"),
            ("=ls", "'=ls'"),
            ("full on", "'full on'"),
            ("$(touch x)", "'$(touch x)'"),
            ("a;reboot", "'a;reboot'"),
            ("\"$x y\"", "'\"$x y\"'"),
            ("`id`", "'`id`'"),
            ("größer", "'größer'"),
            ("it's; rm -rf /", r"'it'\''s; rm -rf /'"),
            ("a\nreboot", r"$'a\x0areboot'"),
            ("it's\u{1b}[2J\\", r"$'it\'s\x1b[2J\\'"),
            ("\u{202e}", r"$'\xe2\x80\xae'"),
        ] {
            assert_eq!(quoted(text), word, "{text:?}");
        }
    }

    #[test]
    fn a_line_is_put_together_of_words_and_options() {
        let line = Command::new("shipperctl promote").word("web/hello").option("--step", "full on");
        assert_eq!(line.to_string(), "shipperctl promote web/hello --step 'full on'");
        let line = Command::new("shipperctl promote").word("web/hello").option("--step", "--skip gates");
        assert_eq!(line.to_string(), "shipperctl promote web/hello --step='--skip gates'");
    }
}
