//! What `path:` charts and manifests are at the commit of `main` that is in force, and who uses them.

use shipper_core::AppKey;
use shipper_core::intent::Application;
use shipper_git::{Mode, Oid, ReadError, Snapshot};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The paths that applications use.
#[derive(Debug, Default)]
pub struct Sources {
    paths: HashMap<String, Source>,
    used: BTreeMap<AppKey, Box<[String]>>,
}

#[derive(Debug)]
struct Source {
    at: Option<(Mode, Oid)>,
    users: BTreeSet<AppKey>,
}

impl Sources {
    /// What is at a path that an application in force uses; `None` where there is nothing.
    pub fn at(&self, path: &str) -> Option<(Mode, Oid)> {
        self.paths.get(path)?.at
    }

    /// Follows an application whose file changed.
    pub(super) fn follow(
        &mut self,
        key: &AppKey,
        application: Option<&Application>,
        snapshot: &Snapshot,
    ) -> Result<(), ReadError> {
        let wanted: BTreeSet<String> = application.map(paths_of).unwrap_or_default();
        let before = self.used.remove(key).unwrap_or_default();
        for path in before.iter().filter(|path| !wanted.contains(*path)) {
            if let Some(source) = self.paths.get_mut(path) {
                source.users.remove(key);
                if source.users.is_empty() {
                    self.paths.remove(path);
                }
            }
        }
        for path in &wanted {
            if !self.paths.contains_key(path) {
                let at = snapshot.entry(path)?;
                self.paths.insert(path.clone(), Source { at, users: BTreeSet::new() });
            }
            if let Some(source) = self.paths.get_mut(path) {
                source.users.insert(key.clone());
            }
        }
        if !wanted.is_empty() {
            self.used.insert(key.clone(), wanted.into_iter().collect());
        }
        Ok(())
    }

    /// Looks again at the paths above and at a file that changed; returns the applications concerned.
    pub(super) fn look_again<'a>(
        &mut self,
        changed: impl Iterator<Item = &'a str>,
        snapshot: &Snapshot,
    ) -> Result<BTreeSet<AppKey>, ReadError> {
        let mut concerned = BTreeSet::new();
        if self.paths.is_empty() {
            return Ok(concerned);
        }
        let mut seen = BTreeSet::new();
        for path in changed {
            let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
            for prefix in ends.map(|end| &path[..end]) {
                let Some(source) = self.paths.get_mut(prefix) else { continue };
                if !seen.insert(prefix.to_owned()) {
                    continue;
                }
                let now = snapshot.entry(prefix)?;
                if source.at != now {
                    source.at = now;
                    concerned.extend(source.users.iter().cloned());
                }
            }
        }
        Ok(concerned)
    }
}

/// A path as Git writes it: without `./` before and `/` behind.
pub(super) fn tidy(path: &str) -> String {
    let mut path = path.trim_end_matches('/');
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    path.to_owned()
}

fn paths_of(application: &Application) -> BTreeSet<String> {
    let template = &application.spec.template;
    let chart = template.chart.as_ref().and_then(|chart| chart.path.as_deref());
    let manifests = template.manifests.as_ref().map(|manifests| manifests.path.as_str());
    chart.into_iter().chain(manifests).map(tidy).filter(|path| !path.is_empty()).collect()
}
