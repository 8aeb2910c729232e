//! Command lines that are wrong, told without what only looks like a part of the mistake.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// What is said of it, with the usage of the command that was meant: an option that only the environment sets is no part of that. Where
/// one of several commands is missing, it is the help that lists them.
pub(crate) fn told(mut error: Error, mut root: Command, arguments: &[OsString]) -> String {
    root.build();
    let mut meant = meant(&root, arguments);
    if error.kind() == ErrorKind::MissingSubcommand {
        return meant.render_help().ansi().to_string();
    }
    if error.get(ContextKind::Usage).is_some() {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(meant.render_usage()));
    }
    error.render().ansi().to_string()
}

/// The innermost command that was named.
fn meant(root: &Command, arguments: &[OsString]) -> Command {
    let mut command = root;
    for word in arguments.iter().skip(1) {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    command.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    fn said(arguments: &[&str]) -> String {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let error = Cli::command().try_get_matches_from(&arguments).unwrap_err();
        anstream::adapter::strip_str(&told(error, Cli::command(), &arguments)).to_string()
    }

    #[test]
    fn a_missing_name_shows_what_that_command_wants_and_nothing_else() {
        let said = said(&["shipperctl", "--hub", "http://hub", "watch"]);
        assert!(said.contains("Usage: shipperctl watch [OPTIONS] <[NAMESPACE/]APP>"), "{said}");
        assert!(!said.contains("--hub"), "{said}");
    }

    #[test]
    fn a_goal_that_is_none_is_met_with_the_nearest_word() {
        for (wrong, right) in [
            ("completed", "did you mean complete? "),
            ("setled", "did you mean settled? "),
            ("x", ": wait for "),
        ] {
            let said = said(&["shipperctl", "wait", "web/hello", "--for", wrong]);
            assert!(
                said.contains(right) && said.contains("wait for complete, settled, failed, or step="),
                "{said}"
            );
        }
    }

    #[test]
    fn no_command_at_all_shows_which_there_are() {
        let said = said(&["shipperctl", "clusters"]);
        assert!(said.contains("\n  drain") && !said.contains("error:"), "{said}");
    }
}
