//! `shipperctl completion`: scripts for shells. Commands and options stand in the script; for names of applications and clusters
//! the hub is asked, as long as it answers at once.

use std::io::Write as _;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory, ValueEnum};
use clap_complete::Shell;
use shipper_core::api::{ApplicationSummary, Page};
use shipper_core::protocol::{APPLICATIONS, CLUSTERS, ClusterOverview};

use crate::Error;
use crate::cli::{Cli, Global};
use crate::hub::Hub;
use crate::terminal::{Terminal, plain};

/// The hidden command that answers for what a script cannot know.
pub const HIDDEN: &str = "__complete";
/// How long a person waits for a name.
const PATIENCE: Duration = Duration::from_millis(800);
/// What follows the words, as `kubectl` reads it: no file names.
const NO_FILES: &str = ":4";
const FILES: &str = ":0";

/// Who is to complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// PowerShell
    Powershell,
    /// Elvish
    Elvish,
    /// kubectl, for `kubectl shipper`
    Kubectl,
}

/// `completion SHELL`
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(after_help = "\
Examples:
  source <(shipperctl completion bash)                               this shell
  shipperctl completion zsh > ~/.zfunc/_shipperctl                   every zsh, with ~/.zfunc in fpath
  shipperctl completion fish > ~/.config/fish/completions/shipperctl.fish

As `kubectl shipper`: link shipperctl as kubectl-shipper into a folder of PATH, and write the script for \
kubectl beside it, executable:
  ln -s \"$(command -v shipperctl)\" ~/bin/kubectl-shipper
  shipperctl completion kubectl > ~/bin/kubectl_complete-shipper && chmod +x ~/bin/kubectl_complete-shipper")]
pub struct Args {
    /// Which shell
    #[arg(value_enum)]
    pub shell: Target,
}

/// What was typed so far, the last word unfinished.
#[derive(Debug, Clone, clap::Args)]
pub struct Words {
    /// The words after the name of the program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let shell = match args.shell {
        Target::Bash => Shell::Bash,
        Target::Zsh => Shell::Zsh,
        Target::Fish => Shell::Fish,
        Target::Powershell => Shell::PowerShell,
        Target::Elvish => Shell::Elvish,
        Target::Kubectl => {
            return Ok(writeln!(terminal.out, "#!/bin/sh\nexec kubectl-shipper {HIDDEN} -- \"$@\"")?);
        }
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "shipperctl", &mut script);
    if shell == Shell::Bash {
        script.extend_from_slice(NAMES_IN_BASH.as_bytes());
    }
    Ok(terminal.out.own(&script)?)
}

/// Names in Bash: what the script has no words for, the program is asked for.
const NAMES_IN_BASH: &str = "\
_shipperctl_names() {
    _shipperctl \"$@\"
    local current=\"${COMP_WORDS[COMP_CWORD]}\"
    if [[ \"$current\" != -* ]]; then
        local words
        words=\"$(shipperctl __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null | grep -v '^:')\"
        [[ -n \"$words\" ]] && mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")
    fi
}
complete -F _shipperctl_names -o nosort -o bashdefault -o default shipperctl
";

/// Says what may stand in the place of the last word, a line each, then how to go on, as `kubectl` wants it of its plugins.
///
/// # Errors
/// When the output cannot be written.
pub fn complete(global: &Global, words: &Words, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let (candidates, files) = candidates(global, &words.words);
    for candidate in candidates {
        writeln!(terminal.out, "{}", plain(&candidate))?;
    }
    Ok(writeln!(terminal.out, "{}", if files { FILES } else { NO_FILES })?)
}

/// Candidates for the last word, and whether files are as good.
fn candidates(global: &Global, words: &[String]) -> (Vec<String>, bool) {
    let mut root = Cli::command();
    root.build();
    let (typed, before) = words.split_last().map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
    let (mut command, mut value_of, mut place) = (&root, None, 0);
    for word in before {
        if value_of.take().is_some() {
            continue;
        }
        if word.starts_with('-') {
            value_of = option(command, word).filter(|_| !word.contains('='));
        } else if let Some(inner) = command.find_subcommand(word) {
            (command, place) = (inner, 0);
        } else {
            place += 1;
        }
    }
    if let Some(option) = value_of {
        return values(global, option, typed);
    }
    if typed.starts_with('-') {
        let long = command.get_arguments().filter(|argument| !argument.is_hide_set());
        let all = long.filter_map(|argument| argument.get_long()).map(|long| format!("--{long}"));
        return (all.filter(|name| name.starts_with(typed)).collect(), false);
    }
    let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set()).map(Command::get_name);
    let inner: Vec<String> = inner.filter(|name| name.starts_with(typed)).map(str::to_owned).collect();
    if command.has_subcommands() {
        return (inner, false);
    }
    let positionals: Vec<&Arg> = command.get_positionals().collect();
    match positionals.get(place).or(positionals.last()) {
        Some(argument) => values(global, argument, typed),
        None => (Vec::new(), false),
    }
}

/// The option that a word names, if a value follows it.
fn option<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let name = word.split('=').next().unwrap_or(word);
    command.get_arguments().filter(|argument| argument.get_action().takes_values()).find(|argument| {
        argument.get_long().is_some_and(|long| name == format!("--{long}"))
            || argument.get_short().is_some_and(|short| name == format!("-{short}"))
    })
}

/// What may be the value of an argument.
fn values(global: &Global, argument: &Arg, typed: &str) -> (Vec<String>, bool) {
    let fits = |names: Vec<String>| names.into_iter().filter(|name| name.starts_with(typed)).collect();
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        return (fits(possible.iter().map(|value| value.get_name().to_owned()).collect()), false);
    }
    let name = argument.get_value_names().and_then(|names| names.first()).map(clap::builder::Str::as_str);
    match name {
        Some("[NAMESPACE/]APP") => (fits(applications(global, typed)), false),
        Some("CLUSTER") => (fits(clusters(global)), false),
        Some(name) if name.contains("PATH") || name.contains("DIR") => (Vec::new(), true),
        _ => (Vec::new(), false),
    }
}

fn applications(global: &Global, typed: &str) -> Vec<String> {
    let hub = Hub::hasty(global, PATIENCE);
    let page = hub.and_then(|hub| hub.get::<Page<ApplicationSummary>>(&format!("{APPLICATIONS}?limit=500")));
    let all = page.map(|page| page.items).unwrap_or_default();
    // A bare name is as good, where somebody began one.
    let full = all.iter().map(|one| one.application.to_string());
    let bare = all.iter().filter(|_| !typed.is_empty()).map(|one| one.application.name.clone());
    full.chain(bare).collect()
}

fn clusters(global: &Global) -> Vec<String> {
    let hub = Hub::hasty(global, PATIENCE);
    let page = hub.and_then(|hub| hub.get::<Page<ClusterOverview>>(&format!("{CLUSTERS}?limit=500")));
    page.map(|page| page.items).unwrap_or_default().iter().map(|one| one.cluster.name.to_string()).collect()
}
