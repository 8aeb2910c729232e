//! What the terminal says: what runs, what happens, what to type next.

use std::collections::BTreeMap;
use std::io::Write as _;

use jiff::Zoned;
use shipper_core::command::{Command, quoted};
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_core::{AppKey, ClusterName};

use super::{Fleet, example, tour};
use crate::Error;
use crate::render::{urgency, waiting_for};
use crate::terminal::{FAINT, GOOD, STRONG, Terminal, plain, styled};

const WITH_HELM: &str =
    "Helm is here: web/greeter comes from the chart charts/greeter, and its strategy goes on by itself.";
const WITHOUT_HELM: &str =
    "There is no helm in PATH, so the example's chart is left out; plain manifests need none.";

/// Tells on and on.
pub(super) async fn tell(fleet: &Fleet, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    greet(fleet, terminal)?;
    let mut changes = fleet.shared.statuses.subscribe();
    let mut told: BTreeMap<AppKey, Line> = BTreeMap::new();
    let mut tour = tour::Tour::new(fleet);
    loop {
        for status in fleet.shared.statuses.list(None) {
            let line = Line::of(&status);
            if told.get(&status.application) != Some(&line) {
                writeln!(terminal.out, "{} {}", clock(), line.print(&status))?;
                told.insert(status.application.clone(), line);
            }
            tour.go_on(&status, terminal).await?;
        }
        terminal.out.flush()?;
        if changes.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// The time of day of a line.
pub(super) fn clock() -> String {
    format!("{FAINT}{}{FAINT:#}", Zoned::now().strftime("%H:%M:%S"))
}

/// What a line says of an application; another one is printed when this changes.
#[derive(PartialEq, Eq)]
struct Line {
    release: Option<String>,
    step: usize,
    achieved: bool,
    waiting: WaitingFor,
    /// Pods that fail are news even while the same is waited for.
    failing: Vec<String>,
}

impl Line {
    fn of(status: &ApplicationStatus) -> Self {
        let release = status.releases.iter().find(|release| Some(&release.name) == status.contender.as_ref());
        let pods = status.clusters.iter().flat_map(|c| &c.releases).flat_map(|r| &r.pods);
        let mut failing: Vec<String> = pods
            .filter(|group| group.reason.ends_with("BackOff"))
            .map(|group| group.reason.clone())
            .collect();
        failing.sort();
        failing.dedup();
        Self {
            release: release.map(|release| release.name.to_string()),
            step: release.map_or(0, |release| release.step),
            achieved: release.is_some_and(|r| r.achieved.as_ref().is_some_and(|a| a.step == r.step)),
            waiting: status.waiting.state,
            failing,
        }
    }

    fn print(&self, status: &ApplicationStatus) -> String {
        let app = styled(STRONG, &status.application.to_string());
        let Some(release) = &self.release else { return format!("{app} {}", plain(&status.waiting.message)) };
        let steps = status.releases.iter().find(|r| r.name.as_str() == release).map(|r| r.steps.as_slice());
        let step = steps.and_then(|steps| steps.get(self.step)).map(String::as_str).unwrap_or_default();
        let done = if self.achieved { format!(" {GOOD}done{GOOD:#}") } else { String::new() };
        let failing = if self.failing.is_empty() {
            String::new()
        } else {
            format!("; pods fail: {}", self.failing.join(", "))
        };
        let waits = match self.waiting {
            WaitingFor::None => "at rest".to_owned(),
            state => {
                let style = urgency(state);
                let places: Vec<&str> = status.waiting.clusters.iter().map(ClusterName::as_str).collect();
                let places =
                    if places.is_empty() { String::new() } else { format!(" in {}", places.join(", ")) };
                format!("{style}waits for {}{style:#}{places}", waiting_for(state))
            }
        };
        format!("{app} {} step {}{done}: {waits}{}", plain(release), plain(step), plain(&failing))
    }
}

fn greet(fleet: &Fleet, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let Fleet { kind, hub_url: hub, repository_url: url, .. } = fleet;
    // A shell reads an alias once where it is made, and once where it is used.
    let program = fleet.program.display().to_string();
    let program = quoted(&quoted(&program)).into_owned();
    let clone = Command::new("git clone").word(url);
    let count = example::clusters().count();
    writeln!(
        terminal.out,
        "\
{STRONG}A fleet of {count} {kind} runs on this machine.{STRONG:#}
  hub         {hub}
  repository  {url}"
    )?;
    for (cluster, path) in &fleet.kubeconfigs {
        writeln!(
            terminal.out,
            "  {cluster:<10}  {}",
            Command::new("kubectl").option("--kubeconfig", path.display())
        )?;
    }
    writeln!(
        terminal.out,
        "
{STRONG}In a second terminal:{STRONG:#}
  alias shipperctl={program}
  export SHIPPER_HUB={}
  {clone} && cd fleet
  shipperctl status web/hello --watch

{STRONG}Then roll something out:{STRONG:#}
  sed -i 's/hello:1.*/hello:1.2.0/' apps/hello/deployment.yaml
  git commit -am 'Roll out 1.2.0' && git push
  shipperctl promote web/hello       # to the next step; it says when it is too early
  shipperctl abort web/hello         # back to what ran before, at once

Or something bad: hello:broken cannot be pulled, hello:crash ends again and again. Ctrl-C ends the demo.
{}
",
        quoted(hub),
        if fleet.charts { WITH_HELM } else { WITHOUT_HELM }
    )?;
    terminal.out.flush()?;
    Ok(())
}
