//! What holds for every command. The list is taken from the command line itself: a command without a case fails.

mod exits;
mod hostile;
mod outputs;
mod shapes;

use std::collections::BTreeSet;

use clap::{Command, CommandFactory};
use shipperctl::cli::Cli;

/// Every command that does something, hidden ones included, as it is typed.
pub(crate) fn commands() -> BTreeSet<String> {
    fn leaves(command: &Command, path: &str, found: &mut BTreeSet<String>) {
        for inner in command.get_subcommands() {
            let name = format!("{path} {}", inner.get_name()).trim().to_owned();
            if inner.has_subcommands() {
                leaves(inner, &name, found);
            } else {
                found.insert(name);
            }
        }
    }
    let mut found = BTreeSet::new();
    leaves(&Cli::command(), "", &mut found);
    found
}

/// Whether the command can be told how to print.
pub(crate) fn prints_in_forms(name: &str) -> bool {
    let root = Cli::command();
    let command = name.split(' ').fold(&root, |command, word| command.find_subcommand(word).unwrap());
    let output = |argument: &clap::Arg| argument.get_short() == Some('o');
    command.get_arguments().any(output)
}

/// The commands of a table, which must be all but those `without`.
pub(crate) fn complete<'c>(table: impl IntoIterator<Item = &'c str>, without: &[&'c str]) {
    let known: BTreeSet<String> =
        table.into_iter().chain(without.iter().copied()).map(str::to_owned).collect();
    let missing: Vec<String> = commands().difference(&known).cloned().collect();
    assert!(missing.is_empty(), "commands without a case here: {missing:?}");
    let gone: Vec<String> = known.difference(&commands()).cloned().collect();
    assert!(gone.is_empty(), "cases of commands that there are not: {gone:?}");
}
