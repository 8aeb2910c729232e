//! `--help` teaches; what it says is part of the interface. What it says of each command stands in `docs/shipperctl.md`, which is checked too.

use clap::{Command, CommandFactory};
use shipperctl::cli::{Cli, WIDTH};

#[test]
fn the_help_says_what_there_is() {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut text = command.render_long_help().to_string();
    for name in ["status", "blocks", "clusters"] {
        let help = command.find_subcommand_mut(name).unwrap().render_help();
        text.push_str(&format!("\n===== {name} =====\n\n{help}"));
    }
    insta::assert_snapshot!(text);
}

fn every(command: &Command, look: &mut impl FnMut(&Command)) {
    look(command);
    command.get_subcommands().for_each(|inner| every(inner, look));
}

/// Prose is broken where the terminal ends, and nowhere else; an example stands in one line.
#[test]
fn no_help_is_broken_twice() {
    every(&Cli::command(), &mut |command| {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let prose = |line: &str| line.starts_with(|c: char| c.is_ascii_alphabetic()) && !line.ends_with(':');
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let next = lines.get(at + 1).copied().unwrap_or_default();
            let name = command.get_name();
            assert!(!line.starts_with(' ') || line.len() <= WIDTH, "{name}: {line}");
            assert!(!(prose(line) && prose(next)), "{name}: {line}\n{next}");
        }
    });
}

#[test]
fn a_command_offers_no_option_that_does_nothing_there() {
    let mut command = Cli::command();
    command.build();
    for (name, without) in
        [("demo", &["--hub", "--repository", "--token-file"][..]), ("lint", &["--hub", "--token-file"])]
    {
        let help = command.find_subcommand_mut(name).unwrap().render_long_help().to_string();
        assert!(without.iter().all(|option| !help.contains(option)), "{help}");
    }
}
