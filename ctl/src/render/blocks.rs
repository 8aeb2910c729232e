//! The table of rollout blocks: which are in force, what each stops, what overrides it [B4].

use comfy_table::{Cell, Color};
use jiff::{SignedDuration, Timestamp};
use shipper_core::AppKey;
use shipper_core::intent::format_duration;
use shipper_core::status::BlockStatus;

use super::moment;
use super::table::Told;
use crate::terminal::plain;

/// Applications named in a cell; of more the number is told.
const NAMED: usize = 3;

/// One line for each block; `wide` with every application, and the exact times.
pub fn blocks(all: &[BlockStatus], now: Timestamp, wide: bool, width: Option<u16>) -> String {
    if all.is_empty() {
        return "No rollout blocks. Stop rollouts with `shipperctl blocks add NAME --reason TEXT`.\n"
            .to_owned();
    }
    let header = ["BLOCK", "STATE", "STOPS", "OVERRIDDEN BY", "ALLOWS", "BY"];
    let times: &[&str] = if wide { &["SINCE", "UNTIL", "NEXT"] } else { &[] };
    let header = [&header[..], times, &["MESSAGE"]].concat();
    let mut table = Told::new(&header);
    let most = if wide { usize::MAX } else { NAMED };
    for block in all {
        let scope = block.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let allows: Vec<String> = block.allow.iter().map(ToString::to_string).collect();
        let author = block.author.as_ref().map_or("-", |author| author.name.as_str());
        let message = match &block.problem {
            Some(problem) => problem.to_string(),
            None => match &block.schedule {
                Some(schedule) => format!("{}; {schedule}", block.message),
                None => block.message.clone(),
            },
        };
        let mut cells = vec![
            Cell::new(plain(&format!("{scope}{}", block.name))),
            state(block, now),
            Cell::new(named(&block.applications, most)),
            Cell::new(named(&block.overridden_by, most)),
            Cell::new(if allows.is_empty() { "-".to_owned() } else { allows.join(", ") }),
            Cell::new(plain(author)),
        ];
        if wide {
            let times = [block.since, block.until, block.next];
            cells.extend(times.map(|at| Cell::new(at.map_or_else(|| "-".to_owned(), moment))));
        }
        table.add(vec![cells], plain(&message));
    }
    table.print(width) + "\n"
}

fn state(block: &BlockStatus, now: Timestamp) -> Cell {
    let left = |at: Timestamp| {
        let left = at.duration_since(now).max(SignedDuration::from_secs(1));
        format_duration(std::time::Duration::from_secs(left.unsigned_abs().as_secs().max(1)))
    };
    match (block.problem.is_some(), block.in_force, block.until, block.next) {
        (true, ..) => Cell::new("unreadable, blocks").fg(Color::Red),
        (_, true, Some(until), _) => Cell::new(format!("blocks for another {}", left(until))).fg(Color::Red),
        (_, true, None, _) => Cell::new("blocks").fg(Color::Red),
        (_, false, _, Some(next)) => Cell::new(format!("begins in {}", left(next))),
        (_, false, ..) => Cell::new("never begins again"),
    }
}

/// At most so many by name.
fn named(applications: &[AppKey], most: usize) -> String {
    let names: Vec<String> = applications.iter().take(most).map(ToString::to_string).collect();
    let names = plain(&names.join(", ")).into_owned();
    match applications.len() {
        0 => "-".to_owned(),
        many if many > most => format!("{many}: {names}, …"),
        _ => names,
    }
}
