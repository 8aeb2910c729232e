//! The commands that go on, back, or stop: each makes a commit, and only a person does that.

use crate::ui::mood::{Mood, contender, incumbent};
use shipper_core::command::Command;
use shipper_core::status::{ApplicationStatus, WaitingFor};

/// A command to copy.
pub(super) struct Order {
    /// What it does.
    pub(super) label: String,
    /// The line.
    pub(super) command: String,
    /// Whether it is what the rollout waits for.
    pub(super) wanted: bool,
}

impl Order {
    /// The words of the line, none of which is to be torn apart.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.command.split(' ')
    }
}

/// The commands that would be obeyed as things are, the one that is waited for first; where something fails, the way back.
pub(super) fn of(status: &ApplicationStatus) -> Vec<Order> {
    let to = |verb: &'static str| Command::new(verb).word(&status.application);
    let mut orders = Vec::new();
    let mut order = |wanted: bool, label: String, command: Command| {
        orders.push(Order { label, command: command.to_string(), wanted });
    };
    let blocked = status.waiting.state == WaitingFor::Blocked;
    if blocked {
        order(true, "See what blocks it".to_owned(), Command::new("shipperctl blocks list"));
    }
    let Some(release) = contender(status) else { return orders };
    // What is copied and lies around does nothing to a release that comes later.
    let about = |verb: &'static str| to(verb).option("--release", &release.name);
    let under_way = release.complete.is_none();
    let failing = Mood::of(status) == Mood::Failing;
    let before = incumbent(status);
    let abort = before.filter(|_| under_way);
    let abort = abort.map(|before| (format!("Abort: back to {}", before.version), about("shipperctl abort")));
    let (first, later) = if failing { (abort, None) } else { (None, abort) };
    if let Some((label, command)) = first {
        order(true, label, command);
    }
    let paused = status.waiting.state == WaitingFor::Paused;
    if paused {
        order(true, "Go on".to_owned(), about("shipperctl resume"));
    }
    let next = release.steps.get(release.step + 1);
    // A promotion of what is paused or blocked would move nothing.
    if let Some(next) = next.filter(|_| under_way && release.failed.is_none() && !paused && !blocked) {
        let asked = status.waiting.state == WaitingFor::WaitingForCommand;
        let early = if asked { "" } else { ", without waiting" };
        order(
            asked && !failing,
            format!("Promote to {next}{early}"),
            about("shipperctl promote").option("--step", next),
        );
    }
    if let Some((label, command)) = later {
        order(false, label, command);
    }
    if let Some(before) = before.filter(|_| !under_way) {
        let command = about("shipperctl rollback").option("--to", &before.name);
        order(false, format!("Roll back to {}", before.version), command);
    }
    if under_way && !paused {
        order(false, "Pause where it is".to_owned(), about("shipperctl pause"));
    }
    order(false, "Ask why".to_owned(), to("shipperctl why"));
    orders
}
