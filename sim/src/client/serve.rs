//! One request, one reply.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};

use super::body::{Reply, Shape};
use super::discovery;
use super::route::{Query, Route, Target, route};
use crate::api::{DeleteOptions, Deleted, Listing, Propagation, Subresource, WriteOptions};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::object;
use crate::patch::Patch;
use crate::resource::Resource;
use crate::store::Object;

/// Answers a request at the present time of the cluster.
pub(super) fn serve(cluster: &mut Cluster, parts: &Parts, body: &Bytes) -> Reply {
    match answer(cluster, parts, body) {
        Ok(reply) => reply,
        Err(error) if error == ApiError::no_such_path() => Reply::NoSuchPath,
        Err(error) => Reply::Whole(error.code, error.to_status()),
    }
}

fn answer(cluster: &mut Cluster, parts: &Parts, body: &Bytes) -> Result<Reply, ApiError> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let found = |value: Option<Value>| value.map(|v| Reply::Whole(200, v)).ok_or_else(ApiError::no_such_path);
    match route(cluster, parts.uri.path())? {
        Route::Version => found(Some(discovery::version())),
        Route::Health => found(Some(json!("ok"))),
        Route::Core => found(Some(discovery::core())),
        Route::Groups => found(Some(discovery::groups(cluster))),
        Route::Group(name) => found(discovery::group(cluster, &name)),
        Route::Resources(group, version) => found(discovery::resources(cluster, &group, &version)),
        Route::Object(target) => {
            Request { cluster, target, query, headers: &parts.headers, body }.answer(&parts.method)
        }
    }
}

struct Request<'a> {
    cluster: &'a mut Cluster,
    target: Target,
    query: Query,
    headers: &'a HeaderMap,
    body: &'a Bytes,
}

impl Request<'_> {
    fn answer(&mut self, method: &Method) -> Result<Reply, ApiError> {
        let name = self.target.name.clone();
        match (method.as_str(), name) {
            ("GET", Some(name)) => self.get(&name),
            ("GET", None) if self.query.flag("watch") => self.watch(),
            ("GET", None) => self.list(),
            ("POST", None) => self.create(),
            ("PUT", Some(name)) => self.update(&name),
            ("PATCH", Some(name)) => self.patch(&name),
            ("DELETE", Some(name)) => self.delete(&name),
            ("DELETE", None) => self.delete_all(),
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn namespace(&self) -> String {
        self.target.namespace.clone().unwrap_or_default()
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    fn shape(&self) -> Shape {
        if self.header(header::ACCEPT).contains("as=PartialObjectMetadata") {
            Shape::Metadata
        } else {
            Shape::Full
        }
    }

    fn json(&self) -> Result<Value, ApiError> {
        serde_json::from_slice(self.body)
            .map_err(|e| ApiError::bad_request(format!("couldn't get version/kind; json parse error: {e}")))
    }

    fn options(&self) -> WriteOptions {
        let manager = match self.query.get("fieldManager") {
            "" => self.header(header::USER_AGENT).split('/').next().unwrap_or_default(),
            manager => manager,
        };
        let manager = if manager.is_empty() { "unknown" } else { manager };
        WriteOptions {
            field_manager: manager.to_owned(),
            force: self.query.flag("force"),
            dry_run: self.query.get("dryRun") == "All",
        }
    }

    fn show(&self, code: u16, of: &Object) -> Reply {
        let shown = match self.target.subresource {
            Subresource::Scale => crate::api::scale_of(of),
            _ => self.shape().show(of),
        };
        Reply::Whole(code, shown)
    }

    fn get(&mut self, name: &str) -> Result<Reply, ApiError> {
        let namespace = self.namespace();
        let found = self.cluster.get(self.target.id, &namespace, name)?;
        Ok(self.show(200, &found))
    }

    fn watch(&mut self) -> Result<Reply, ApiError> {
        let query = self.query.watch()?;
        let watch = self.cluster.watch(self.target.id, self.target.namespace.as_deref(), query)?;
        Ok(Reply::Stream(Box::new(watch), self.shape()))
    }

    fn list(&mut self) -> Result<Reply, ApiError> {
        let query = self.query.list()?;
        let listing = self.cluster.list(self.target.id, self.target.namespace.as_deref(), &query)?;
        let resource = self.cluster.describe(self.target.id);
        Ok(Reply::Whole(200, show_list(&resource, &listing, self.shape())))
    }

    fn create(&mut self) -> Result<Reply, ApiError> {
        let (object, options, namespace) = (self.json()?, self.options(), self.namespace());
        let created = self.cluster.create(self.target.id, &namespace, object, &options)?;
        Ok(self.show(201, &created))
    }

    fn update(&mut self, name: &str) -> Result<Reply, ApiError> {
        let (object, options, namespace) = (self.json()?, self.options(), self.namespace());
        let subresource = self.target.subresource;
        let updated =
            self.cluster.update(self.target.id, (&namespace, name), object, subresource, &options)?;
        Ok(self.show(200, &updated))
    }

    fn patch(&mut self, name: &str) -> Result<Reply, ApiError> {
        let body = self.json()?;
        let mut options = self.options();
        let patch = match self.header(header::CONTENT_TYPE).split(';').next().unwrap_or_default() {
            "application/apply-patch+yaml" => {
                self.query.get("fieldManager").clone_into(&mut options.field_manager);
                Patch::Apply(body)
            }
            "application/merge-patch+json" => Patch::Merge(body),
            "application/strategic-merge-patch+json" => Patch::Strategic(body),
            "application/json-patch+json" => Patch::Json(body),
            other => return Err(ApiError::unsupported_media_type(other)),
        };
        let namespace = self.namespace();
        let subresource = self.target.subresource;
        let (patched, created) =
            self.cluster.patch(self.target.id, (&namespace, name), &patch, subresource, &options)?;
        Ok(self.show(if created { 201 } else { 200 }, &patched))
    }

    fn delete_options(&self) -> Result<DeleteOptions, ApiError> {
        let body = if self.body.is_empty() { Value::Null } else { self.json()? };
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let propagation =
            text("/propagationPolicy").unwrap_or_else(|| self.query.get("propagationPolicy").to_owned());
        let grace = object::number(&body, "/gracePeriodSeconds");
        Ok(DeleteOptions {
            uid: text("/preconditions/uid"),
            version: text("/preconditions/resourceVersion"),
            propagation: match propagation.as_str() {
                "Background" => Some(Propagation::Background),
                "Foreground" => Some(Propagation::Foreground),
                "Orphan" => Some(Propagation::Orphan),
                _ => None,
            },
            grace: grace.or_else(|| self.query.get("gracePeriodSeconds").parse().ok()),
            dry_run: self.query.get("dryRun") == "All" || body["dryRun"] == json!(["All"]),
        })
    }

    fn delete(&mut self, name: &str) -> Result<Reply, ApiError> {
        let (options, namespace) = (self.delete_options()?, self.namespace());
        let deleted = self.cluster.delete(self.target.id, &namespace, name, &options)?;
        let resource = self.cluster.describe(self.target.id);
        Ok(match deleted {
            Deleted::Pending(object) => self.show(200, &object),
            Deleted::Gone(object) if returns_object(&resource) => self.show(200, &object),
            Deleted::Gone(object) => {
                let mut details = json!({"name": name, "kind": resource.plural, "uid": object::uid(&object)});
                if !resource.group.is_empty() {
                    details["group"] = json!(resource.group);
                }
                Reply::Whole(
                    200,
                    json!({
                        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
                    }),
                )
            }
        })
    }

    fn delete_all(&mut self) -> Result<Reply, ApiError> {
        let (options, query) = (self.delete_options()?, self.query.list()?);
        let listing = self.cluster.list(self.target.id, self.target.namespace.as_deref(), &query)?;
        for item in &listing.items {
            let gone =
                self.cluster.delete(self.target.id, object::namespace(item), object::name(item), &options);
            match gone {
                Err(error) if error.code != 404 => return Err(error),
                _ => {}
            }
        }
        let resource = self.cluster.describe(self.target.id);
        Ok(Reply::Whole(200, show_list(&resource, &listing, self.shape())))
    }
}

/// Resources whose deletion answers with the object rather than with a `Status`.
fn returns_object(resource: &Resource) -> bool {
    const KINDS: &[&str] =
        &["Pod", "Service", "ServiceAccount", "PersistentVolumeClaim", "PersistentVolume", "ResourceQuota"];
    resource.group.is_empty() && KINDS.contains(&resource.kind.as_str())
}

fn show_list(resource: &Resource, listing: &Listing, shape: Shape) -> Value {
    let items: Vec<Value> = listing
        .items
        .iter()
        .map(|item| {
            let mut shown = shape.show(item);
            // The real server leaves kind and version out of the items of typed lists.
            if shape == Shape::Full && !resource.custom {
                object::remove(&mut shown, "kind");
                object::remove(&mut shown, "apiVersion");
            }
            shown
        })
        .collect();
    let mut metadata = json!({"resourceVersion": listing.version.to_string()});
    if let Some(token) = &listing.continue_token {
        metadata["continue"] = json!(token);
    }
    if let Some(count) = listing.remaining {
        metadata["remainingItemCount"] = json!(count);
    }
    let (api_version, kind) = match shape {
        Shape::Full => (resource.api_version(), format!("{}List", resource.kind)),
        Shape::Metadata => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned()),
    };
    json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items})
}
