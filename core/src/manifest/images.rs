//! The images that the pods of a release run, to compare releases by: whatever they were rendered from, this is what comes of it.

use super::{ManifestObject, Manifests, pods};
use crate::{AppKey, ReleaseName};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a pod template has containers.
const CONTAINERS: [&str; 2] = ["initContainers", "containers"];

/// A container of an object that makes pods. The same one has the same key in every release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerKey {
    /// Kind of the object.
    pub kind: String,
    /// Its name without the release's suffix; with its namespace where that is not the application's.
    pub object: String,
    /// Name of the container.
    pub container: String,
}

/// The images of all containers, init containers included.
pub fn images(manifests: &Manifests, app: &AppKey, release: &ReleaseName) -> BTreeMap<ContainerKey, String> {
    manifests.objects.iter().flat_map(|object| of(object, app, release)).collect()
}

fn of(
    object: &ManifestObject,
    app: &AppKey,
    release: &ReleaseName,
) -> impl Iterator<Item = (ContainerKey, String)> {
    let name = object.key.base_name(release);
    let elsewhere = object.key.namespace.as_deref().filter(|namespace| *namespace != app.namespace);
    let name = elsewhere.map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"));
    let spec = pods::template(&object.key).and_then(|template| object.value.pointer(template)?.get("spec"));
    let lists = spec.into_iter().flat_map(|spec| CONTAINERS.map(|list| spec.get(list)));
    let containers = lists.flatten().filter_map(Value::as_array).flatten();
    containers.filter_map(move |container| {
        let text = |field: &str| container.get(field).and_then(Value::as_str).map(str::to_owned);
        let (kind, object) = (object.key.kind.clone(), name.clone());
        Some((ContainerKey { kind, object, container: text("name")? }, text("image")?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_have_the_same_keys_in_every_release() {
        let rendered = |suffix: &str, tag: u32| {
            let text = format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web-{suffix}, namespace: shop}}\n\
                 spec: {{template: {{spec: {{initContainers: [{{name: load, image: 'load:{tag}'}}], containers: [{{name: web, image: 'web:{tag}'}}]}}}}}}\n\
                 ---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: sweep, namespace: tools}}\n\
                 spec: {{jobTemplate: {{spec: {{template: {{spec: {{containers: [{{name: sweep, image: 'sweep:{tag}'}}, {{name: odd}}, 7]}}}}}}}}}}\n\
                 ---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: words-{suffix}, namespace: shop}}\nspec: {{containers: [{{name: no, image: none}}]}}\n"
            );
            let (app, release) = (AppKey::new("shop", "web"), ReleaseName::from(format!("web-{suffix}")));
            images(&Manifests::parse(text.as_bytes()).unwrap(), &app, &release)
        };
        let (old, new) = (rendered("83e4eedd-0", 1), rendered("2f77f0bd-12", 2));
        assert!(old.keys().eq(new.keys()), "{old:?} {new:?}");
        let said: Vec<String> = new
            .iter()
            .map(|(key, image)| format!("{} {} {} {image}", key.kind, key.object, key.container))
            .collect();
        assert_eq!(
            said,
            ["CronJob tools/sweep sweep sweep:2", "Deployment web load load:2", "Deployment web web web:2"]
        );
    }
}
