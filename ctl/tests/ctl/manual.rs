//! `docs/user-manual.md`: every line that somebody types there is typed, in its order, on a fleet of a real hub, real agents and simulated
//! clusters; and what the page says that they saw is what is seen.

use std::thread;
use std::time::{Duration, Instant};

use crate::demo::{Demo, PATIENCE, is_tidy};
use shipper_test_foretold::until;

const PAGE: &str = include_str!("../../../docs/user-manual.md");

/// A line that is typed, and those that follow it on the page.
fn typed() -> Vec<(String, Vec<String>)> {
    let mut typed: Vec<(String, Vec<String>)> = Vec::new();
    for block in PAGE.split("```console\n").skip(1) {
        for line in block.split("\n```").next().unwrap().lines() {
            match (line.strip_prefix("$ "), typed.last_mut()) {
                (Some(command), _) => typed.push((command.to_owned(), Vec::new())),
                (None, Some((_, seen))) => seen.push(line.to_owned()),
                (None, None) => unreachable!("a block begins with what is seen: {line}"),
            }
        }
    }
    typed
}

/// Without what is another one each time: commits, times, ages, names of pods, numbers that agents say now and then; and without the width
/// of columns that follows from them.
fn lasting(line: &str) -> String {
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let mut kept: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let bare = word.trim_end_matches([',', '.', ':', ')']);
        let commit = bare.len() == 10 && bare.bytes().all(|b| b.is_ascii_hexdigit());
        let time = bare.len() >= 8 && bare.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b':'));
        let pods = bare.len() == 4 && digits(bare);
        let pod = bare.starts_with("hello-") && bare.matches('-').count() == 4;
        if bare == "ago" {
            // `12 s ago`.
            kept.truncate(kept.len().saturating_sub(2));
        } else if commit || time || pods || pod {
            kept.push("…".to_owned());
        } else {
            kept.push(word.to_owned());
        }
    }
    kept.join(" ")
}

#[test]
fn the_day_of_the_manual_is_as_it_says() {
    let desk = tempfile::tempdir().unwrap();
    let mut demo = Demo::without_charts();
    let clone = demo.says(&["git clone "]);
    demo.says(&["Your turn: "]);
    demo.type_in(desk.path(), &clone.replace(" && cd fleet", ""));
    let clone = desk.path().join("fleet");
    let day = typed();
    assert!(day.len() > 20, "{day:?}");
    for (command, told) in day {
        // A release that is to go is there for a moment that nobody can count on.
        until(|| is_tidy(&clone).then_some(()));
        let lines = |text: &str| -> Vec<String> {
            text.lines().map(lasting).filter(|line| !line.is_empty()).collect()
        };
        let told = lines(&told.join("\n"));
        // Who only looks may look again: a step that was just done settles a moment later, and then nothing is there but what the page shows.
        let looks = ["status", "clusters list", "clusters show", "blocks list", "history", "events"];
        let looks = looks.iter().any(|look| command.starts_with(&format!("shipperctl {look}")));
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = lines(&demo.type_in(&clone, &format!("{command} 2>&1")));
            let is_so = if looks { seen == told } else { told.iter().all(|line| seen.contains(line)) };
            if is_so {
                break;
            }
            assert!(
                looks && Instant::now() < end,
                "$ {command}\nthe page says\n  {}\nbut it was\n  {}",
                told.join("\n  "),
                seen.join("\n  ")
            );
            thread::sleep(Duration::from_millis(200));
        }
    }
    demo.interrupt();
}
