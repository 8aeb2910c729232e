//! delete: preconditions, grace, finalizers and what becomes of dependents.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::object;
use crate::queue::Event;
use crate::resource::{ResourceId, ids};
use crate::store::{ChangeKind, Key, Object};

/// What becomes of the objects that a deleted one owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// Deleted afterwards.
    Background,
    /// Deleted first.
    Foreground,
    /// Left, without their owner.
    Orphan,
}

/// Options of a deletion.
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// Only if the object has this UID.
    pub uid: Option<String>,
    /// Only if the object has this resource version.
    pub version: Option<String>,
    /// What becomes of dependents; the resource's default if none.
    pub propagation: Option<Propagation>,
    /// Seconds a pod may take to end.
    pub grace: Option<i64>,
    /// Answer only.
    pub dry_run: bool,
}

/// What a deletion came to.
#[derive(Debug, Clone)]
pub enum Deleted {
    /// The object is gone; this was its last state.
    Gone(Object),
    /// The object waits for finalizers or for its grace period.
    Pending(Object),
}

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

impl Cluster {
    /// Deletes an object.
    pub fn delete(
        &mut self,
        id: ResourceId,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        let resource = self.describe(id);
        self.count("delete", &resource, "");
        self.faults.strike("delete", &mut self.rng)?;
        let old = self.current(id, namespace, name)?;
        self.faults.admit("delete", &resource, &old)?;
        self.do_delete(id, &Key::new(namespace, name), options)
    }

    pub(crate) fn do_delete(
        &mut self,
        id: ResourceId,
        key: &Key,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        let resource = self.describe(id);
        let old = self.current(id, &key.namespace, &key.name)?;
        let check = |what: &str, wanted: &Option<String>, have: &str| match wanted {
            Some(wanted) if wanted != have => {
                let why = format!(
                    "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {have}"
                );
                Err(ApiError::conflict(&resource, &key.name, &why))
            }
            _ => Ok(()),
        };
        check("UID", &options.uid, object::uid(&old))?;
        check("ResourceVersion", &options.version, object::text(&old, "/metadata/resourceVersion"))?;
        if options.dry_run {
            return Ok(Deleted::Pending(old));
        }

        let mut new = (*old).clone();
        let first = !object::is_deleting(&old);
        let grace = self.grace(id, &old, options);
        self.set_finalizers(id, &mut new, options);
        let waits_for_namespace =
            id == ids::NAMESPACES && !object::items(&old, "/spec/finalizers").is_empty();
        let waits = !object::finalizers(&new).is_empty() || grace > 0 || waits_for_namespace;
        if !waits {
            let gone = self.commit(id, ChangeKind::Deleted, new);
            return Ok(Deleted::Gone(gone));
        }
        let before = object::number(&old, "/metadata/deletionGracePeriodSeconds");
        if first || before.is_some_and(|b| grace < b) {
            let until = self.timestamp().as_second() + grace;
            let stamp = jiff::Timestamp::from_second(until).unwrap_or(self.timestamp()).to_string();
            new["metadata"]["deletionTimestamp"] = json!(stamp);
            new["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
            if first && (resource.generation || resource.custom) {
                new["metadata"]["generation"] = json!(object::generation(&old) + 1);
            }
        }
        if id == ids::NAMESPACES {
            new["status"]["phase"] = json!("Terminating");
            object::remove(&mut new["metadata"], "deletionGracePeriodSeconds");
        }
        if new == *old {
            return Ok(Deleted::Pending(old));
        }
        let pending = self.commit(id, ChangeKind::Modified, new);
        if object::finalizers(&pending).iter().any(|f| *f == FOREGROUND || *f == ORPHAN) {
            let delay = self.options.collect.draw(&mut self.rng);
            self.schedule(delay, Event::Collect(id, key.clone()));
        }
        Ok(Deleted::Pending(pending))
    }

    fn grace(&self, id: ResourceId, old: &Value, options: &DeleteOptions) -> i64 {
        if id != ids::PODS {
            return 0;
        }
        let own = object::number(old, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        let ended = matches!(object::text(old, "/status/phase"), "Succeeded" | "Failed");
        if object::text(old, "/spec/nodeName").is_empty() || ended {
            0
        } else {
            options.grace.unwrap_or(own).max(0)
        }
    }

    fn set_finalizers(&self, id: ResourceId, new: &mut Value, options: &DeleteOptions) {
        // Jobs keep their pods unless asked otherwise, as they did before propagation could be asked for.
        let default = if id == ids::JOBS { Propagation::Orphan } else { Propagation::Background };
        let existing = object::finalizers(new);
        let propagation = options.propagation.unwrap_or_else(|| {
            if existing.contains(&ORPHAN) {
                Propagation::Orphan
            } else if existing.contains(&FOREGROUND) {
                Propagation::Foreground
            } else {
                default
            }
        });
        let mut list: Vec<String> =
            existing.into_iter().filter(|f| *f != ORPHAN && *f != FOREGROUND).map(str::to_owned).collect();
        match propagation {
            Propagation::Background => {}
            Propagation::Foreground => list.push(FOREGROUND.to_owned()),
            Propagation::Orphan => list.push(ORPHAN.to_owned()),
        }
        if list.is_empty() {
            object::remove(&mut new["metadata"], "finalizers");
        } else {
            new["metadata"]["finalizers"] = json!(list);
        }
    }
}
