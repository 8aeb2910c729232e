//! How results are printed, the same way for every command: for people, or as the objects of the hub's API.

use clap::ValueEnum;
use serde::Serialize;
use shipper_core::yaml;

use crate::Error;
use crate::terminal::{Terminal, plain, plain_json, plain_yaml};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Text,
    /// For people, with lines as long as they come, and more to read of status, history, events, measurements, blocks and clusters
    Wide,
    /// For programs: the objects of the hub's API
    Json,
    /// The same objects as YAML
    Yaml,
    /// Names alone, a line each, as other commands take them
    Name,
}

/// How a command is told to print.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct OutputArgs {
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

impl Output {
    /// Whether people read it.
    pub fn for_people(self) -> bool {
        matches!(self, Self::Text | Self::Wide)
    }

    /// Whether people want all there is to say.
    pub fn is_wide(self) -> bool {
        self == Self::Wide
    }

    /// Columns that a text may have; `None` = as many as it likes.
    pub fn width(self, terminal: &Terminal<'_>) -> Option<u16> {
        terminal.width.filter(|_| !self.is_wide())
    }

    /// The result as it is printed: `value` for programs, `names` alone, or `text` for people.
    ///
    /// # Errors
    /// When `text` fails, or the value cannot be written down.
    pub fn print<T: Serialize + ?Sized>(
        self,
        value: &T,
        names: impl FnOnce() -> Vec<String>,
        text: impl FnOnce() -> Result<String, Error>,
    ) -> Result<String, Error> {
        Ok(match self {
            Self::Text | Self::Wide => text()?,
            Self::Json => json(value)?,
            Self::Yaml => yaml(value)?,
            Self::Name => names().iter().map(|name| format!("{}\n", plain(name))).collect(),
        })
    }
}

/// A value as JSON that does nothing to a terminal.
///
/// # Errors
/// When it cannot be written down.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Output(error.into()))?;
    Ok(plain_json(&text).into_owned() + "\n")
}

/// A value as JSON in one line, for streams.
///
/// # Errors
/// When it cannot be written down.
pub fn json_line<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let text = serde_json::to_string(value).map_err(|error| Error::Output(error.into()))?;
    Ok(plain_json(&text).into_owned() + "\n")
}

/// A value as YAML that does nothing to a terminal.
fn yaml<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let value = serde_json::to_value(value).map_err(|error| Error::Output(error.into()))?;
    let unwritten = |error: yaml::Error| Error::Output(std::io::Error::other(error.to_string()));
    let text = plain_yaml(&[value]).map_err(unwritten)?;
    Ok(text.strip_prefix("---\n").map_or(text.clone(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn printed(output: Output) -> String {
        let value = json!([{"name": "a", "message": "x\u{1b}[2J\u{9b}"}]);
        output.print(&value, || vec!["web/a\u{7}".to_owned()], || Ok("text\n".to_owned())).unwrap()
    }

    #[test]
    fn every_form_says_the_same_and_obeys_nobody() {
        assert_eq!(printed(Output::Text), "text\n");
        assert_eq!(printed(Output::Wide), "text\n");
        assert_eq!(printed(Output::Name), "web/a\\u{7}\n");
        for output in [Output::Json, Output::Yaml] {
            let text = printed(output);
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
            let read = yaml::read_documents(text.as_bytes()).unwrap();
            assert_eq!(read[0][0]["name"], "a", "{text}");
            assert_eq!(read[0][0]["message"], "x\u{1b}[2J\u{9b}", "{text}");
        }
    }
}
