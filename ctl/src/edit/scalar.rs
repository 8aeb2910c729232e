//! Scalars: where one ends in a text, and how one is written.

use shipper_core::yaml;

/// Where the scalar that begins at `start` ends; `None` where that takes more than looking (literal text, tags, anchors).
pub(super) fn end(text: &str, start: usize, in_flow: bool) -> Option<usize> {
    let rest = &text[start..];
    match rest.chars().next()? {
        '"' => {
            let mut escaped = false;
            let closing = rest.char_indices().skip(1).find(|(_, c)| {
                let closes = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                closes
            });
            closing.map(|(at, _)| start + at + 1)
        }
        '\'' => {
            let mut from = 1;
            loop {
                let at = from + rest[from..].find('\'')?;
                if !rest[at + 1..].starts_with('\'') {
                    return Some(start + at + 1);
                }
                from = at + 2;
            }
        }
        '|' | '>' | '&' | '!' | '*' | '{' | '[' | '?' | '#' | '\n' | '\r' => None,
        _ => {
            let line = rest.lines().next().unwrap_or_default();
            let line = line.find(" #").map_or(line, |comment| &line[..comment]);
            let line =
                if in_flow { line.find([',', '}', ']']).map_or(line, |stop| &line[..stop]) } else { line };
            Some(start + line.trim_end().len())
        }
    }
}

/// A string as YAML: plain where every reader sees the same string, else in double quotes.
pub(super) fn write(text: &str) -> String {
    let tame = |c: char| c.is_ascii_alphanumeric() || " /._-".contains(c);
    let edges = [text.chars().next(), text.chars().next_back()];
    let plain = text.chars().all(tame)
        && edges.iter().all(|c| c.is_some_and(|c| c.is_ascii_alphanumeric()))
        && yaml::read_documents(format!("k: {text}").as_bytes())
            .is_ok_and(|documents| documents == [serde_json::json!({"k": text})]);
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_end_where_yaml_says() {
        for (text, in_flow, scalar) in [
            ("full on # soon", false, "full on"),
            ("a#b", false, "a#b"),
            ("50/50, release: x}", true, "50/50"),
            ("\"a \\\" # b\" # c", false, "\"a \\\" # b\""),
            ("'it''s' # c", false, "'it''s'"),
        ] {
            assert_eq!(&text[..end(text, 0, in_flow).unwrap()], scalar);
        }
        assert_eq!(end("|\n  text", 0, false), None);
    }

    #[test]
    fn strings_stay_strings() {
        for text in [
            "staging", "50/50", "yes", "1", "0x1f", "a: b", "null", "", " a", "ünï", "a\nb", "- a", "full on",
        ] {
            let read = yaml::read_documents(format!("k: {}", write(text)).as_bytes()).unwrap();
            assert_eq!(read, [serde_json::json!({"k": text})]);
        }
        assert_eq!(write("50/50"), "50/50");
        assert_eq!(write("full on"), "full on");
        assert_eq!(write("yes"), "\"yes\"");
    }
}
