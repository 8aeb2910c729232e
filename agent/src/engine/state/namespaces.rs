//! Which namespaces are there, from a watch of nothing but their names.

use serde_json::Value;
use shipper_core::AppKey;
use shipper_core::observe::{Index, NamespaceState};
use std::collections::BTreeSet;

/// Names of the namespaces that are there; `None` before the first list.
#[derive(Debug, Default)]
pub(super) struct Namespaces(Option<BTreeSet<String>>);

impl Namespaces {
    /// It is known not to be there.
    pub(super) fn is_missing(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|there| !there.contains(name))
    }

    /// All namespaces were listed; `wanted` are those that are waited for. Returns the applications for which that is news.
    pub(super) fn listed(
        &mut self,
        index: &mut Index,
        wanted: impl Iterator<Item = String>,
        objects: &[Value],
    ) -> BTreeSet<AppKey> {
        let mut changed = BTreeSet::new();
        let there: BTreeSet<String> = objects.iter().filter_map(name).map(str::to_owned).collect();
        for object in objects {
            if let Some(name) = name(object) {
                changed.extend(index.set_namespace(name, state(object)));
            }
        }
        let before = self.0.take().into_iter().flatten();
        let missing: BTreeSet<String> = wanted.chain(before).filter(|name| !there.contains(name)).collect();
        for name in missing {
            changed.extend(index.set_namespace(&name, NamespaceState::Missing));
        }
        self.0 = Some(there);
        changed
    }

    /// A namespace was seen, or seen to be gone.
    pub(super) fn event(&mut self, index: &mut Index, object: &Value, gone: bool) -> BTreeSet<AppKey> {
        let Some(name) = name(object) else { return BTreeSet::new() };
        if let Some(there) = &mut self.0 {
            if gone {
                there.remove(name)
            } else {
                there.insert(name.to_owned())
            };
        }
        index.set_namespace(name, if gone { NamespaceState::Missing } else { state(object) })
    }
}

fn name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name").and_then(Value::as_str)
}

fn state(object: &Value) -> NamespaceState {
    match object.pointer("/metadata/deletionTimestamp") {
        Some(at) if !at.is_null() => NamespaceState::Terminating,
        _ => NamespaceState::Active,
    }
}
