//! `shipperctl hub tokens`: tokens for reading, made and taken back on the hub's own database, also while hubs work with it.

use std::io::Write as _;
use std::path::PathBuf;

use comfy_table::{Cell, Color};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use shipper_core::command;
use shipper_core::name::is_dns_label;
use shipper_git::Secret;
use shipper_hub::access::secret::{Digest, read_token};
use shipper_hub::access::sight::{Sight, namespace};
use shipper_hub::store::keys::{Database, KeysError};
use shipper_hub::store::{AccessChange, ReadToken};

use super::block_on;
use crate::Error;
use crate::output::OutputArgs;
use crate::render::{print, table_of};
use crate::terminal::{FAINT, GOOD, Terminal, plain};
use shipper_core::suggest;

/// How long a token counts where nobody says.
const USUAL: &str = "90d";

/// `hub tokens create|list|revoke`
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Make a token; it is shown this once
    #[command(after_help = "\
Examples:
  shipperctl hub tokens create prometheus --expires 365d --data-dir /var/lib/shipper
  shipperctl hub tokens create shop-ci --namespace shop,shop-ci --database postgres://hub@db.example.com/hub

Standard output has the token and nothing else. The hubs know it within two seconds; the database holds only its digest.")]
    Create(CreateArgs),
    /// Show the tokens: what they see, until when, when they were last used
    List(ListArgs),
    /// Take tokens back: within two seconds they count no more, and streams that are open with them end
    Revoke(RevokeArgs),
}

/// Where the hub's database is.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct DatabaseArgs {
    /// The hub's --data-dir, where its database is in there
    #[arg(long, env = "SHIPPER_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The hub's --database, where it is in PostgreSQL
    #[arg(long, env = "SHIPPER_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
}

/// What a token is to be.
#[derive(Clone, Debug, clap::Args)]
pub struct CreateArgs {
    /// What people call it: whose it is, or what for
    #[arg(value_name = "NAME", value_parser = name)]
    pub name: String,
    /// How long it counts: 12h, 90d, never
    #[arg(long, value_name = "TIME", default_value = USUAL, value_parser = expiry)]
    pub expires: Expiry,
    /// Namespaces that are seen with it [default: everything]
    #[arg(long = "namespace", value_name = "NAMESPACE", value_delimiter = ',', value_parser = namespace)]
    pub namespaces: Vec<String>,
    /// Where the database is.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How the list is printed.
#[derive(Clone, Debug, clap::Args)]
pub struct ListArgs {
    /// Where the database is.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Which tokens go.
#[derive(Clone, Debug, clap::Args)]
pub struct RevokeArgs {
    /// Names of the tokens
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Where the database is.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How long a token counts; `None` = as long as nobody takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry(Option<SignedDuration>);

/// A token as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    /// `*` is all.
    namespaces: Sight,
    created: Timestamp,
    expires: Option<Timestamp>,
    last_used: Option<Timestamp>,
    expired: bool,
    /// Only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl Shown {
    fn of(token: &ReadToken, now: Timestamp) -> Self {
        Self {
            name: token.name.clone(),
            namespaces: token.sight.clone(),
            created: token.created,
            expires: token.expires,
            last_used: token.used,
            expired: !token.counts(now),
            token: None,
        }
    }

    fn sees(&self) -> String {
        match self.namespaces.namespaces() {
            None => "everything".to_owned(),
            Some(namespaces) => namespaces.iter().cloned().collect::<Vec<_>>().join(", "),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When there is no such database or token, or one of that name is there already.
pub fn run(command: &Command, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    match command {
        Command::Create(args) => create(args, terminal),
        Command::List(args) => list(args, terminal),
        Command::Revoke(args) => revoke(args, terminal),
    }
}

fn create(args: &CreateArgs, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let (secret, now) = (read_token(), Timestamp::now());
    let sight = if args.namespaces.is_empty() {
        Sight::Everything
    } else {
        Sight::from(args.namespaces.iter().cloned().collect::<std::collections::BTreeSet<_>>())
    };
    let token = ReadToken {
        hash: Digest::of(&secret),
        name: args.name.clone(),
        sight,
        created: now,
        expires: args.expires.0.and_then(|length| now.checked_add(length).ok()),
        used: None,
    };
    let mut shown = Shown::of(&token, now);
    let changed =
        block_on(args.database.open()?.change(&[AccessChange::AddToken(token)]))?.map_err(refused)?;
    if changed != [true] {
        let message = format!(
            "there is a token {} already; choose another name, or take that one back with `{}`",
            args.name,
            command::Command::new("shipperctl hub tokens revoke").word(&args.name)
        );
        return Err(Error::Refused { message });
    }
    shown.token = Some(secret.clone());
    let alone = || Ok(format!("{secret}\n"));
    let text = args.output.output.print(&shown, || vec![secret.clone()], alone)?;
    write!(terminal.out, "{text}")?;
    let until =
        shown.expires.map_or_else(|| "until it is revoked".to_owned(), |at| format!("until {}", day(at)));
    writeln!(
        terminal.err,
        "{GOOD}Created{GOOD:#} the read token {}, which sees {} {until}. {FAINT}It is shown this once; hubs know it within two seconds.{FAINT:#}",
        args.name,
        shown.sees()
    )?;
    Ok(())
}

fn list(args: &ListArgs, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let now = Timestamp::now();
    let tokens = block_on(args.database.open()?.tokens())?.map_err(refused)?;
    let tokens: Vec<Shown> = tokens.iter().map(|token| Shown::of(token, now)).collect();
    let output = args.output.output;
    let names = || tokens.iter().map(|token| token.name.clone()).collect();
    let text = output.print(&tokens, names, || Ok(table(&tokens, output.width(terminal))))?;
    Ok(write!(terminal.out, "{text}")?)
}

fn table(tokens: &[Shown], width: Option<u16>) -> String {
    if tokens.is_empty() {
        return "No read tokens. Make one with `shipperctl hub tokens create NAME`.\n".to_owned();
    }
    let mut table = table_of(&["NAME", "SEES", "CREATED", "EXPIRES", "LAST USED"], width);
    for token in tokens {
        let expires = match token.expires {
            Some(at) if token.expired => Cell::new(format!("expired {}", day(at))).fg(Color::Red),
            Some(at) => Cell::new(day(at)),
            None => Cell::new("never"),
        };
        table.add_row(vec![
            Cell::new(plain(&token.name)),
            Cell::new(plain(&token.sees())),
            Cell::new(day(token.created)),
            expires,
            Cell::new(
                token.last_used.map_or_else(|| "never".to_owned(), |at| at.strftime("%F %R UTC").to_string()),
            ),
        ]);
    }
    print(&table) + "\n"
}

fn revoke(args: &RevokeArgs, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let database = args.database.open()?;
    let known = block_on(database.tokens())?.map_err(refused)?;
    let known: Vec<&str> = known.iter().map(|token| token.name.as_str()).collect();
    if let Some(name) = args.names.iter().find(|name| !known.contains(&name.as_str())) {
        let hint = suggest::hint(name, &known);
        return Err(Error::NotFound { what: "read token", name: name.clone(), hint });
    }
    let changes: Vec<AccessChange> = args.names.iter().cloned().map(AccessChange::RevokeToken).collect();
    block_on(database.change(&changes))?.map_err(refused)?;
    let names = args.names.join(", ");
    let text =
        || Ok(format!("{GOOD}Revoked{GOOD:#} {}. Within two seconds it counts no more.\n", plain(&names)));
    let text = args.output.output.print(&args.names, || args.names.clone(), text)?;
    Ok(write!(terminal.out, "{text}")?)
}

impl DatabaseArgs {
    fn open(&self) -> Result<Database, Error> {
        if let Some(directory) = &self.data_dir {
            return Ok(Database::Directory(directory.clone()));
        }
        let url = Secret::new(self.database.clone().unwrap_or_default());
        let address = url.reveal().parse();
        address
            .map(|address| Database::Postgres(Box::new(address)))
            .map_err(|error| Error::Usage { message: format!("--database: {error}") })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn refused(error: KeysError) -> Error {
    Error::Refused { message: error.to_string() }
}

fn day(at: Timestamp) -> String {
    at.strftime("%F").to_string()
}

fn name(text: &str) -> Result<String, String> {
    if is_dns_label(text) {
        return Ok(text.to_owned());
    }
    Err("small letters, digits and - are allowed, at most 63".to_owned())
}

/// `90d`, `12h`, `never`.
fn expiry(text: &str) -> Result<Expiry, String> {
    if text == "never" {
        return Ok(Expiry(None));
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let length = match days {
        Some(days) => SignedDuration::from_hours(i64::from(days) * 24),
        None => text
            .parse()
            .map_err(|_| format!("{text:?} is not a length of time such as 12h or {USUAL}, nor never"))?,
    };
    if length <= SignedDuration::ZERO {
        return Err(format!("{text:?} is over at once; the usual is {USUAL}"));
    }
    Ok(Expiry(Some(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_days_hours_or_for_ever() {
        assert_eq!(expiry(USUAL), Ok(Expiry(Some(SignedDuration::from_hours(90 * 24)))));
        assert_eq!(expiry("1h30m"), Ok(Expiry(Some(SignedDuration::from_mins(90)))));
        assert_eq!(expiry("never"), Ok(Expiry(None)));
        for wrong in ["0d", "soon", "-1h"] {
            assert!(expiry(wrong).is_err(), "{wrong}");
        }
        assert!(namespace("*").is_ok() && namespace("Shop").is_err());
    }
}
