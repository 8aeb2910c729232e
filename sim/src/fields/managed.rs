//! `metadata.managedFields`: reading, writing, and recording updates.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::set::FieldSet;
use super::walk::compare;
use crate::resource::Resource;

/// Who writes, and through which door.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actor<'a> {
    pub(crate) manager: &'a str,
    /// `""`, `status` or `scale`.
    pub(crate) subresource: &'a str,
    /// RFC 3339, whole seconds.
    pub(crate) time: &'a str,
}

/// Manager, operation, API version, subresource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) manager: String,
    pub(crate) operation: String,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
}

impl Owner {
    /// As conflicts print it.
    pub(crate) fn describe(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        text.push_str(&format!(" using {}", self.api_version));
        text
    }
}

/// One entry: the fields and when they last changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) fields: FieldSet,
    pub(crate) time: String,
}

/// All entries of an object.
pub(crate) type Owners = BTreeMap<Owner, Entry>;

/// Fields that are the server's: never owned.
const SYSTEM: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "deletionTimestamp"],
    &["metadata", "deletionGracePeriodSeconds"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
    &["metadata", "selfLink"],
    &["metadata", "uid"],
];

pub(crate) fn strip_system(set: &mut FieldSet) {
    for path in SYSTEM {
        set.remove_path(path);
    }
    set.member = false;
    let bare = |f: &mut FieldSet| {
        f.member = false;
    };
    set.children.get_mut(&super::set::Step::Field("metadata".to_owned())).map(bare);
    set.children.retain(|_, child| !child.is_empty());
}

pub(crate) fn read(object: &Value) -> Owners {
    let mut owners = Owners::new();
    for entry in object["metadata"]["managedFields"].as_array().into_iter().flatten() {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let owner = Owner {
            manager: text("manager"),
            operation: text("operation"),
            api_version: text("apiVersion"),
            subresource: text("subresource"),
        };
        let fields = FieldSet::from_json(&entry["fieldsV1"]);
        owners.insert(owner, Entry { fields, time: text("time") });
    }
    owners
}

pub(crate) fn write(object: &mut Value, owners: &Owners) {
    let mut list: Vec<(&Owner, &Entry)> = owners.iter().filter(|(_, e)| !e.fields.is_empty()).collect();
    // Applied first, then by time: the order of the real server.
    list.sort_by_key(|(owner, entry)| (owner.operation.clone(), entry.time.clone(), owner.manager.clone()));
    let list: Vec<Value> = list
        .into_iter()
        .map(|(owner, entry)| {
            let mut value = json!({
                "manager": owner.manager, "operation": owner.operation, "apiVersion": owner.api_version,
                "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": entry.fields.to_json(),
            });
            if !owner.subresource.is_empty() {
                value["subresource"] = json!(owner.subresource);
            }
            value
        })
        .collect();
    if list.is_empty() {
        crate::object::remove(&mut object["metadata"], "managedFields");
    } else {
        object["metadata"]["managedFields"] = Value::Array(list);
    }
}

/// Sets `new`'s managed fields after anything but an apply: what changed is the writer's, what is gone is nobody's.
pub(crate) fn record_update(old: &Value, new: &mut Value, resource: &Resource, actor: Actor<'_>) {
    let reset =
        new["metadata"]["managedFields"].as_array().is_some_and(|l| l.len() == 1 && l[0] == json!({}));
    if reset {
        write(new, &Owners::new());
        return;
    }
    let mut difference = compare(old, new, &resource.shape);
    strip_system(&mut difference.changed);
    if difference.changed.is_empty() && difference.removed.is_empty() {
        new["metadata"]["managedFields"] = old["metadata"]["managedFields"].clone();
        if new["metadata"]["managedFields"].is_null() {
            crate::object::remove(&mut new["metadata"], "managedFields");
        }
        return;
    }
    let mut owners = read(old);
    let owner = Owner {
        manager: actor.manager.to_owned(),
        operation: "Update".to_owned(),
        api_version: resource.api_version(),
        subresource: actor.subresource.to_owned(),
    };
    for (other, entry) in &mut owners {
        entry.fields = entry.fields.difference(&difference.removed);
        if *other != owner {
            entry.fields = entry.fields.difference(&difference.changed);
        }
    }
    if !difference.changed.is_empty() {
        let entry = owners
            .entry(owner)
            .or_insert_with(|| Entry { fields: FieldSet::default(), time: actor.time.to_owned() });
        entry.fields.union(&difference.changed);
        entry.time = actor.time.to_owned();
    }
    write(new, &owners);
}
