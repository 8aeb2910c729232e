//! Which release a command is about. One that names its release, as pages and messages hand it out, does nothing once another is the
//! contender.

use std::io::Write as _;

use shipper_core::ReleaseName;
use shipper_core::command::Command;
use shipper_core::status::ApplicationStatus;

use crate::Error;
use crate::cli::{Global, StateArgs};
use crate::hub::{Hub, pick};
use crate::records::Records;
use crate::repository;
use crate::terminal::{BUSY, Terminal, plain};

/// The option that names the release.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ReleaseArgs {
    /// Release that it is about: nothing is done once another is the contender [default: whichever is]
    #[arg(long, value_name = "NAME")]
    pub release: Option<String>,
}

impl ReleaseArgs {
    /// Refuses where the release that was named is not the one that the command is about now. `command`: the same for any release.
    ///
    /// # Errors
    /// When it is another one, or there is no such release.
    pub(super) fn still(
        &self,
        status: &ApplicationStatus,
        now: Option<&str>,
        command: Command,
    ) -> Result<(), Error> {
        let Some(asked) = self.release.as_deref().filter(|asked| now != Some(*asked)) else { return Ok(()) };
        let app = status.application.to_string();
        let Some(now) = now else {
            return Err(Error::Refused { message: format!("{app} has no release yet") });
        };
        let command = command.option("--release", now);
        let Some(release) = status.releases.iter().find(|release| release.name.as_str() == asked) else {
            let hint = format!("the contender of {app} is {now}; for that one: {command}");
            return Err(Error::NotFound { what: "release", name: asked.to_owned(), hint });
        };
        let why = if release.withdrawn.is_some() { "is withdrawn" } else { "is not the newest release" };
        let (asked, now) = (asked.to_owned(), now.to_owned());
        Err(Error::Stale { asked, why, app, now, command: command.to_string() })
    }

    /// The same for a command that needs the hub for nothing else.
    ///
    /// # Errors
    /// As [`Self::still`], and when the hub does not answer.
    pub(super) fn asked(&self, global: &Global, app: &str, verb: &'static str) -> Result<(), Error> {
        if self.release.is_none() {
            return Ok(());
        }
        let status = Hub::of(global)?.application(app).map_err(|error| {
            let command = Command::new(verb).word(app);
            or_else(error, || format!("without --release it needs no hub: {command}"))
        })?;
        let contender = status.contender.as_ref().map(ReleaseName::as_str);
        self.still(&status, contender, Command::new(verb).word(&status.application))
    }

    /// What the hub says of an application; where it does not answer, and the release is named, what it wrote last.
    ///
    /// # Errors
    /// When there is no such application, or neither the hub nor its branch can be read.
    pub(super) fn status(
        &self,
        global: &Global,
        (app, verb): (&str, &'static str),
        state: &StateArgs,
        terminal: &mut Terminal<'_>,
    ) -> Result<ApplicationStatus, Error> {
        let error = match Hub::of(global)?.application(app) {
            Err(Error::Hub(error)) if error.is_away() => error,
            answered => return answered,
        };
        if self.release.is_none() {
            let command = Command::new(verb).word(app);
            let way = format!(
                "it goes by what the hub wrote to its branch where the release is named: {command} --release NAME"
            );
            return Err(Error::Away { error, way });
        }
        let place = repository::state_place(global, state)?;
        terminal.busy(&format!("Reading {}", place.url));
        let records = Records::read(&place, &state.state_branch)?;
        let status = records.status(&pick(app, &records.applications()?)?)?;
        let error = plain(&error.to_string()).into_owned();
        writeln!(terminal.err, "{BUSY}by the branch of the hub:{BUSY:#} {error}")?;
        Ok(status)
    }
}

/// What can be done where the hub does not answer, beside why it does not.
pub(super) fn or_else(error: Error, way: impl FnOnce() -> String) -> Error {
    match error {
        Error::Hub(error) if error.is_away() => Error::Away { error, way: way() },
        other => other,
    }
}
