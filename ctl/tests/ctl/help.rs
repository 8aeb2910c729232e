//! `--help` teaches; what it says is part of the interface. What it says of each command stands in `docs/shipperctl.md`, which is checked too.

use clap::CommandFactory;
use shipperctl::cli::Cli;

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
