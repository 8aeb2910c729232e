//! `shipperctl watch`: one rollout as it goes. On a terminal a picture that changes in place, in a pipe a line for each change.

mod follow;

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use jiff::Timestamp;
use shipper_core::api::{RolloutState, TimelineEvent};
use shipper_core::status::ApplicationStatus;

use self::follow::{News, follow};
use crate::Error;
use crate::cli::Global;
use crate::hub::Hub;
use crate::output::{Output, OutputArgs, json_line};
use crate::render;
use crate::terminal::{BAD, FAINT, Screen, Terminal, plain};

/// Ages grow although nothing happens.
const TICK: Duration = Duration::from_secs(1);
/// Entries of the timeline that stay in the picture.
const HAPPENED: usize = 8;

/// `watch APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl watch web/hello                     until Ctrl-C
  shipperctl watch web/hello --until-done        until nothing goes on without a person
  shipperctl watch web/hello | tee rollout.log   a line for each change
  shipperctl watch web/hello -o json             each change as the hub's object, in a line

When the connection breaks it says so, and goes on as soon as the hub is back. For scripts that need an \
exit code see `shipperctl wait`.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// End when the rollout is complete, or nothing goes on without a person
    #[arg(long)]
    pub until_done: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application, or the hub does not answer at first.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let hub = Hub::of(global)?;
    // The first look must succeed, so that a wrong name or address is an error and not a loop.
    let first = hub.application(&args.app)?;
    let key = first.application.clone();
    let known = hub.events(Some(&key), &[], HAPPENED).unwrap_or_default();
    let (sender, news) = channel();
    follow(global, &key, &sender)?;
    let mut view = View::new(args, terminal);
    view.happened.extend(known.into_iter().rev());
    view.status = Some(first);
    view.watch(&news)
}

struct View<'v, 't> {
    args: &'v Args,
    terminal: &'v mut Terminal<'t>,
    screen: Option<Screen>,
    status: Option<ApplicationStatus>,
    happened: VecDeque<TimelineEvent>,
    lost: Option<String>,
    last: String,
}

impl<'v, 't> View<'v, 't> {
    fn new(args: &'v Args, terminal: &'v mut Terminal<'t>) -> Self {
        let screen = (terminal.width.is_some() && args.output.output.for_people()).then(Screen::default);
        Self {
            args,
            terminal,
            screen,
            status: None,
            happened: VecDeque::new(),
            lost: None,
            last: String::new(),
        }
    }

    fn watch(&mut self, news: &Receiver<News>) -> Result<(), Error> {
        loop {
            self.show()?;
            if self.args.until_done && self.lost.is_none() && self.status.as_ref().is_some_and(is_done) {
                return Ok(());
            }
            let mut next = match news.recv_timeout(TICK) {
                Ok(news) => Some(news),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            while let Some(one) = next {
                if self.take(one)? {
                    return Ok(());
                }
                next = news.try_recv().ok();
            }
        }
    }

    /// Takes in what came; whether that was the end.
    fn take(&mut self, news: News) -> Result<bool, Error> {
        match news {
            News::Status(status) => {
                self.lost = None;
                self.status = Some(*status);
                if self.screen.is_none() {
                    self.show()?;
                }
            }
            News::Event(event) => {
                if !self.happened.contains(&event) {
                    if self.screen.is_none() && self.args.output.output.for_people() {
                        write!(
                            self.terminal.out,
                            "{}",
                            render::events([&event], true, self.args.output.output.is_wide())
                        )?;
                        self.terminal.out.flush()?;
                    }
                    self.happened.push_back(event);
                }
                while self.happened.len() > HAPPENED {
                    self.happened.pop_front();
                }
            }
            News::Lost(error) => {
                if self.lost.is_none() && self.screen.is_none() {
                    writeln!(self.terminal.err, "{BAD}{}{BAD:#}", plain(&error.to_string()))?;
                }
                self.lost = Some(error.to_string());
            }
            News::Gone => {
                writeln!(self.terminal.out, "{} is gone.", plain(&self.args.app))?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn show(&mut self) -> Result<(), Error> {
        let Some(status) = &self.status else { return Ok(()) };
        let now = Timestamp::now();
        if let Some(screen) = &mut self.screen {
            let width = self.args.output.output.width(self.terminal);
            let happened: &[TimelineEvent] = self.happened.make_contiguous();
            let lost = self.lost.as_ref().map(|lost| format!("\n! {BAD}{}{BAD:#}\n", plain(lost)));
            let picture = |messages, newest| {
                let newest = &happened[happened.len() - newest..];
                render::live(status, newest, now, width, messages) + lost.as_deref().unwrap_or_default()
            };
            // What is left out first: what happened longest ago, then what clusters say beside the first, which stands above them.
            let all = [true, false]
                .into_iter()
                .flat_map(|messages| (0..=happened.len()).rev().map(move |newest| (messages, newest)));
            let mut pictures = all.map(|(messages, newest)| picture(messages, newest));
            let fitting = pictures.find(|picture| screen.fits(picture)).unwrap_or_else(|| picture(false, 0));
            screen.draw(&fitting, &mut self.terminal.out)?;
            return Ok(());
        }
        let line = match self.args.output.output {
            Output::Text | Output::Wide => render::change(status),
            Output::Name => {
                status.contender.as_ref().map_or_else(String::new, |name| plain(name.as_str()).into_owned())
            }
            Output::Json | Output::Yaml => json_line(status)?.trim_end().to_owned(),
        };
        if line == self.last {
            return Ok(());
        }
        if self.args.output.output.for_people() {
            write!(self.terminal.out, "{FAINT}{}{FAINT:#} ", render::moment(now))?;
        }
        writeln!(self.terminal.out, "{line}")?;
        self.terminal.out.flush()?;
        self.last = line;
        Ok(())
    }
}

/// Whether nothing goes on without a person.
fn is_done(status: &ApplicationStatus) -> bool {
    let state = RolloutState::of(status);
    state == RolloutState::Complete
        || state.needs_somebody()
        || shipper_core::api::Goal::Settled.met(status).unwrap_or(false)
}
