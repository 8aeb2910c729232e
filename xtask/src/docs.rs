//! `cargo xtask docs`: pages that come from the code, and the API documentation, with broken links as errors.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};

use crate::book;
use crate::command::{cargo, output, root, say};

/// Examples, by package, that print pages of the book, each after a line `%%% path`.
const GENERATED: [(&str, &str); 5] = [
    ("shipper-core", "life"),
    ("shipper-core", "pictures"),
    ("shipper-core", "reasons"),
    ("shipperctl", "manual"),
    ("shipperctl", "openapi"),
];
/// A folder in which every page is generated.
const REASONS: &str = "docs/reasons";

/// Write what is generated in `docs/` and build the API documentation
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail if the generated pages are not up to date, or the book names what is not there
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.check {
        return check();
    }
    let pages = pages()?;
    for path in left_over(&pages)? {
        fs::remove_file(root().join(&path)).with_context(|| format!("cannot remove {path}"))?;
    }
    for (path, page) in &pages {
        let path = root().join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    say(&format!("wrote {} pages", pages.len()));
    book::check()?;
    api()
}

/// Builds the API documentation, in which no link may be broken.
pub(crate) fn api() -> Result<()> {
    say("> the API documentation");
    // Private items too: module heads lead through the rooms of their crate, and may link to all of them.
    let mut doc = cargo(["doc", "--workspace", "--no-deps", "--document-private-items", "--keep-going"]);
    doc.arg("--message-format=short").env("RUSTDOCFLAGS", "-A rustdoc::private-intra-doc-links");
    let built = doc.output().context("cannot run `cargo doc`")?;
    let said = String::from_utf8_lossy(&built.stderr);
    let found: Vec<&str> = said.lines().filter(|line| is_finding(line)).collect();
    ensure!(found.is_empty(), "the API documentation has faults:\n{}", found.join("\n"));
    ensure!(built.status.success(), "`cargo doc` failed ({}):\n{said}", built.status);
    Ok(())
}

/// Whether a line of `cargo doc` names a fault. The name of a rule stands in brackets in prose, as in `[M8]`, and is no link.
fn is_finding(line: &str) -> bool {
    let Some((_, message)) = line.split_once(": warning: ").or_else(|| line.split_once(": error")) else {
        return false;
    };
    let target = message.strip_prefix("unresolved link to `").and_then(|rest| rest.split('`').next());
    let is_rule = |name: &str| {
        let number = name.strip_prefix(|letter: char| letter.is_ascii_uppercase());
        number.is_some_and(|number| number.parse::<u8>().is_ok())
    };
    !target.is_some_and(is_rule)
}

/// Whether the book is what the code says.
pub(crate) fn check() -> Result<()> {
    say("> the book");
    let pages = pages()?;
    for (path, page) in &pages {
        let stands = fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))?;
        ensure!(stands == *page, "{path} is not what the code says; run `cargo xtask docs`");
    }
    let left = left_over(&pages)?;
    ensure!(left.is_empty(), "the code says nothing of {}; run `cargo xtask docs`", left.join(", "));
    book::check()
}

/// Every generated page, by path.
fn pages() -> Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    for (package, example) in GENERATED {
        let text = output(&mut cargo(["run", "--quiet", "--package", package, "--example", example]))?;
        pages.extend(split(&text));
    }
    Ok(pages)
}

fn split(text: &str) -> impl Iterator<Item = (String, String)> {
    let text = text.strip_prefix("%%% ").unwrap_or(text);
    text.split("\n%%% ").filter_map(|part| {
        let (path, page) = part.split_once('\n')?;
        Some((path.to_owned(), format!("{}\n", page.trim_end())))
    })
}

/// Pages in the folder of reasons that no reason has any more.
fn left_over(pages: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(root().join(REASONS)) else { return Ok(Vec::new()) };
    let mut left = Vec::new();
    for entry in entries {
        let path = format!("{REASONS}/{}", entry?.file_name().to_string_lossy());
        if !pages.contains_key(&path) {
            left.push(path);
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_link_is_a_finding_and_the_name_of_a_rule_is_none() {
        let line = |target: &str| {
            format!("core/src/plan/mod.rs:1:5: warning: unresolved link to `{target}`: no item named so")
        };
        assert!(is_finding(&line("Targets")) && is_finding(&line("M")) && is_finding(&line("M8x")));
        assert!(!is_finding(&line("M8")) && !is_finding(&line("C12")));
        assert!(is_finding("hub/src/args.rs:3:9: warning: unclosed HTML tag `NAME`"));
        assert!(is_finding("hub/src/args.rs:3:9: error[E0432]: unresolved import `x`"));
        assert!(!is_finding("warning: `shipper-core` (lib doc) generated 12 warnings"));
    }

    #[test]
    fn pages_are_told_apart_by_their_paths() {
        let pages: Vec<_> = split("%%% docs/a.md\n# A\n\ntext\n%%% docs/b.md\n# B\n").collect();
        let page = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        assert_eq!(pages, [page("docs/a.md", "# A\n\ntext\n"), page("docs/b.md", "# B\n")]);
    }
}
