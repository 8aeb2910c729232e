//! What the fields of log lines and of spans are called. The same thing has the same name in every line of every program, so that one
//! release can be followed by it; `docs/monitoring.md` has the table, and a test holds every line of the source to it.

/// An application, as `namespace/name`.
pub const APPLICATION: &str = "application";
/// A release, by its name.
pub const RELEASE: &str = "release";
/// A cluster, by its name.
pub const CLUSTER: &str = "cluster";
/// A commit of the state branch, in hex.
pub const COMMIT: &str = "commit";
/// A commit of `main`, in hex.
pub const REVISION: &str = "revision";
/// The generation of a target.
pub const GENERATION: &str = "generation";

/// Every field there may be, with what it says.
pub const FIELDS: [(&str, &str); 37] = [
    (APPLICATION, "an application, as `namespace/name`"),
    (RELEASE, "a release, by its name"),
    (CLUSTER, "a cluster, by its name; in every line of an agent"),
    (COMMIT, "a commit of the state branch, in hex"),
    (REVISION, "a commit of `main`, in hex"),
    (GENERATION, "the generation of a target"),
    ("step", "a step of a strategy, by its name"),
    ("object", "an object in a cluster, as `Kind namespace/name`"),
    ("kind", "a kind of objects"),
    ("pod", "a pod, by its name"),
    ("reason", "a reason of the [catalogue](reasons.md), or what happened to a release"),
    ("why", "why something is done, in words"),
    ("error", "what went wrong, with its causes"),
    ("problem", "what is wrong with a part of the agent, in words"),
    ("part", "which part that is"),
    ("message", "what happened, for people"),
    ("detail", "what another program said of it"),
    ("count", "how many of what the message names"),
    ("took", "how long it took, in seconds"),
    ("wait", "how long is waited until it is tried again"),
    ("branch", "a branch of a repository"),
    ("path", "a file, or the path of a request"),
    ("address", "an address that is served"),
    ("database", "the hub's database, without its password"),
    ("identity", "which of several agents of a cluster"),
    ("uid", "the UID of a cluster"),
    ("old", "what it was before"),
    ("new", "what it is now"),
    ("version", "a version of a program"),
    ("outcome", "what a sample of an analysis is worth"),
    ("analysis", "an analysis, by its name"),
    ("measured", "what was measured"),
    ("job", "a Job of an analysis, by its name"),
    ("serve", "whether a pod is to have traffic"),
    ("repair", "whether an object is put back after another changed it"),
    ("changed", "applications with a new target"),
    ("gone", "applications that have no target any more"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Every call of a logging macro in a file, without its name.
    fn calls(text: &str) -> Vec<&str> {
        let mut calls = Vec::new();
        for level in ["trace!(", "debug!(", "info!(", "warn!(", "error!(", "info_span!("] {
            for (at, _) in text.match_indices(level) {
                let before = &text[..at];
                if !(before.ends_with("tracing::") || (level == "warn!(" && before.ends_with(' '))) {
                    continue;
                }
                let inside = &text[at + level.len()..];
                let mut depth = 1;
                let end = inside.find(|c| {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    depth == 0
                });
                calls.push(&inside[..end.unwrap_or(inside.len())]);
            }
        }
        calls
    }

    /// The fields before the message.
    fn fields(call: &str) -> BTreeSet<String> {
        let call = call.split('"').next().unwrap_or_default();
        let (mut depth, mut parts) = (0, vec![String::new()]);
        for c in call.chars() {
            depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
            match c {
                ',' if depth == 0 => parts.push(String::new()),
                c => parts.last_mut().unwrap().push(c),
            }
        }
        let names = parts.iter().map(|part| part.split('=').next().unwrap_or_default().trim());
        names
            .map(|name| name.trim_start_matches(['%', '?']).to_owned())
            .filter(|name| !name.is_empty())
            .collect()
    }

    fn look(folder: &Path, faults: &mut Vec<String>, seen: &mut usize) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, faults, seen);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in calls(&text) {
                    *seen += 1;
                    let unknown =
                        fields(call).into_iter().filter(|name| FIELDS.iter().all(|(known, _)| known != name));
                    faults.extend(unknown.map(|name| format!("{}: {name} in {call}", path.display())));
                }
            }
        }
    }

    #[test]
    fn the_same_has_the_same_name_in_every_line() {
        let (mut faults, mut seen) = (Vec::new(), 0);
        for program in ["hub", "agent", "git"] {
            look(
                &Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(program).join("src"),
                &mut faults,
                &mut seen,
            );
        }
        assert!(seen > 60, "only {seen} lines were found");
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn the_book_has_every_field() {
        let book =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring.md"))
                .unwrap();
        for (name, meaning) in FIELDS {
            let row = format!("| `{name}` | {meaning} |");
            assert!(book.contains(&row), "the book lacks {row}");
        }
    }
}
