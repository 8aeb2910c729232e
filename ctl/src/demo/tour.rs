//! The first minute of the demo: it brings the first release up and begins to roll out the second, by the commits that a
//! person would make. From then on everything is up to whoever watches.

use std::io::Write as _;

use shipper_core::command::Command;
use shipper_core::intent::StepRef;
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_git::Identity;

use super::{Fleet, story};
use crate::Error;
use crate::edit::{Order, set_rollout};
use crate::repository::{self, Change, FileChange, Published, publish};
use crate::terminal::{FAINT, GOOD, STRONG, Terminal};

const APPLICATION: &str = "web/hello";
const FILE: &str = "applications/web/hello.yaml";
const MANIFEST: &str = "apps/hello/deployment.yaml";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waits for the first release to be made.
    Begin,
    /// Waits for it to be complete.
    First,
    /// Waits for the second to reach its first step.
    Second,
    /// The person's turn.
    Over,
}

/// Where the tour is.
pub(super) struct Tour<'a> {
    fleet: &'a Fleet,
    stage: Stage,
}

impl<'a> Tour<'a> {
    /// The tour of a fleet; over at once for one that was there before.
    pub(super) fn new(fleet: &'a Fleet) -> Self {
        Self { fleet, stage: if fleet.fresh { Stage::Begin } else { Stage::Over } }
    }

    /// Makes the next commit when it is time for it.
    pub(super) async fn go_on(
        &mut self,
        status: &ApplicationStatus,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), Error> {
        if status.application.to_string() != APPLICATION {
            return Ok(());
        }
        let release = status.releases.iter().find(|release| Some(&release.name) == status.contender.as_ref());
        let Some(release) = release else { return Ok(()) };
        let waits = status.waiting.state;
        match self.stage {
            // Nothing runs yet that could be harmed, so the first release need not go step by step.
            Stage::Begin => {
                let (name, step) = (release.name.to_string(), "full on".to_owned());
                let promote = Command::new("shipperctl promote").word(APPLICATION).option("--step", &step);
                self.say(terminal, &promote.to_string())?;
                self.commit(format!("Promote {APPLICATION} to {step}"), FILE, move |text| {
                    let step = StepRef::Name(step.clone());
                    set_rollout(text, Order { release: &name, step: &step, request: None, skip_gates: false })
                        .map_err(|source| Error::Edit { file: FILE.to_owned(), source })
                })
                .await?;
                self.stage = Stage::First;
            }
            Stage::First if release.complete.is_some() && waits == WaitingFor::None => {
                self.say(terminal, "git commit -am 'Roll out 1.1.0' && git push")?;
                self.commit("Roll out 1.1.0".to_owned(), MANIFEST, |text| {
                    Ok(text.replace("hello:1.0.0", "hello:1.1.0"))
                })
                .await?;
                self.stage = Stage::Second;
            }
            Stage::Second if status.incumbent.is_some() && waits == WaitingFor::WaitingForCommand => {
                writeln!(
                    terminal.out,
                    "{GOOD}Your turn:{GOOD:#} {STRONG}shipperctl promote {APPLICATION}{STRONG:#} goes on, \
                     {STRONG}shipperctl abort {APPLICATION}{STRONG:#} goes back."
                )?;
                self.stage = Stage::Over;
            }
            Stage::First | Stage::Second | Stage::Over => {}
        }
        Ok(())
    }

    fn say(&self, terminal: &mut Terminal<'_>, command: &str) -> Result<(), Error> {
        writeln!(
            terminal.out,
            "{} {FAINT}the demo does:{FAINT:#} {STRONG}{command}{STRONG:#}",
            story::clock()
        )?;
        Ok(())
    }

    async fn commit(
        &self,
        message: String,
        path: &'static str,
        edit: impl Fn(&str) -> Result<String, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let repository = self.fleet.repository.display().to_string();
        let work = move || -> Result<Published, Error> {
            let place = repository::find(Some(&repository))?;
            let author = Identity {
                name: "Shipper demo".to_owned(),
                email: "demo@shipper.dev".to_owned(),
                seconds: jiff::Timestamp::now().as_second(),
                offset_minutes: 0,
            };
            publish(&place, None, false, &author, |main, _| {
                let text = repository::read_text(main, path)?.unwrap_or_default();
                let content = edit(&text)?.into_bytes();
                Ok(Change {
                    files: vec![(path.to_owned(), FileChange::Write(content))],
                    message: message.clone(),
                    says_something: false,
                })
            })
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done.map(drop),
            Err(error) => Err(Error::Demo { step: "commit", reason: error.to_string() }),
        }
    }
}
