//! Prints the pictures of the strategies in `examples/strategies`, each after a line `%%% path`; `cargo xtask docs` writes them.
//!
//! What they show is what the planner says ([`numbers`]), so they cannot promise anything else than what happens.

#![allow(
    clippy::disallowed_methods,
    reason = "it reads the files whose pictures it draws; nothing of core runs it"
)]

use shipper_core::intent::{Cluster, Object, StrategySpec, load};
use shipper_core::plan::{Numbers, Share, numbers};
use shipper_core::state::PlacedCluster;
use std::fmt::Write as _;
use std::io::{Result, Write as _, stdout};
use std::path::{Path, PathBuf};

/// Width of a bar for 100 percent, in pixels.
const BAR: u32 = 110;
const CELL: (u32, u32) = (BAR + 58, 62);
const LEFT: u32 = 96;
const TOP: u32 = 34;

fn main() -> Result<()> {
    let fleet = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/strategies");
    let mut clusters: Vec<Cluster> = Vec::new();
    for (path, text) in files(&fleet, "clusters")? {
        if let Some(Object::Cluster(cluster)) = load(&path, &text).object {
            clusters.push(cluster);
        }
    }
    // The vanguard first, as a rollout goes.
    clusters.sort_by_key(|cluster| {
        (cluster.metadata.labels.get("tier") != Some(&"canary".to_owned()), cluster.metadata.name.clone())
    });
    for (path, text) in files(&fleet, "strategies")? {
        if let Some(Object::Strategy(strategy)) = load(&path, &text).object {
            let name = &strategy.metadata.name;
            writeln!(
                stdout(),
                "%%% docs/pictures/strategy-{name}.svg\n{}",
                picture(name, &strategy.spec, &clusters)
            )?;
        }
    }
    Ok(())
}

fn files(fleet: &Path, folder: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(fleet.join(folder))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    let named = |path: &PathBuf| {
        format!("{folder}/{}", path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default())
    };
    paths.iter().map(|path| Ok((named(path), std::fs::read(path)?))).collect()
}

/// A column for each step, a row for each cluster; in each cell the new release above the old one.
fn picture(name: &str, strategy: &StrategySpec, clusters: &[Cluster]) -> String {
    let steps = u32::try_from(strategy.steps.len()).unwrap_or(u32::MAX);
    let rows = u32::try_from(clusters.len()).unwrap_or(u32::MAX);
    let (width, height) = (LEFT + steps * CELL.0, TOP + rows * CELL.1 + 30);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n<title>The strategy {name}: capacity and traffic at each step</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let managed = strategy.manages_traffic();
    let mut y = TOP;
    for cluster in clusters {
        let name = &cluster.metadata.name;
        let placed = PlacedCluster {
            region: cluster.spec.region.clone(),
            labels: cluster.metadata.labels.clone(),
            leaves: None,
        };
        label(&mut svg, (10, y + 30), "start", "#1f2933", name);
        let mut x = LEFT;
        for at in 0..strategy.steps.len() {
            let before = Share::everything(managed);
            let found = numbers(strategy, at, (name, &placed), before)
                .unwrap_or(Numbers { contender: Share::nothing(managed), incumbent: before });
            let sum = found.contender.traffic.unwrap_or(0) + found.incumbent.traffic.unwrap_or(0);
            bar(&mut svg, (x, y + 8), found.contender, sum, "#1c7c54");
            bar(&mut svg, (x, y + 32), found.incumbent, sum, "#3e6fb0");
            x += CELL.0;
        }
        let _ =
            writeln!(svg, "<line x1=\"10\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#d5dbe1\"/>", width - 10);
        y += CELL.1;
    }
    let mut x = LEFT;
    for step in &strategy.steps {
        let name = step.name.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{}\" font-weight=\"600\" fill=\"#1f2933\">{name}</text>",
            TOP - 12
        );
        x += CELL.0;
    }
    let legend = match managed {
        true => {
            "green: the new release, blue: the old one; length: pods; percent: its share of the traffic; pale: pods without traffic"
        }
        false => "green: the new release, blue: the old one; length: pods",
    };
    label(&mut svg, (10, height - 10), "start", "#52606d", legend);
    svg.push_str("</svg>");
    svg
}

fn bar(svg: &mut String, (x, y): (u32, u32), share: Share, sum: u32, colour: &str) {
    let length = u32::from(share.capacity) * BAR / 100;
    let _ = writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{BAR}\" height=\"18\" fill=\"#f2f4f7\"/>");
    let serves = share.traffic.is_none_or(|weight| weight > 0);
    let opacity = if serves { "1" } else { "0.3" };
    let shown = length.max(u32::from(share.capacity > 0) * 3);
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{shown}\" height=\"18\" fill=\"{colour}\" opacity=\"{opacity}\"/>"
    );
    if let Some(weight) = share.traffic.filter(|weight| *weight > 0 && share.capacity > 0 && sum > 0) {
        let text = format!("{} %", weight * 100 / sum);
        label(svg, (x + BAR + 5, y + 13), "start", "#1f2933", &text);
    }
}

fn label(svg: &mut String, (x, y): (u32, u32), anchor: &str, colour: &str, text: &str) {
    let _ =
        writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>");
}
