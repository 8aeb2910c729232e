//! Which Service takes the application's traffic.
//!
//! The marked one: `shipper.dev/traffic: "true"` as label or annotation, or the original's label `shipper-lb: production`.
//! Without a mark, the only one that could: it has a cluster IP and a selector that selects pods of a release-scoped Deployment
//! in its namespace; `shipper.dev/traffic: "false"` takes a Service out of the choice. A release without release-scoped
//! Deployments (StatefulSets, DaemonSets or no pods at all) has no traffic to shift, and needs none.

use super::super::{ObjectKey, Scope, selector};
use super::{Context, Object, RenderProblem, annotation, label, pod_labels};
use crate::labels;
use serde_json::Value;

/// The Service that takes the traffic; `None` where none is to be shifted.
pub(super) fn choose(objects: &[Object], context: &Context<'_>) -> Result<Option<ObjectKey>, RenderProblem> {
    match find(objects) {
        // Where no traffic is asked for now, a later strategy may: what is clear is marked, and nothing is refused.
        Err(_) if !context.manages_traffic => Ok(None),
        choice => choice,
    }
}

fn find(objects: &[Object]) -> Result<Option<ObjectKey>, RenderProblem> {
    let deployments: Vec<&Object> =
        objects.iter().filter(|o| o.key.is("apps", "Deployment") && o.scope == Scope::Release).collect();
    if deployments.is_empty() {
        return Ok(None);
    }
    let services = || objects.iter().filter(|o| o.key.is("", "Service"));
    let keys = |services: &[&Object]| services.iter().map(|o| o.key.clone()).collect();

    let marked: Vec<&Object> = services().filter(|service| mark(service) == Some(true)).collect();
    match marked[..] {
        [service] => {
            return match unfit(service, &deployments) {
                None => Ok(Some(service.key.clone())),
                Some(reason) => {
                    Err(RenderProblem::UnfitTrafficService { service: Box::new(service.key.clone()), reason })
                }
            };
        }
        [] => {}
        _ => return Err(RenderProblem::SeveralTrafficServices(keys(&marked))),
    }
    let fit: Vec<&Object> = services()
        .filter(|service| mark(service).is_none() && unfit(service, &deployments).is_none())
        .collect();
    match fit[..] {
        [service] => Ok(Some(service.key.clone())),
        [] => Err(RenderProblem::NoTrafficService { deployments: keys(&deployments) }),
        _ => Err(RenderProblem::SeveralTrafficServices(keys(&fit))),
    }
}

fn mark(service: &Object) -> Option<bool> {
    let value =
        annotation(&service.value, labels::TRAFFIC).or_else(|| label(&service.value, labels::TRAFFIC));
    match value {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => (label(&service.value, "shipper-lb") == Some("production")).then_some(true),
    }
}

fn unfit(service: &Object, deployments: &[&Object]) -> Option<&'static str> {
    let spec = |field: &str| service.value.pointer("/spec").and_then(|spec| spec.get(field));
    let selector = spec("selector").and_then(Value::as_object).filter(|selector| !selector.is_empty());
    if service.scope == Scope::Release {
        return Some("it is release-scoped, and releases share the Service that takes their traffic");
    }
    if spec("type").is_some_and(|kind| kind == "ExternalName") {
        return Some("it is of type ExternalName");
    }
    if spec("clusterIP").is_some_and(|ip| ip == "None") {
        return Some("it is headless");
    }
    let Some(selector) = selector else { return Some("it has no selector") };
    let selected = deployments.iter().any(|deployment| {
        deployment.key.namespace == service.key.namespace
            && pod_labels(deployment).is_some_and(|labels| selector::is_subset(selector, &labels))
    });
    (!selected).then_some("it selects no pods of a Deployment of the release")
}
