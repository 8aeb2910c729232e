//! What is checked and set before an object is stored: address, namespace, system fields, preconditions.

use serde_json::{Value, json};

use super::write::Writer;
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::object;
use crate::resource::{Resource, ResourceId, ids};
use crate::schema::{TypeProblem, check_types, drop_unknown};
use crate::store::Key;

/// An object ready for defaulting.
pub(crate) struct Prepared {
    pub(crate) object: Value,
    pub(crate) key: Key,
}

/// The body agrees with the URL, which fills in what it leaves out.
pub(crate) fn addressed(
    resource: &Resource,
    mut object: Value,
    namespace: &str,
    name: &str,
) -> Result<Value, ApiError> {
    let api_version = resource.api_version();
    if object["apiVersion"].as_str() != Some(&*api_version) || object["kind"].as_str() != Some(&resource.kind)
    {
        return Err(ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}, apiVersion {api_version}): got {} {}",
            resource.kind, object["apiVersion"], object["kind"]
        )));
    }
    let metadata = object::child(&mut object, "metadata");
    for (field, wanted) in [("namespace", namespace), ("name", name)] {
        match metadata[field].as_str() {
            Some(given) if !given.is_empty() && given != wanted && !wanted.is_empty() => {
                return Err(ApiError::bad_request(format!(
                    "the {field} of the object ({given}) does not match the {field} on the URL ({wanted})"
                )));
            }
            _ if wanted.is_empty() => {}
            _ => metadata[field] = json!(wanted),
        }
    }
    Ok(object)
}

/// The types fit; what is unknown is left to be dropped.
pub(crate) fn typed(resource: &Resource, object: &Value) -> Result<(), ApiError> {
    match check_types(object, &resource.shape, false) {
        Err(TypeProblem::Wrong { path, expected, found }) => Err(ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: json: cannot unmarshal {found} into Go \
             struct field {path} of type {expected}",
            kind = resource.kind,
            version = resource.version,
        ))),
        _ => Ok(()),
    }
}

/// The UID and resource version that an update carries are those of the stored object.
pub(crate) fn preconditions(resource: &Resource, old: &Value, new: &Value) -> Result<(), ApiError> {
    let name = object::name(old);
    let version = object::text(new, "/metadata/resourceVersion");
    if !version.is_empty() && version != "0" && version != object::text(old, "/metadata/resourceVersion") {
        return Err(ApiError::modified(resource, name));
    }
    let uid = object::uid(new);
    if !uid.is_empty() && uid != object::uid(old) {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            object::uid(old)
        );
        return Err(ApiError::conflict(resource, name, &why));
    }
    Ok(())
}

impl Cluster {
    pub(super) fn admit_create(
        &mut self,
        id: ResourceId,
        resource: &Resource,
        namespace: &str,
        object: Value,
        writer: Writer<'_>,
    ) -> Result<Prepared, ApiError> {
        let namespace = if resource.namespaced { namespace } else { "" };
        let mut object = addressed(resource, object, namespace, "")?;
        if !matches!(writer, Writer::Controller) {
            typed(resource, &object)?;
        }
        drop_unknown(&mut object, &resource.shape);
        if !object::text(&object, "/metadata/resourceVersion").is_empty() {
            return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
        }
        if object::name(&object).is_empty() {
            let prefix = object::text(&object, "/metadata/generateName").to_owned();
            if prefix.is_empty() {
                let cause =
                    crate::error::Cause::required("metadata.name", "name or generateName is required");
                return Err(ApiError::invalid(resource, "", &[cause]));
            }
            let suffix = self.new_suffix();
            let prefix: String = prefix.chars().take(58).collect();
            object["metadata"]["name"] = json!(format!("{prefix}{suffix}"));
        }
        let key = Key::of(&object);
        if resource.namespaced {
            self.admit_namespace(resource, &key)?;
        } else {
            object::remove(&mut object["metadata"], "namespace");
        }
        if resource.status && !matches!(writer, Writer::Controller) {
            object::remove(&mut object, "status");
        }
        let uid = self.new_uid();
        let stamp = self.stamp();
        let metadata = object::child(&mut object, "metadata");
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"] {
            object::remove(metadata, field);
        }
        if !matches!(writer, Writer::Applied) {
            object::remove(metadata, "managedFields");
        }
        metadata["uid"] = json!(uid);
        metadata["creationTimestamp"] = json!(stamp);
        if resource.generation || resource.custom {
            metadata["generation"] = json!(1);
        }
        if id == ids::NAMESPACES {
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
            let name = key.name.to_string();
            object::child(&mut object["metadata"], "labels")["kubernetes.io/metadata.name"] = json!(name);
        }
        Ok(Prepared { object, key })
    }

    fn admit_namespace(&self, resource: &Resource, key: &Key) -> Result<(), ApiError> {
        let namespaces = &self.store.resources[ids::NAMESPACES.0];
        match self.store.get(ids::NAMESPACES, &Key::new("", &key.namespace)) {
            None => Err(ApiError::not_found(namespaces, &key.namespace)),
            Some(found) if object::is_deleting(found) => {
                Err(ApiError::namespace_terminating(resource, &key.name, &key.namespace))
            }
            Some(_) => Ok(()),
        }
    }

    /// The service account must exist, and the quota must have room.
    pub(super) fn admit_pod(&self, id: ResourceId, resource: &Resource, pod: &Value) -> Result<(), ApiError> {
        if id != ids::PODS {
            return Ok(());
        }
        let (namespace, name) = (object::namespace(pod), object::name(pod));
        let account = match object::text(pod, "/spec/serviceAccountName") {
            "" => "default",
            account => account,
        };
        if self.store.get(ids::SERVICE_ACCOUNTS, &Key::new(namespace, account)).is_none() {
            let why = format!(
                "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
            );
            return Err(ApiError::forbidden(resource, name, &why));
        }
        let Some(limit) = self.options.max_pods else { return Ok(()) };
        let used = self.peek_all(ids::PODS, Some(namespace)).count();
        if used >= limit {
            let why =
                format!("exceeded quota: pods, requested: pods=1, used: pods={used}, limited: pods={limit}");
            return Err(ApiError::forbidden(resource, name, &why));
        }
        Ok(())
    }
}
