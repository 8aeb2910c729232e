//! A forecast as a comment on a pull request. Names and messages of others stand in code, where nothing in them is a link, a mention or
//! a mark.

use std::fmt::Write as _;

use shipper_core::intent::Severity;
use shipper_core::manifest::compare::Changed;

use super::text::{change, place, sentences};
use super::{ApplicationForecast, Forecast};
use crate::terminal::plain;

/// The first line of the comment, by which a pipeline finds its own again.
pub const MARK: &str = "<!-- shipperctl plan -->";
/// Largest diff that stands in the comment, in bytes.
const MAX_DIFF: usize = 20_000;
/// Largest comment, in bytes: hosts refuse such as are much larger.
const MAX_COMMENT: usize = 60_000;
/// Files and clusters that are listed, each.
const MAX_LINES: usize = 50;

/// The forecast as Markdown.
pub fn markdown(forecast: &Forecast) -> String {
    let short = |commit: &str| code(commit.get(..10).unwrap_or(commit));
    let mut text = format!("{MARK}\n### What merging this does\n\n");
    let errors = forecast.errors();
    if errors > 0 {
        let errors = if errors == 1 { "One error".to_owned() } else { format!("{errors} errors") };
        let _ = writeln!(text, "**{errors}.** A file that is refused stays in force as it last was.\n");
    }
    for problem in forecast.files.iter().take(MAX_LINES) {
        let word = if problem.severity == Severity::Error { "refused" } else { "warning" };
        let _ = writeln!(text, "- {word}: {}", code(&problem.to_string()));
    }
    more(&mut text, forecast.files.len(), "- ");
    if !forecast.files.is_empty() {
        text.push('\n');
    }
    if forecast.applications.is_empty() {
        text.push_str("Nothing changes for any application.\n\n");
    }
    let mut room = MAX_DIFF;
    for (number, application) in forecast.applications.iter().enumerate() {
        let section = section(application, &mut room);
        if text.len() + section.len() > MAX_COMMENT {
            let left = forecast.applications.len() - number;
            let _ = writeln!(text, "There is no room here for {left} more; see `shipperctl plan`.\n");
            break;
        }
        text.push_str(&section);
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

/// What would change for an application. `room`: bytes of diffs that may stand in the comment yet.
fn section(application: &ApplicationForecast, room: &mut usize) -> String {
    let mut text = format!("#### {}\n\n", code(&application.application.to_string()));
    for line in sentences(application) {
        let _ = writeln!(text, "- {}", code(&line));
    }
    for condition in &application.conditions {
        let _ =
            writeln!(text, "- **{}** ({}): {}", condition.kind, condition.reason, code(&condition.message));
    }
    if !application.clusters.is_empty() {
        text.push_str("\n| Cluster | Change |\n|---|---|\n");
        for cluster in application.clusters.iter().take(MAX_LINES) {
            let (name, change) = (referenced(cluster.cluster.as_str()), referenced(&change(cluster)));
            let _ = writeln!(text, "| {name} | {change} |");
        }
        more(&mut text, application.clusters.len(), "\n");
    }
    for object in &application.objects {
        let place = place(object, application.placed);
        let change = &object.change;
        let word = match change.change {
            Changed::Added => "new",
            Changed::Removed => "gone",
            Changed::Changed => "changed",
        };
        let object = referenced(&change.object);
        let place = if place.is_empty() { String::new() } else { format!(" {}", referenced(&place)) };
        let _ = write!(text, "\n<details><summary>{object} {word}{place}</summary>\n\n");
        if change.diff.len() > *room {
            text.push_str("The difference is too long to be shown here; see `shipperctl plan`.\n");
        } else {
            *room -= change.diff.len();
            text.push_str(&fenced(&change.diff));
        }
        text.push_str("\n</details>\n");
    }
    text.push('\n');
    text
}

/// That there is more than what was listed.
fn more(text: &mut String, count: usize, before: &str) {
    if let Some(left @ 1..) = count.checked_sub(MAX_LINES) {
        let _ = writeln!(text, "{before}and {left} more; see `shipperctl plan`");
    }
}

/// A code span that nothing in it can end.
fn code(text: &str) -> String {
    let text = plain(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// The same where no code span can stand: in a table, whose cells a bar would end, and in HTML. Hosts agree on what a character
/// reference is, whatever else they make of marks.
fn referenced(text: &str) -> String {
    let mut shown = String::from("<code>");
    for c in plain(text).chars() {
        // Those that are no mark anywhere stay readable in the source.
        if c.is_ascii_punctuation() && !matches!(c, '-' | '.' | ',' | '/' | '%' | '(' | ')' | ':') {
            let _ = write!(shown, "&#{};", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown + "</code>"
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
    use serde_json::json;

    /// A change of every cluster of a large fleet.
    #[test]
    fn a_comment_is_never_longer_than_hosts_take() {
        let share = |release: &str| json!({"release": release, "capacity": 100, "traffic": 100});
        let cluster = |number: usize| {
            json!({"cluster": format!("cluster-{number}"), "before": [share("shop-1")], "after": [share("shop-2")],
                "pods": {"before": 3, "after": 4}})
        };
        let clusters: Vec<_> = (0..1000).map(cluster).collect();
        let application = |number: usize| {
            json!({"application": format!("web/shop-{number}"), "removed": false, "releases": [], "withdrawn": [], "clusters": clusters,
                "pods": {"before": 0, "after": 0}, "placed": 1000, "objects": [], "conditions": [],
                "waiting": {"state": "none", "message": "", "clusters": []}})
        };
        let applications: Vec<_> = (0..100).map(application).collect();
        let file = |number: usize| {
            json!({"severity": "error", "file": format!("clusters/{number}.yaml"), "line": null, "column": null, "field": null,
                "message": "is wrong"})
        };
        let files: Vec<_> = (0..100).map(file).collect();
        let forecast = json!({"base": "b", "head": "h", "files": files, "applications": applications});
        let text = markdown(&serde_json::from_value(forecast).unwrap());
        assert!(text.len() < MAX_COMMENT + 1000, "{}", text.len());
        for told in
            ["100 errors", "and 50 more", "and 950 more", "no room here for ", "decided by the hub's planner"]
        {
            assert!(text.contains(told), "{told}: {text}");
        }
    }

    #[test]
    fn nothing_that_others_wrote_is_markup() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`@everyone"), "`` `@everyone ``");
        assert_eq!(referenced("a|b"), "<code>a&#124;b</code>");
        assert_eq!(referenced("<b> @all"), "<code>&#60;b&#62; &#64;all</code>");
        assert!(fenced("+ ```\n+ # x").starts_with("````diff\n"));
        assert!(!code("a\u{1b}[2J\nb").contains(['\u{1b}', '\n']));
    }
}
