//! `--help` teaches; what it says is part of the interface.

use clap::CommandFactory;
use shipperctl::cli::Cli;

#[test]
fn the_help_of_every_command() {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut text = command.render_long_help().to_string();
    for name in
        ["status", "why", "promote", "abort", "rollback", "remove", "blocks", "clusters", "lint", "demo"]
    {
        let help = command.find_subcommand_mut(name).unwrap().render_help();
        text.push_str(&format!("\n===== {name} =====\n\n{help}"));
    }
    for (group, names) in [("blocks", ["list", "add", "remove"].as_slice()), ("repository", &["accept"])] {
        let group_command = command.find_subcommand_mut(group).unwrap();
        for name in names {
            let help = group_command.find_subcommand_mut(name).unwrap().render_help();
            text.push_str(&format!("\n===== {group} {name} =====\n\n{help}"));
        }
    }
    insta::assert_snapshot!(text);
}
