//! Whether a command that people copy is put together by `shipper_core::command`, which keeps every value one word of a shell's line.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::command::{root, say};

/// Whose texts people read.
const CRATES: [&str; 5] = ["agent/src", "core/src", "ctl/src", "git/src", "hub/src"];

pub(crate) fn check() -> Result<()> {
    say("> suggested commands");
    let mut found = Vec::new();
    for directory in CRATES {
        look(&root().join(directory), &mut found)?;
    }
    ensure!(found.is_empty(), "these put values into a command by themselves: {}", found.join(", "));
    Ok(())
}

fn look(directory: &Path, found: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    for path in paths {
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        if path.is_dir() && !path.ends_with("tests") {
            look(&path, found)?;
        } else if ["rs", "html"].contains(&end) && !path.ends_with("tests.rs") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
            found.extend(by_itself(&text).into_iter().map(|line| format!("{name}:{line}")));
        }
    }
    Ok(())
}

/// The numbers of lines in which a command goes on with a value, as `shipperctl why {app}` does. A sentence ends a command.
fn by_itself(text: &str) -> Vec<usize> {
    let goes_on = |command: &str| {
        let command = command.split(['"', '`', '<', '.']).next().unwrap_or_default();
        command.match_indices('{').any(|(at, _)| {
            let value = command[at + 1..].trim_start_matches('{').trim_start();
            value.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "}:".contains(c))
        })
    };
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let comment = line.trim_start().starts_with("//");
        !comment && line.split("shipperctl ").skip(1).any(goes_on)
    });
    lines.map(|(index, _)| index + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_a_command_is_found_and_one_beside_it_is_not() {
        let text = r#"
            format!("ask with: shipperctl why {app}")
            format!("see `shipperctl blocks list` of {app}")
            <code>shipperctl diff {{ key.name }}</code>
            <code>{{ command("shipperctl diff", key) }}</code> of {{ key.name }}
            format!("{BOLD}shipperctl blocks list{BOLD:#}")
            // shipperctl why {app}
            format!("shipperctl promote {} --step {:?}", app, step)
            format!("See: shipperctl blocks list. It is {}", app)
        "#;
        assert_eq!(by_itself(text), [2, 4, 8]);
    }

    #[test]
    fn no_text_puts_a_value_into_a_command_by_itself() {
        check().unwrap();
    }
}
