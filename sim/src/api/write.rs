//! create, update and patch.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::admit::{self, Prepared};
use crate::api::{allocate, defaults, scale, validate};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::fields::{Actor, apply, record_update};
use crate::object;
use crate::patch::{Patch, json_patch, merge_patch, strategic};
use crate::resource::{Resource, ResourceId, ids};
use crate::schema::drop_unknown;
use crate::store::{ChangeKind, Key, Object};

/// Which door of an object a request takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Subresource {
    /// The object itself.
    #[default]
    None,
    /// Its status.
    Status,
    /// Its scale.
    Scale,
}

impl Subresource {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Status => "status",
            Self::Scale => "scale",
        }
    }
}

/// Options of a write.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Who writes; recorded in `managedFields`.
    pub field_manager: String,
    /// Take over conflicting fields (apply only).
    pub force: bool,
    /// Answer as if written, write nothing.
    pub dry_run: bool,
}

impl WriteOptions {
    /// Writes as this manager.
    pub fn by(manager: &str) -> Self {
        Self { field_manager: manager.to_owned(), force: false, dry_run: false }
    }

    /// The same, taking over conflicting fields.
    pub fn forced(mut self) -> Self {
        self.force = true;
        self
    }
}

/// Who writes, and how much of the pipeline applies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Writer<'a> {
    /// A client: everything is checked, fields are recorded for this manager.
    Client(&'a str),
    /// A client whose managed fields the apply has computed already.
    Applied,
    /// A controller of the cluster: its objects are known to be right.
    Controller,
}

impl Cluster {
    /// Creates an object.
    pub fn create(
        &mut self,
        id: ResourceId,
        namespace: &str,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        let resource = self.describe(id);
        self.count("create", &resource, "");
        self.faults.strike("create", &mut self.rng)?;
        self.do_create(id, namespace, object, Writer::Client(&options.field_manager), options.dry_run)
    }

    /// Replaces an object, or one of its subresources.
    pub fn update(
        &mut self,
        id: ResourceId,
        (namespace, name): (&str, &str),
        object: Value,
        subresource: Subresource,
        options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        let resource = self.describe(id);
        self.count("update", &resource, subresource.name());
        self.faults.strike("update", &mut self.rng)?;
        let old = self.current(id, namespace, name)?;
        let body_name = object::name(&object);
        if body_name != name {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({body_name}) does not match the name on the URL ({name})"
            )));
        }
        let new = match subresource {
            Subresource::Scale => scale::write(&old, &object),
            _ => object,
        };
        if resource.custom && object::text(&new, "/metadata/resourceVersion").is_empty() {
            let text = "must be specified for an update";
            let cause = crate::error::Cause::invalid("metadata.resourceVersion", &json!(0), text);
            return Err(ApiError::invalid(&resource, name, &[cause]));
        }
        let writer = Writer::Client(&options.field_manager);
        self.do_update(id, &old, new, subresource, writer, options.dry_run)
    }

    /// Patches an object or one of its subresources; an apply creates what is absent (then the flag is true).
    pub fn patch(
        &mut self,
        id: ResourceId,
        (namespace, name): (&str, &str),
        patch: &Patch,
        subresource: Subresource,
        options: &WriteOptions,
    ) -> Result<(Object, bool), ApiError> {
        let resource = self.describe(id);
        self.count("patch", &resource, subresource.name());
        self.faults.strike("patch", &mut self.rng)?;
        if let Patch::Apply(intent) = patch {
            return self.do_apply(id, (namespace, name), intent, subresource, options);
        }
        let old = self.current(id, namespace, name)?;
        let seen = if subresource == Subresource::Scale { scale::read(&old) } else { (*old).clone() };
        let mut new = seen.clone();
        match patch {
            Patch::Merge(changes) => merge_patch(&mut new, changes),
            Patch::Strategic(_) if resource.custom => {
                return Err(ApiError::unsupported_media_type("application/strategic-merge-patch+json"));
            }
            Patch::Strategic(changes) => strategic(&mut new, changes, &resource.shape),
            Patch::Json(changes) => new = json_patch(&seen, changes)?,
            Patch::Apply(_) => {}
        }
        if object::name(&new) != name {
            return Err(ApiError::bad_request("metadata.name: the name of an object cannot be changed"));
        }
        if subresource == Subresource::Scale {
            new = scale::write(&old, &new);
        }
        let writer = Writer::Client(&options.field_manager);
        self.do_update(id, &old, new, subresource, writer, options.dry_run).map(|o| (o, false))
    }

    fn do_apply(
        &mut self,
        id: ResourceId,
        (namespace, name): (&str, &str),
        intent: &Value,
        subresource: Subresource,
        options: &WriteOptions,
    ) -> Result<(Object, bool), ApiError> {
        let resource = self.describe(id);
        if options.field_manager.is_empty() {
            let text = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
            let mut error = ApiError::invalid(&resource, "", &[]);
            text.clone_into(&mut error.message);
            error.details = json!({"group": "meta.k8s.io", "kind": "PatchOptions"});
            return Err(error);
        }
        let mut intent = admit::addressed(&resource, intent.clone(), namespace, name)?;
        let time = self.stamp();
        let actor = Actor { manager: &options.field_manager, subresource: subresource.name(), time: &time };
        let Some(old) = self.peek(id, namespace, name) else {
            if subresource != Subresource::None {
                return Err(ApiError::not_found(&resource, name));
            }
            if !object::uid(&intent).is_empty() {
                return Err(ApiError::conflict(
                    &resource,
                    name,
                    "uid mismatch: the provided object specified uid, and no existing object was found",
                ));
            }
            let new = apply(&Value::Null, &intent, &resource, actor, options.force)?;
            return self.do_create(id, namespace, new, Writer::Applied, options.dry_run).map(|o| (o, true));
        };
        let asked = object::text(&intent, "/metadata/resourceVersion").to_owned();
        object::remove(&mut intent["metadata"], "resourceVersion");
        let mut new = if subresource == Subresource::Scale {
            let owned = json!({
                "apiVersion": resource.api_version(), "kind": resource.kind, "metadata": intent["metadata"],
                "spec": {"replicas": intent["spec"]["replicas"]},
            });
            apply(&old, &owned, &resource, actor, options.force)?
        } else {
            apply(&old, &intent, &resource, actor, options.force)?
        };
        if !asked.is_empty() {
            new["metadata"]["resourceVersion"] = json!(asked);
        }
        self.do_update(id, &old, new, subresource, Writer::Applied, options.dry_run).map(|o| (o, false))
    }

    pub(crate) fn current(&self, id: ResourceId, namespace: &str, name: &str) -> Result<Object, ApiError> {
        self.peek(id, namespace, name).ok_or_else(|| ApiError::not_found(&self.store.resources[id.0], name))
    }

    /// Creates as a controller does: uncounted, unchecked, immune to faults.
    pub(crate) fn system_create(&mut self, id: ResourceId, object: Value) -> Result<Object, ApiError> {
        let namespace = object::namespace(&object).to_owned();
        self.do_create(id, &namespace, object, Writer::Controller, false)
    }

    /// Updates as a controller does; `seen` is the version its view has, and a newer one refuses the write.
    pub(crate) fn system_update(
        &mut self,
        id: ResourceId,
        seen: &Object,
        new: Value,
        subresource: Subresource,
    ) -> Result<Object, ApiError> {
        let old = self.current(id, object::namespace(seen), object::name(seen))?;
        if object::version(&old) != object::version(seen) {
            return Err(ApiError::modified(&self.store.resources[id.0], object::name(seen)));
        }
        self.do_update(id, &old, new, subresource, Writer::Controller, false)
    }

    pub(crate) fn do_create(
        &mut self,
        id: ResourceId,
        namespace: &str,
        object: Value,
        writer: Writer<'_>,
        dry_run: bool,
    ) -> Result<Object, ApiError> {
        let resource = self.describe(id);
        let Prepared { mut object, key } = self.admit_create(id, &resource, namespace, object, writer)?;
        defaults::fill(&mut object, id, &resource, true);
        if !matches!(writer, Writer::Controller) {
            self.faults.admit("create", &resource, &object)?;
        }
        self.admit_pod(id, &resource, &object)?;
        if !matches!(writer, Writer::Controller) {
            validate::check(id, &resource, None, &object)?;
        }
        if self.store.get(id, &key).is_some() {
            return Err(ApiError::already_exists(&resource, &key.name));
        }
        let time = self.stamp();
        let manager = match writer {
            Writer::Client(manager) => Some(manager),
            Writer::Controller => Some("kube-controller-manager"),
            Writer::Applied => None,
        };
        if let Some(manager) = manager {
            let actor = Actor { manager, subresource: "", time: &time };
            record_update(&Value::Null, &mut object, &resource, actor);
        }
        if id == ids::SERVICES {
            allocate::service(self, &mut object, None)?;
        }
        if dry_run {
            return Ok(Arc::new(object));
        }
        Ok(self.commit(id, ChangeKind::Added, object))
    }

    pub(crate) fn do_update(
        &mut self,
        id: ResourceId,
        old: &Object,
        new: Value,
        subresource: Subresource,
        writer: Writer<'_>,
        dry_run: bool,
    ) -> Result<Object, ApiError> {
        let resource = self.describe(id);
        let trusted = matches!(writer, Writer::Controller);
        let mut new = new;
        if !trusted {
            admit::preconditions(&resource, old, &new)?;
            admit::typed(&resource, &new)?;
        }
        let mut new = {
            drop_unknown(&mut new, &resource.shape);
            restore_system_fields(&resource, old, new, subresource)
        };
        defaults::fill(&mut new, id, &resource, false);
        if !trusted {
            self.faults.admit("update", &resource, &new)?;
            validate::check(id, &resource, Some(old), &new)?;
        }
        if id == ids::SERVICES && subresource == Subresource::None {
            allocate::service(self, &mut new, Some(old))?;
        }
        if resource.generation && spec_changed(old, &new) {
            new["metadata"]["generation"] = json!(object::generation(old) + 1);
        }
        let time = self.stamp();
        match writer {
            Writer::Client(manager) => {
                let actor = Actor { manager, subresource: subresource.name(), time: &time };
                record_update(old, &mut new, &resource, actor);
            }
            Writer::Controller if subresource == Subresource::None => {
                new["metadata"]["managedFields"] = old["metadata"]["managedFields"].clone();
                let manager = "kube-controller-manager";
                record_update(old, &mut new, &resource, Actor { manager, subresource: "", time: &time });
            }
            Writer::Controller => {
                new["metadata"]["managedFields"] = old["metadata"]["managedFields"].clone();
            }
            Writer::Applied => {}
        }
        if new == **old {
            return Ok(old.clone());
        }
        if dry_run {
            return Ok(Arc::new(new));
        }
        let done = object::is_deleting(&new)
            && object::finalizers(&new).is_empty()
            && object::number(&new, "/metadata/deletionGracePeriodSeconds").unwrap_or(0) == 0
            && (id != ids::NAMESPACES || object::items(&new, "/spec/finalizers").is_empty());
        if done {
            return Ok(self.commit(id, ChangeKind::Deleted, new));
        }
        Ok(self.commit(id, ChangeKind::Modified, new))
    }

    /// Removes an object from the store.
    pub(crate) fn remove(&mut self, id: ResourceId, key: &Key) -> Option<Object> {
        let object = self.store.get(id, key)?.clone();
        Some(self.commit(id, ChangeKind::Deleted, (*object).clone()))
    }
}

fn spec_changed(old: &Value, new: &Value) -> bool {
    fn fields(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
        let fields = object.as_object().into_iter().flatten();
        fields.filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status" | "apiVersion" | "kind"))
    }
    fields(old).count() != fields(new).count() || fields(old).any(|(key, value)| new.get(key) != Some(value))
}

/// What a client may not change through this door comes from the stored object.
fn restore_system_fields(resource: &Resource, old: &Value, new: Value, subresource: Subresource) -> Value {
    let mut new = match subresource {
        Subresource::Status => {
            let mut whole = old.clone();
            whole["metadata"]["managedFields"] = new["metadata"]["managedFields"].clone();
            match new.get("status") {
                Some(status) => whole["status"] = status.clone(),
                None => {
                    object::remove(&mut whole, "status");
                }
            }
            whole
        }
        _ => {
            let mut new = new;
            if resource.status {
                match old.get("status") {
                    Some(status) => new["status"] = status.clone(),
                    None => {
                        object::remove(&mut new, "status");
                    }
                }
            }
            new
        }
    };
    new["apiVersion"] = old["apiVersion"].clone();
    new["kind"] = old["kind"].clone();
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "generateName",
    ] {
        match old["metadata"].get(field) {
            Some(value) => new["metadata"][field] = value.clone(),
            None => {
                object::remove(&mut new["metadata"], field);
            }
        }
    }
    for field in ["labels", "annotations", "finalizers", "ownerReferences", "managedFields"] {
        let empty = match &new["metadata"][field] {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if empty {
            object::remove(&mut new["metadata"], field);
        }
    }
    new
}
