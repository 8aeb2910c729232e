//! Characters that do something to a terminal instead of standing in it, and how they are shown.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;
use shipper_core::shown::{acts, first_that_acts, show};
use shipper_core::yaml;

pub use shipper_core::shown::line as plain;

/// What a colour of this program begins and ends with: those of [`super`], of tables and of clap. Colours that could hide text, and
/// whatever else a sequence may do, are not among them.
const OWN: [&str; 15] = [
    "\u{1b}[0m",
    "\u{1b}[1m",
    "\u{1b}[2m",
    "\u{1b}[4m",
    "\u{1b}[31m",
    "\u{1b}[32m",
    "\u{1b}[33m",
    "\u{1b}[39m",
    "\u{1b}[22m",
    "\u{1b}[38;5;1m",
    "\u{1b}[38;5;2m",
    "\u{1b}[38;5;3m",
    "\u{1b}[38;5;9m",
    "\u{1b}[38;5;10m",
    "\u{1b}[38;5;11m",
];

/// Lines as they may reach a terminal: with colours of this program, where they are seen, and nothing else that acts.
pub(super) fn harmless(text: &str, colours: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = first_that_acts(rest) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(c) = rest.chars().next() else { break };
        let own = (c == '\u{1b}').then(|| OWN.iter().find(|own| rest.starts_with(**own))).flatten();
        match own {
            Some(own) => {
                if colours {
                    shown.push_str(own);
                }
                rest = &rest[own.len()..];
                continue;
            }
            None if c == '\n' => shown.push(c),
            None if c == '\t' => shown.push_str("    "),
            None => show(c, &mut shown),
        }
        rest = &rest[c.len_utf8()..];
    }
    shown.push_str(rest);
    shown
}

/// The same JSON with everything escaped that acts on a terminal; JSON itself leaves DEL and C1 as they are.
pub fn plain_json(json: &str) -> Cow<'_, str> {
    let harmful = |c: char| acts(c) && c != '\n';
    if !json.chars().any(harmful) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if harmful(c) {
            let mut pair = [0; 2];
            for half in c.encode_utf16(&mut pair) {
                let _ = write!(shown, "\\u{half:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Documents as YAML that does nothing to a terminal, and is read back as exactly these.
///
/// # Errors
/// When they cannot be written down.
pub fn plain_yaml(documents: &[Value]) -> Result<String, yaml::Error> {
    let harmful = |c: char| acts(c) && c != '\n';
    // Where something acts the text is in double quotes, in which every character may be an escape.
    let bytes = yaml::write_documents_quoting(documents, |text| text.chars().any(|c| acts(c) && c != '\n'))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if harmful(c) {
            let _ = write!(shown, "\\U{:08x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_yaml_is_the_same_yaml() {
        let value = serde_json::json!({
            "a\u{1b}\u{202e}": "a\u{1b}[2J\u{9b}\u{7f}\u{202e}\u{e0041}\nb\u{200b}",
            "plain": "one\ntwo\n",
            "tab": "a\tb",
        });
        let safe = plain_yaml(std::slice::from_ref(&value)).unwrap();
        assert!(!safe.chars().any(|c| acts(c) && c != '\n'), "{safe:?}");
        assert_eq!(yaml::read_documents(safe.as_bytes()).unwrap(), [value]);
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let value = serde_json::json!({"message": "a\u{1b}[2J\u{9b}\u{7f}\u{202e}\u{e0041}"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let safe = plain_json(&text);
        assert!(!safe.chars().any(|c| acts(c) && c != '\n'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
