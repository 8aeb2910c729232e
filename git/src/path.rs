//! Paths inside a tree: names between slashes, nothing else. `..`, `.` and empty names lead nowhere.

/// The names of a path, or `None` if it is no path in a tree. The empty path is the root.
pub(crate) fn names(path: &str) -> Option<Vec<&str>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(|name| (!matches!(name, "" | "." | "..")).then_some(name)).collect()
}

/// `parent/name`, or `name` in the root.
pub(crate) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}
