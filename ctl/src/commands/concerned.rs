//! Which release a command is about. One that names its release, as pages and messages hand it out, does nothing once another is the
//! contender.

use shipper_core::ReleaseName;
use shipper_core::ReleaseName;
use shipper_core::ReleaseName;
use shipper_core::ReleaseName;
use shipper_core::command::Command;
use shipper_core::status::ApplicationStatus;

use crate::Error;
use crate::cli::Global;
use crate::hub::Hub;

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
        let status = Hub::of(global)?.application(app)?;
        let contender = status.contender.as_ref().map(ReleaseName::as_str);
        self.still(&status, contender, Command::new(verb).word(&status.application))
    }
}
