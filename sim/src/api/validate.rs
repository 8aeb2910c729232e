//! Validation: what the server answers with 422.

use serde_json::{Value, json};

use crate::error::{ApiError, Cause};
use crate::object;
use crate::resource::{Resource, ResourceId, ids};
use crate::selector::LabelSelector;

/// Checks an object before it is stored; `old` is what it replaces.
pub(super) fn check(
    id: ResourceId,
    resource: &Resource,
    old: Option<&Value>,
    new: &Value,
) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    names(id, resource, new, &mut causes);
    labels("metadata.labels", object::labels(new), &mut causes);
    match id {
        ids::DEPLOYMENTS | ids::REPLICA_SETS | ids::STATEFUL_SETS | ids::DAEMON_SETS => {
            workload(old, new, &mut causes);
        }
        ids::JOBS => {
            pod_spec(&new["spec"]["template"]["spec"], "spec.template.spec", &mut causes);
            if old.is_some_and(|o| o["spec"]["template"] != new["spec"]["template"]) {
                let value = &new["spec"]["template"];
                causes.push(Cause::invalid("spec.template", value, "field is immutable"));
            }
        }
        ids::SERVICES => service(old, new, &mut causes),
        ids::PODS => pod(old, new, &mut causes),
        _ => {}
    }
    if let Some(old) = old
        && object::is_deleting(old)
        && object::finalizers(new).iter().any(|f| !object::finalizers(old).contains(f))
    {
        let message = "Forbidden: no new finalizers can be added if the object is being deleted".to_owned();
        causes.push(Cause { reason: "FieldValueForbidden", field: "metadata.finalizers".into(), message });
    }
    if causes.is_empty() { Ok(()) } else { Err(ApiError::invalid(resource, object::name(new), &causes)) }
}

fn is_label(text: &str, limit: usize) -> bool {
    !text.is_empty()
        && text.len() <= limit
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn names(id: ResourceId, resource: &Resource, new: &Value, causes: &mut Vec<Cause>) {
    let name = object::name(new);
    let free = matches!(resource.group.as_str(), "rbac.authorization.k8s.io");
    let good = match id {
        ids::NAMESPACES => is_label(name, 63),
        ids::SERVICES => is_label(name, 63) && name.starts_with(|c: char| c.is_ascii_lowercase()),
        _ => free || (name.len() <= 253 && name.split('.').all(|part| is_label(part, 253))),
    };
    if !good {
        let text = match id {
            ids::NAMESPACES => {
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
            }
            ids::SERVICES => {
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character"
            }
            _ => {
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
            }
        };
        causes.push(Cause::invalid("metadata.name", &json!(name), text));
    }
}

fn labels(field: &str, map: Option<&serde_json::Map<String, Value>>, causes: &mut Vec<Cause>) {
    for (key, value) in map.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let word = |text: &str| {
            text.len() <= 63
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        };
        if !value.is_empty() && !word(value) {
            let text = if value.len() > 63 {
                "must be no more than 63 bytes"
            } else {
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
            };
            causes.push(Cause::invalid(field, &json!(value), text));
        }
        if !word(key.rsplit('/').next().unwrap_or_default()) {
            causes.push(Cause::invalid(
                field,
                &json!(key),
                "name part must consist of alphanumeric characters, '-', '_' or '.'",
            ));
        }
    }
}

fn workload(old: Option<&Value>, new: &Value, causes: &mut Vec<Cause>) {
    let spec = &new["spec"];
    let selector = &spec["selector"];
    let template = &spec["template"];
    if object::number(spec, "/replicas").is_some_and(|r| r < 0) {
        causes.push(Cause::invalid("spec.replicas", &spec["replicas"], "must be greater than or equal to 0"));
    }
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if old.is_some_and(|o| o["spec"]["selector"] != *selector) {
        causes.push(Cause::invalid("spec.selector", selector, "field is immutable"));
    } else if LabelSelector::from_object(selector).is_empty() {
        causes.push(Cause::invalid("spec.selector", selector, "empty selector is invalid for deployment"));
    }
    let map = template.pointer("/metadata/labels").and_then(Value::as_object);
    if !selector.is_null() && !LabelSelector::from_object(selector).matches(map) {
        let value = map.cloned().map_or(Value::Null, Value::Object);
        let text = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &value, text));
    }
    labels("spec.template.labels", map, causes);
    pod_spec(&template["spec"], "spec.template.spec", causes);
}

fn pod_spec(spec: &Value, path: &str, causes: &mut Vec<Cause>) {
    let containers = object::items(spec, "/containers");
    if containers.is_empty() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    for (index, container) in containers.iter().enumerate() {
        let at = format!("{path}.containers[{index}]");
        if container["name"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if !is_label(container["name"].as_str().unwrap_or_default(), 63) {
            let text = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'";
            causes.push(Cause::invalid(format!("{at}.name"), &container["name"], text));
        }
        if container["image"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("{at}.image"), ""));
        }
        if containers[..index].iter().any(|c| c["name"] == container["name"]) {
            let message = format!("Duplicate value: {}", container["name"]);
            causes.push(Cause { reason: "FieldValueDuplicate", field: format!("{at}.name"), message });
        }
    }
}

fn service(old: Option<&Value>, new: &Value, causes: &mut Vec<Cause>) {
    let spec = &new["spec"];
    let ports = object::items(spec, "/ports");
    let external = spec["type"] == "ExternalName";
    if ports.is_empty() && !external && spec["clusterIP"] != "None" {
        causes.push(Cause::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let at = format!("spec.ports[{index}]");
        if ports.len() > 1 && port["name"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        if !port["port"].as_i64().is_some_and(|p| (1..=65_535).contains(&p)) {
            let number = port["port"].as_i64().unwrap_or_default();
            causes.push(Cause::invalid(
                format!("{at}.port"),
                &json!(number),
                "must be between 1 and 65535, inclusive",
            ));
        }
    }
    if let Some(old) = old
        && !external
        && old["spec"]["type"] != "ExternalName"
        && !spec["clusterIP"].is_null()
        && spec["clusterIP"] != old["spec"]["clusterIP"]
    {
        let value = json!([spec["clusterIP"]]);
        causes.push(Cause::invalid("spec.clusterIPs[0]", &value, "may not change once set"));
    }
}

fn pod(old: Option<&Value>, new: &Value, causes: &mut Vec<Cause>) {
    pod_spec(&new["spec"], "spec", causes);
    let Some(old) = old else { return };
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for field in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"] {
            object::remove(&mut spec, field);
        }
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                object::remove(container, "image");
            }
        }
        spec
    };
    if fixed(old) != fixed(new) {
        let message = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
            `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
            tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause {
            reason: "FieldValueForbidden",
            field: "spec".into(),
            message: message.to_owned(),
        });
    }
}
