//! Addresses and node ports of Services.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::{ApiError, Cause};
use crate::object;
use crate::resource::ids;

/// Gives a Service what it asks for, or what is free.
pub(super) fn service(cluster: &Cluster, service: &mut Value, old: Option<&Value>) -> Result<(), ApiError> {
    let kind = object::text(service, "/spec/type").to_owned();
    if kind == "ExternalName" {
        return Ok(());
    }
    if let Some(old) = old {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if service["spec"][field].is_null() {
                service["spec"][field] = old["spec"][field].clone();
            }
        }
    }
    let uid = object::uid(service).to_owned();
    address(cluster, service, &uid)?;
    if kind == "NodePort" || kind == "LoadBalancer" {
        node_ports(cluster, service, &uid, old)?;
    } else {
        for port in service["spec"]["ports"].as_array_mut().into_iter().flatten() {
            object::remove(port, "nodePort");
        }
    }
    let spec = &mut service["spec"];
    if let Some(map) = spec.as_object_mut() {
        map.retain(|_, v| !v.is_null());
    }
    object::set_default(spec, "ipFamilies", || json!(["IPv4"]));
    object::set_default(spec, "ipFamilyPolicy", || json!("SingleStack"));
    Ok(())
}

fn others<'a>(cluster: &'a Cluster, uid: &'a str) -> impl Iterator<Item = &'a Value> {
    cluster.peek_all(ids::SERVICES, None).map(|s| &**s).filter(move |s| object::uid(s) != uid)
}

fn refuse(cluster: &Cluster, service: &Value, field: &str, value: &Value, text: &str) -> ApiError {
    let cause = Cause::invalid(field, value, text);
    ApiError::invalid(&cluster.store.resources[ids::SERVICES.0], object::name(service), &[cause])
}

fn address(cluster: &Cluster, service: &mut Value, uid: &str) -> Result<(), ApiError> {
    let wanted = object::text(service, "/spec/clusterIP").to_owned();
    if wanted != "None" {
        let taken: BTreeSet<&str> =
            others(cluster, uid).map(|s| object::text(s, "/spec/clusterIP")).collect();
        let ip = if wanted.is_empty() {
            (256..65_000)
                .map(|n: u32| format!("10.0.{}.{}", n / 256, n % 256))
                .find(|ip| !taken.contains(&**ip))
        } else if taken.contains(&*wanted) {
            let text = "failed to allocate IP ".to_owned() + &wanted + ": provided IP is already allocated";
            let value = json!([wanted]);
            return Err(refuse(cluster, service, "spec.clusterIPs", &value, &text));
        } else if wanted.starts_with("10.0.") {
            Some(wanted)
        } else {
            let text = "failed to allocate IP ".to_owned()
                + &wanted
                + ": the provided network does not match the current range";
            let value = json!([wanted]);
            return Err(refuse(cluster, service, "spec.clusterIPs", &value, &text));
        };
        service["spec"]["clusterIP"] = json!(ip);
    }
    service["spec"]["clusterIPs"] = json!([service["spec"]["clusterIP"]]);
    Ok(())
}

fn node_ports(
    cluster: &Cluster,
    service: &mut Value,
    uid: &str,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    let numbers = |s: &Value| -> Vec<i64> {
        object::items(s, "/spec/ports").iter().filter_map(|p| p["nodePort"].as_i64()).collect()
    };
    let mut taken: BTreeSet<i64> = others(cluster, uid).flat_map(numbers).collect();
    for number in numbers(service) {
        if taken.contains(&number) {
            let text = "provided port is already allocated";
            return Err(refuse(cluster, service, "spec.ports[0].nodePort", &json!(number), text));
        }
        taken.insert(number);
    }
    for port in service["spec"]["ports"].as_array_mut().into_iter().flatten() {
        if port["nodePort"].as_i64().is_some_and(|n| n != 0) {
            continue;
        }
        let before = old
            .map(|o| object::items(o, "/spec/ports"))
            .unwrap_or_default()
            .iter()
            .find(|p| p["port"] == port["port"] && p["protocol"] == port["protocol"])
            .and_then(|p| p["nodePort"].as_i64());
        let number = before.or_else(|| (30_000..32_768).find(|n| !taken.contains(n)));
        if let Some(number) = number {
            taken.insert(number);
            port["nodePort"] = json!(number);
        }
    }
    Ok(())
}
