//! The commands that go on, back, or stop: each makes a commit, and only a person does that.

use crate::ui::mood::{contender, incumbent};
use crate::ui::words::quoted;
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

/// The commands that would be obeyed as things are, the one that is waited for first.
pub(super) fn of(status: &ApplicationStatus) -> Vec<Order> {
    let app = quoted(&status.application.to_string());
    let mut orders = Vec::new();
    let mut order =
        |wanted: bool, label: String, command: String| orders.push(Order { label, command, wanted });
    let Some(release) = contender(status) else { return orders };
    let under_way = release.complete.is_none();
    let next = release.steps.get(release.step + 1);
    if let Some(next) = next.filter(|_| under_way && release.failed.is_none()) {
        let wanted = status.waiting.state == WaitingFor::WaitingForCommand;
        let early = if wanted { "" } else { ", without waiting" };
        let name = quoted(release.name.as_str());
        order(
            wanted,
            format!("Promote to {next}{early}"),
            format!("shipperctl promote {app} --release {name} --step {}", quoted(next)),
        );
    }
    if let Some(before) = incumbent(status) {
        if under_way {
            order(false, format!("Abort: back to {}", before.version), format!("shipperctl abort {app}"));
        } else {
            order(
                false,
                format!("Roll back to {}", before.version),
                format!("shipperctl rollback {app} --to {}", quoted(before.name.as_str())),
            );
        }
    }
    if status.waiting.state == WaitingFor::Paused {
        order(true, "Go on".to_owned(), format!("shipperctl resume {app}"));
    } else if under_way {
        order(false, "Pause where it is".to_owned(), format!("shipperctl pause {app}"));
    }
    order(false, "Ask why".to_owned(), format!("shipperctl why {app}"));
    orders
}
