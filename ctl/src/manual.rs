//! The command line as a page of the book, `docs/shipperctl.md`: what `--help` says, command by command.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};

use crate::cli::{Cli, WIDTH};
use crate::exit;

/// Where the page stands in the repository.
pub const PATH: &str = "docs/shipperctl.md";

const BEGINNING: &str = "\
# shipperctl

What `shipperctl --help` and `shipperctl <command> --help` say, in one page. It is made from the program by `cargo xtask docs`.

- Commands that look ask the hub (`--hub`, `SHIPPER_HUB`). Commands that change something make one commit in your own name and
  push it to `main`, or with `--pull-request` to a branch; nothing is changed in any other way.
- `-o json` and `-o yaml` print the objects of the hub's API, or [what is the command's own](shipperctl-json.md), `-o name` names that other commands take, `-o wide` all columns.
- Colours are for terminals: `NO_COLOR`, `CLICOLOR=0`, or a pipe ends them. Text that others wrote cannot move the cursor, take a colour or hide:
  what would is shown as an escape, and programs read it to the letter. What takes long says on the terminal what it is doing.
- After a push, `wait` waits for what becomes of that commit; `promote`, `abort`, `rollback`, `restart` and `resume` go on until it is done
  with `--wait`.
- `shipperctl man DIR` writes a manual page for every command, for packages; it is not listed in the help.
- As a plugin of kubectl it is called `kubectl shipper`; see [completion](#shipperctl-completion).
- A pull request is opened with the token in `SHIPPER_GIT_TOKEN`, or `GITHUB_TOKEN`, `GITLAB_TOKEN`, `GITEA_TOKEN`, `FORGEJO_TOKEN`. Hosts
  that are not known by their name are asked what they are, or `SHIPPER_GIT_HOST` says it: `github`, `gitlab`, `gitea`, `forgejo`.
";

/// The page.
pub fn page() -> String {
    let mut root = Cli::command().max_term_width(WIDTH).term_width(WIDTH).disable_help_subcommand(true);
    root.build();
    let mut text = BEGINNING.to_owned();
    text.push_str("\n## Exit codes\n\n| Code | Meaning |\n|---|---|\n");
    for exit in exit::Exit::ALL {
        let _ = writeln!(text, "| {} | {} |", *exit as u8, exit.meaning());
    }
    text.push_str("\n## Commands\n\n");
    let mut commands = Vec::new();
    visible(&root, &mut vec!["shipperctl".to_owned()], &mut commands);
    for (name, command) in &commands {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "- [`{name}`](#{}): {about}", name.replace(' ', "-"));
    }
    for (name, command) in commands {
        let help = command
            .clone()
            .bin_name(&name)
            .max_term_width(WIDTH)
            .term_width(WIDTH)
            .render_long_help()
            .to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    }
    text
}

/// Every command that does something, in the order of `--help`, with its whole name.
fn visible<'c>(command: &'c Command, path: &mut Vec<String>, found: &mut Vec<(String, &'c Command)>) {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        path.push(inner.get_name().to_owned());
        if inner.has_subcommands() {
            visible(inner, path, found);
        } else {
            found.push((path.join(" "), inner));
        }
        path.pop();
    }
}
