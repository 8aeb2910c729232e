//! Two files that name one object [I2].

use super::{Object, Problem};
use std::collections::BTreeMap;

/// A problem for every file among `objects` that names an object which another file names too. None of them is
/// right, so all are refused.
pub fn duplicates<'a>(objects: impl IntoIterator<Item = (&'a str, &'a Object)>) -> Vec<Problem> {
    let mut files = BTreeMap::<_, Vec<&str>>::new();
    for (path, object) in objects {
        let metadata = object.metadata();
        let key = (object.kind(), metadata.namespace.as_deref(), metadata.name.as_str());
        files.entry(key).or_default().push(path);
    }
    let mut problems = Vec::new();
    for ((kind, namespace, name), paths) in files.iter().filter(|(_, paths)| paths.len() > 1) {
        let name = namespace.map_or_else(|| (*name).to_owned(), |namespace| format!("{namespace}/{name}"));
        for path in paths {
            let others: Vec<&str> = paths.iter().filter(|other| *other != path).copied().collect();
            let message = format!("names the {kind} {name}, and so does {}; keep one", others.join(", "));
            problems.push(Problem::of_file(path, message));
        }
    }
    problems.sort_by(|a, b| a.file.cmp(&b.file));
    problems
}
