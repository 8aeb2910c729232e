//! `--help` teaches; what it says is part of the interface.

use clap::CommandFactory;
use shipperctl::cli::Cli;

#[test]
fn the_help_of_every_command() {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut text = command.render_long_help().to_string();
    for name in ["status", "why", "promote", "abort", "blocks", "clusters", "lint", "demo"] {
        let help = command.find_subcommand_mut(name).unwrap().render_help();
        text.push_str(&format!("\n===== {name} =====\n\n{help}"));
    }
    let blocks = command.find_subcommand_mut("blocks").unwrap();
    for name in ["list", "add", "remove"] {
        let help = blocks.find_subcommand_mut(name).unwrap().render_help();
        text.push_str(&format!("\n===== blocks {name} =====\n\n{help}"));
    }
    insta::assert_snapshot!(text);
}
