//! Figures: samples to percentiles, tables for people, JSON for programs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::machine::{Machine, load};

/// What one benchmark found.
pub struct Figures {
    name: &'static str,
    began: Timestamp,
    load: String,
    values: Map<String, Value>,
}

impl Figures {
    /// Nothing found yet.
    pub fn begin(name: &'static str) -> Self {
        say(&format!("\n# {name}"));
        Self { name, began: Timestamp::now(), load: load(), values: Map::new() }
    }

    /// Keeps a figure for the JSON.
    ///
    /// # Errors
    /// It is none in JSON.
    pub fn keep(&mut self, name: &str, value: impl Serialize) -> Result<()> {
        self.values.insert(name.to_owned(), serde_json::to_value(value)?);
        Ok(())
    }

    /// Writes the JSON.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn end(self) -> Result<()> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
        fs::create_dir_all(&directory)?;
        let path: PathBuf = directory.join(format!("{}.json", self.name));
        let whole = json!({
            "benchmark": self.name,
            "began": self.began,
            "machine": Machine::this(),
            "loadBefore": self.load,
            "loadAfter": load(),
            "figures": self.values,
        });
        fs::write(&path, serde_json::to_string_pretty(&whole)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        say(&format!("written: target/bench/{}.json", self.name));
        Ok(())
    }
}

/// The shape of some samples, in their unit.
#[derive(Debug, Clone, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// Half are at most this.
    pub p50: f64,
    /// 95 of 100 are at most this (nearest rank).
    pub p95: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// The spread of samples; of none it is zero.
pub fn spread(samples: &[f64]) -> Spread {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = |percent: usize| {
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    };
    Spread { count: sorted.len(), p50: rank(50), p95: rank(95), p99: rank(99), max: rank(100) }
}

/// Prints a table.
pub fn table(head: &[&str], rows: &[Vec<String>]) {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(head);
    for row in rows {
        table.add_row(row);
    }
    say(&table.to_string());
}

/// A row of a table: the name, then p50, p95 and max with one digit.
pub fn spread_row(name: &str, spread: &Spread) -> Vec<String> {
    let numbers = [spread.p50, spread.p95, spread.max].map(|value| format!("{value:.1}"));
    [vec![name.to_owned(), spread.count.to_string()], numbers.to_vec()].concat()
}

/// A line for the person at the terminal.
#[expect(clippy::print_stdout, reason = "this is what the program is for")]
pub fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let spread_of_hundred = spread(&hundred);
        assert_eq!(
            (spread_of_hundred.p50, spread_of_hundred.p95, spread_of_hundred.max),
            (50.0, 95.0, 100.0)
        );
        let one = spread(&[7.0]);
        assert_eq!((one.p50, one.p95, one.max), (7.0, 7.0, 7.0));
    }
}
