//! Tests of rules, as promtool has them, run by it on the rules of the chart.

use std::process::Command;

use serde_json::{Value, json};
use shipper_tests::scratch::Scratch;

use super::chart;

/// Runs tests on the chart's rules, evaluated at this interval.
pub fn test(interval: &str, tests: &[Value]) {
    let files = chart::rules(&chart::render(&[]));
    let scratch = Scratch::new("promtool").unwrap();
    let names: Vec<String> = (0..files.len()).map(|number| format!("rules-{number}.yaml")).collect();
    for (name, file) in names.iter().zip(&files) {
        // JSON is YAML.
        scratch.write(name, file.to_string()).unwrap();
    }
    // What is recorded first, so that a minute is a minute.
    let groups = files.iter().flat_map(|file| file["groups"].as_array().unwrap());
    let mut order: Vec<(bool, &Value)> =
        groups.map(|group| (group["rules"][0].get("record").is_none(), &group["name"])).collect();
    order.sort_by_key(|(alerts, _)| *alerts);
    let order: Vec<&Value> = order.into_iter().map(|(_, name)| name).collect();
    let all = json!({
        "rule_files": names, "evaluation_interval": interval, "group_eval_order": order, "tests": tests,
    });
    scratch.write("tests.yaml", all.to_string()).unwrap();
    let promtool = shipper_toolchain::promtool(&mut std::io::stderr()).unwrap();
    let ran =
        Command::new(promtool).args(["test", "rules", "tests.yaml"]).current_dir(scratch.path()).output();
    let ran = ran.unwrap();
    let said = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(ran.status.success(), "{said}");
}
