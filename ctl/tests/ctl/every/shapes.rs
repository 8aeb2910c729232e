//! `docs/shipperctl-json.md`: the fields of what commands print as JSON where that is no object of the hub's API. Programs read them, so a field
//! that goes, or is called something else, fails here. `SHIPPER_TESTS_EXAMPLES=record` writes the page anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

const BEGINNING: &str = "\
# shipperctl in JSON

What commands print with `-o json` and `-o yaml` where that is no object of the [HTTP API](http-api.md): every field that was seen when they ran
on the demo. Fields that have nothing to say are left out, here as well; `status` of `wait` is the application as the API has it, and so is
`waiting` of `plan`. The other commands print what [the description of the API](openapi.json) says. This
page is written by a test of all commands.
";

/// What is left out, for it is an object of the API within one of the command's own.
const APPLICATION: &str = "status.";
/// So is this, and whether it is there changes with how far the fleet is.
const PASSING: &str = "applications[].waiting";

/// What is printed, by command.
#[derive(Default)]
pub(super) struct Shapes(BTreeMap<&'static str, BTreeSet<String>>);

impl Shapes {
    /// Takes in what a command printed.
    pub(super) fn see(&mut self, command: &'static str, printed: &Value) {
        let mut found = BTreeSet::new();
        fields(printed, "", &mut found);
        let is_own =
            |(path, _): &(String, &str)| !path.starts_with(APPLICATION) && !path.starts_with(PASSING);
        let own = found.into_iter().filter(is_own);
        self.0.entry(command).or_default().extend(own.map(|(path, kind)| format!("| `{path}` | {kind} |")));
    }

    /// Holds all against the page.
    pub(super) fn held(&self) {
        let mut page = BEGINNING.to_owned();
        for (command, fields) in &self.0 {
            let _ = writeln!(page, "\n## {command}\n\n| field | value |\n|---|---|");
            for field in fields {
                let _ = writeln!(page, "{field}");
            }
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/shipperctl-json.md");
        if std::env::var("SHIPPER_TESTS_EXAMPLES").is_ok_and(|wish| wish == "record") {
            std::fs::write(&path, &page).unwrap();
        }
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(page, known, "programs read these fields; SHIPPER_TESTS_EXAMPLES=record writes them anew");
    }
}

fn fields(value: &Value, path: &str, found: &mut BTreeSet<(String, &'static str)>) {
    let kind = match value {
        Value::Object(map) => {
            for (name, value) in map {
                fields(value, format!("{path}.{name}").trim_start_matches('.'), found);
            }
            return;
        }
        Value::Array(values) => {
            for value in values {
                fields(value, &format!("{path}[]"), found);
            }
            return;
        }
        // Says nothing of what may stand there.
        Value::Null => return,
        Value::Bool(_) => "true or false",
        Value::Number(_) => "number",
        Value::String(_) => "text",
    };
    found.insert((path.to_owned(), kind));
}
