//! A forecast as a comment on a pull request. Names and messages of others stand in code, where nothing in them is a link, a mention or
//! a mark.

use std::fmt::Write as _;

use shipper_core::intent::Severity;

use super::Forecast;
use super::text::{change, sentences};
use crate::objects::Changed;
use crate::terminal::plain;

/// The first line of the comment, by which a pipeline finds its own again.
pub const MARK: &str = "<!-- shipperctl plan -->";
/// Largest diff that stands in the comment, in bytes; hosts refuse comments that are much larger.
const MAX_DIFF: usize = 20_000;

/// The forecast as Markdown.
pub fn markdown(forecast: &Forecast) -> String {
    let short = |commit: &str| code(commit.get(..10).unwrap_or(commit));
    let mut text = format!("{MARK}\n### What merging this does\n\n");
    let errors = forecast.errors();
    if errors > 0 {
        let files = if errors == 1 { "One file is" } else { "Some files are" };
        let _ = writeln!(text, "**{files} refused.** The last good version stays in force.\n");
    }
    for problem in &forecast.files {
        let word = if problem.severity == Severity::Error { "refused" } else { "warning" };
        let _ = writeln!(text, "- {word}: {}", code(&problem.to_string()));
    }
    if !forecast.files.is_empty() {
        text.push('\n');
    }
    if forecast.applications.is_empty() {
        text.push_str("Nothing changes for any application.\n\n");
    }
    let mut room = MAX_DIFF;
    for application in &forecast.applications {
        let _ = writeln!(text, "#### {}\n", code(&application.application.to_string()));
        for line in sentences(application) {
            let _ = writeln!(text, "- {}", code(&line));
        }
        for condition in &application.conditions {
            let _ = writeln!(
                text,
                "- **{}** ({}): {}",
                condition.kind,
                condition.reason,
                code(&condition.message)
            );
        }
        if !application.clusters.is_empty() {
            text.push_str("\n| Cluster | Change |\n|---|---|\n");
            for cluster in &application.clusters {
                let _ = writeln!(text, "| {} | {} |", cell(cluster.cluster.as_str()), cell(&change(cluster)));
            }
        }
        for object in &application.objects {
            let word = match object.change {
                Changed::Added => "new",
                Changed::Removed => "gone",
                Changed::Changed => "changed",
            };
            let _ = write!(text, "\n<details><summary>{} {word}</summary>\n\n", html(&object.object));
            if object.diff.len() > room {
                text.push_str("The difference is too long to be shown here; see `shipperctl plan`.\n");
            } else {
                room -= object.diff.len();
                text.push_str(&fenced(&object.diff));
            }
            text.push_str("\n</details>\n");
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "<sub>{} into {}, decided by the hub's planner on its latest reports; what follows the first step depends on what the clusters \
         report then.</sub>",
        short(&forecast.head),
        short(&forecast.base)
    );
    text
}

/// A code span that nothing in it can end.
fn code(text: &str) -> String {
    let text = plain(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// The same in a table, where a bar would end the cell even in code.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

fn html(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn fenced(diff: &str) -> String {
    let fence = "`".repeat((longest_run(diff) + 1).max(3));
    let lines: Vec<String> = diff.lines().map(|line| plain(line).into_owned()).collect();
    format!("{fence}diff\n{}\n{fence}\n", lines.join("\n"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_wrote_is_markup() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`@everyone"), "`` `@everyone ``");
        assert_eq!(cell("a|b"), "`a\\|b`");
        assert_eq!(html("<img src=x>"), "&lt;img src=x&gt;");
        assert!(fenced("+ ```\n+ # x").starts_with("````diff\n"));
        assert!(!code("a\u{1b}[2J\nb").contains(['\u{1b}', '\n']));
    }
}
