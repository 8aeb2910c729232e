//! What cases share: short ways to objects, refusals and waiting.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
    WatchEvent, WatchParams,
};
use serde_json::{Value, json};

/// Why a case failed.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A request failed that should not have.
    #[error("request failed: {0}")]
    Client(#[from] Box<kube::Error>),
    /// The server behaved differently.
    #[error("{0}")]
    Different(String),
    /// Something did not happen.
    #[error("not finished after {0:?}")]
    TimedOut(Duration),
    /// An object could not be read.
    #[error("cannot read an object: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<kube::Error> for CaseError {
    fn from(error: kube::Error) -> Self {
        Self::Client(Box::new(error))
    }
}

/// A case's client and namespace.
#[derive(Clone)]
pub struct Context {
    /// Client of the server under test.
    pub client: kube::Client,
    /// Namespace of this case alone.
    pub namespace: String,
    /// How long anything may take.
    pub limit: Duration,
}

/// Field manager of plain writes in cases.
pub(super) const MANAGER: &str = "case";

/// Fails unless the two are equal.
pub(super) fn same(what: &str, found: &Value, wanted: &Value) -> Result<(), CaseError> {
    if found == wanted {
        return Ok(());
    }
    Err(CaseError::Different(format!("{what}: found {found}, wanted {wanted}")))
}

/// Fails unless it holds.
pub(super) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), CaseError> {
    if holds { Ok(()) } else { Err(CaseError::Different(what())) }
}

/// Fails unless the request was refused with this code and reason; returns message and details.
pub(super) fn refused<T: std::fmt::Debug>(
    what: &str,
    result: Result<T, kube::Error>,
    code: u16,
    reason: &str,
) -> Result<Value, CaseError> {
    match result {
        Err(kube::Error::Api(status)) if status.code == code && status.reason == reason => {
            Ok(json!({"message": status.message, "details": serde_json::to_value(&status.details)?}))
        }
        Err(kube::Error::Api(status)) => Err(CaseError::Different(format!(
            "{what}: refused with {} {} ({}), wanted {code} {reason}",
            status.code, status.reason, status.message
        ))),
        Err(other) => Err(other.into()),
        Ok(value) => {
            Err(CaseError::Different(format!("{what}: accepted, wanted {code} {reason}: {value:?}")))
        }
    }
}

impl Context {
    pub(super) async fn new(client: kube::Client, case: &str, limit: Duration) -> Result<Self, CaseError> {
        let mut context = Self { client, namespace: String::new(), limit };
        let prefix = format!("{}-", case.replace('_', "-").chars().take(40).collect::<String>());
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": prefix}});
        let made = context.all("v1", "Namespace").create(&PostParams::default(), &parse(namespace)?).await?;
        context.namespace = made.metadata.name.unwrap_or_default();
        Ok(context)
    }

    pub(super) async fn clean_up(&self) {
        let gone = self.all("v1", "Namespace").delete(&self.namespace, &DeleteParams::default()).await;
        if let Err(error) = gone {
            tracing::debug!(%error, namespace = self.namespace, "cannot delete the namespace of a case");
        }
    }

    /// Objects of a kind in the case's namespace.
    pub(super) fn api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(api_version, kind))
    }

    /// Cluster-scoped objects of a kind.
    pub(super) fn all(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &resource(api_version, kind))
    }

    /// The API of an object's own kind in the namespace.
    pub(super) fn of(&self, object: &Value) -> Api<DynamicObject> {
        self.api(
            object["apiVersion"].as_str().unwrap_or_default(),
            object["kind"].as_str().unwrap_or_default(),
        )
    }

    pub(super) async fn try_create(&self, object: &Value) -> Result<Value, kube::Error> {
        let parsed = serde_json::from_value(object.clone()).map_err(kube::Error::SerdeError)?;
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        self.of(object).create(&params, &parsed).await.and_then(plain)
    }

    pub(super) async fn create(&self, object: &Value) -> Result<Value, CaseError> {
        Ok(self.try_create(object).await?)
    }

    pub(super) async fn try_replace(&self, object: &Value) -> Result<Value, kube::Error> {
        let parsed = serde_json::from_value(object.clone()).map_err(kube::Error::SerdeError)?;
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        self.of(object).replace(name(object), &params, &parsed).await.and_then(plain)
    }

    pub(super) async fn try_apply(
        &self,
        object: &Value,
        manager: &str,
        force: bool,
    ) -> Result<Value, kube::Error> {
        let params = PatchParams { force, ..PatchParams::apply(manager) };
        self.of(object).patch(name(object), &params, &Patch::Apply(object)).await.and_then(plain)
    }

    pub(super) async fn apply(&self, object: &Value, manager: &str) -> Result<Value, CaseError> {
        Ok(self.try_apply(object, manager, false).await?)
    }

    pub(super) async fn merge(&self, object: &Value, patch: &Value) -> Result<Value, CaseError> {
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        Ok(self.of(object).patch(name(object), &params, &Patch::Merge(patch)).await.and_then(plain)?)
    }

    pub(super) async fn get(&self, object: &Value) -> Result<Value, CaseError> {
        Ok(self.of(object).get(name(object)).await.and_then(plain)?)
    }

    /// All objects of a kind in the namespace that a label selector selects.
    pub(super) async fn list(
        &self,
        api_version: &str,
        kind: &str,
        labels: &str,
    ) -> Result<Vec<Value>, CaseError> {
        let list = self.api(api_version, kind).list(&kube::api::ListParams::default().labels(labels)).await?;
        list.items.into_iter().map(|o| Ok(serde_json::to_value(o)?)).collect()
    }

    /// Waits, by watching, until the objects of a kind are as wanted; returns them.
    pub(super) async fn until(
        &self,
        api_version: &str,
        kind: &str,
        labels: &str,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Value>, CaseError> {
        let api = self.api(api_version, kind);
        loop {
            let list = api.list(&kube::api::ListParams::default().labels(labels)).await?;
            let version = list.metadata.resource_version.clone().unwrap_or_default();
            let mut objects: Vec<Value> =
                list.items.into_iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
            if wanted(&objects) {
                return Ok(objects);
            }
            let params = WatchParams::default().labels(labels).timeout(200);
            let mut events = api.watch(&params, &version).await?.boxed();
            while let Some(event) = events.try_next().await? {
                let (object, keep) = match event {
                    WatchEvent::Added(o) | WatchEvent::Modified(o) => (o, true),
                    WatchEvent::Deleted(o) => (o, false),
                    WatchEvent::Bookmark(_) => continue,
                    WatchEvent::Error(_) => break,
                };
                let object = serde_json::to_value(object)?;
                objects.retain(|o| name(o) != name(&object));
                if keep {
                    objects.push(object);
                }
                if wanted(&objects) {
                    return Ok(objects);
                }
            }
        }
    }

    /// Waits until one object is as wanted.
    pub(super) async fn until_one(
        &self,
        object: &Value,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, CaseError> {
        let text = |key: &str| object[key].as_str().unwrap_or_default();
        let mine = |o: &&Value| name(o) == name(object) && wanted(o);
        let all =
            self.until(text("apiVersion"), text("kind"), "", |list| list.iter().any(|o| mine(&o))).await?;
        all.iter().find(mine).cloned().ok_or_else(|| CaseError::Different("the object is gone".to_owned()))
    }

    /// Waits until an object is gone.
    pub(super) async fn until_gone(&self, object: &Value) -> Result<(), CaseError> {
        let text = |key: &str| object[key].as_str().unwrap_or_default();
        let gone = |list: &[Value]| !list.iter().any(|o| name(o) == name(object));
        self.until(text("apiVersion"), text("kind"), "", gone).await.map(|_| ())
    }

    /// Waits until pods may be made: the namespace has its service account.
    pub(super) async fn until_furnished(&self) -> Result<(), CaseError> {
        let account = |list: &[Value]| list.iter().any(|o| name(o) == "default");
        self.until("v1", "ServiceAccount", "", account).await.map(|_| ())
    }
}

pub(super) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

pub(super) fn parse(object: Value) -> Result<DynamicObject, CaseError> {
    Ok(serde_json::from_value(object)?)
}

fn plain(object: DynamicObject) -> Result<Value, kube::Error> {
    serde_json::to_value(object).map_err(kube::Error::SerdeError)
}

fn resource(api_version: &str, kind: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// A small ConfigMap.
pub(super) fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

/// A Deployment of one container.
pub(super) fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{
                    "name": "main", "image": "registry.example/app:1",
                    "ports": [{"name": "http", "containerPort": 8080}],
                }]},
            },
        },
    })
}

/// A Service of the pods of [`deployment`].
pub(super) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {"team": "blue"}},
        "spec": {"selector": {"app": name}, "ports": [{"name": "web", "port": 80, "targetPort": "http"}]},
    })
}
