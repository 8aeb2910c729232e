//! Whether what the book says is still so: links lead to files, and the tests that it names are there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::command::root;

/// Checks every page of the book and the pages beside it.
pub(crate) fn check() -> Result<()> {
    let mut lost = Vec::new();
    for directory in ["", "docs", "docs/adr", "docs/reasons"].map(|directory| root().join(directory)) {
        for page in pages(&directory)? {
            let text =
                fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
            let name = page.strip_prefix(root()).unwrap_or(&page).display();
            let links = lost_links(&text, &directory).into_iter();
            let tests = lost_tests(&text, &root()).into_iter();
            lost.extend(links.chain(tests).map(|what| format!("{name}: {what}")));
        }
    }
    ensure!(lost.is_empty(), "the book names what is not there: {}", lost.join(", "));
    Ok(())
}

fn pages(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "md")).collect())
}

/// Links to files that are not there, seen from `directory`.
fn lost_links(text: &str, directory: &Path) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with('#'))
        .filter_map(|target| target.split('#').next())
        .filter(|path| !directory.join(path).exists())
        .map(str::to_owned)
        .collect()
}

/// Functions that are named as `path/of/file.rs::name` in backticks and are not in that file.
fn lost_tests(text: &str, root: &Path) -> Vec<String> {
    let named = text.split('`').skip(1).step_by(2).filter_map(|code| Some((code, code.split_once(".rs::")?)));
    named
        .filter(|(_, (file, name))| {
            let source = fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default();
            !source.contains(&format!("fn {name}("))
        })
        .map(|(code, _)| code.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_from_the_page() {
        let text =
            "[a](main.rs) [b](#here) [c](https://example.com/x) [d](gone.md#part) [e](../Cargo.toml#x)";
        assert_eq!(lost_links(text, &root().join("xtask/src")), ["gone.md"]);
    }

    #[test]
    fn named_tests_are_looked_for_in_their_file() {
        let here = "`xtask/src/book.rs::named_tests_are_looked_for_in_their_file`";
        let text = format!("{here}, `xtask/src/book.rs::gone`, `xtask/gone.rs::check`, `xtask/src/book.rs`");
        assert_eq!(lost_tests(&text, &root()), ["xtask/src/book.rs::gone", "xtask/gone.rs::check"]);
    }
}
