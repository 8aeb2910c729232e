//! Defaults that the server writes into objects.

use serde_json::{Value, json};

use crate::object::{child, set_default};
use crate::resource::{Resource, ResourceId, ids};

/// Fills in what an object leaves open; `new` also sets what only creation sets.
pub(crate) fn fill(object: &mut Value, id: ResourceId, resource: &Resource, new: bool) {
    match resource.kind.as_str() {
        "Deployment" if id == ids::DEPLOYMENTS => deployment(object),
        "ReplicaSet" => replica_set(object),
        "StatefulSet" => stateful_set(object),
        "DaemonSet" => daemon_set(object),
        "Job" => job(object, new),
        "Pod" => {
            pod_spec(child(object, "spec"));
            if new {
                let status = child(object, "status");
                set_default(status, "phase", || json!("Pending"));
                set_default(status, "qosClass", || json!("BestEffort"));
            }
        }
        "Service" if id == ids::SERVICES => service(object),
        "Secret" => secret(object),
        "PersistentVolumeClaim" => {
            set_default(child(object, "spec"), "volumeMode", || json!("Filesystem"));
            set_default(child(object, "status"), "phase", || json!("Pending"));
        }
        "HorizontalPodAutoscaler" => set_default(child(object, "spec"), "minReplicas", || json!(1)),
        "Ingress" => set_default(child(object, "status"), "loadBalancer", || json!({})),
        "CustomResourceDefinition" => definition(child(object, "spec")),
        "RoleBinding" | "ClusterRoleBinding" => binding(object),
        _ => {}
    }
    if new
        && resource.status
        && ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"].contains(&&*resource.kind)
    {
        let status = child(object, "status");
        match resource.kind.as_str() {
            "ReplicaSet" => set_default(status, "replicas", || json!(0)),
            "StatefulSet" => {
                set_default(status, "replicas", || json!(0));
                set_default(status, "availableReplicas", || json!(0));
            }
            "DaemonSet" => {
                for field in
                    ["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"]
                {
                    set_default(status, field, || json!(0));
                }
            }
            _ => {}
        }
    }
}

fn deployment(object: &mut Value) {
    let spec = child(object, "spec");
    set_default(spec, "replicas", || json!(1));
    set_default(spec, "revisionHistoryLimit", || json!(10));
    set_default(spec, "progressDeadlineSeconds", || json!(600));
    let strategy = child(spec, "strategy");
    set_default(strategy, "type", || json!("RollingUpdate"));
    if strategy["type"] == "RollingUpdate" {
        let rolling = child(strategy, "rollingUpdate");
        set_default(rolling, "maxUnavailable", || json!("25%"));
        set_default(rolling, "maxSurge", || json!("25%"));
    }
    template(spec);
}

fn replica_set(object: &mut Value) {
    let spec = child(object, "spec");
    set_default(spec, "replicas", || json!(1));
    template(spec);
}

fn stateful_set(object: &mut Value) {
    let spec = child(object, "spec");
    set_default(spec, "replicas", || json!(1));
    set_default(spec, "revisionHistoryLimit", || json!(10));
    set_default(spec, "podManagementPolicy", || json!("OrderedReady"));
    let strategy = child(spec, "updateStrategy");
    set_default(strategy, "type", || json!("RollingUpdate"));
    if strategy["type"] == "RollingUpdate" {
        set_default(child(strategy, "rollingUpdate"), "partition", || json!(0));
    }
    set_default(
        spec,
        "persistentVolumeClaimRetentionPolicy",
        || json!({"whenDeleted": "Retain", "whenScaled": "Retain"}),
    );
    template(spec);
}

fn daemon_set(object: &mut Value) {
    let spec = child(object, "spec");
    set_default(spec, "revisionHistoryLimit", || json!(10));
    let strategy = child(spec, "updateStrategy");
    set_default(strategy, "type", || json!("RollingUpdate"));
    if strategy["type"] == "RollingUpdate" {
        let rolling = child(strategy, "rollingUpdate");
        set_default(rolling, "maxUnavailable", || json!(1));
        set_default(rolling, "maxSurge", || json!(0));
    }
    template(spec);
}

fn job(object: &mut Value, new: bool) {
    let (name, uid) = (crate::object::name(object).to_owned(), crate::object::uid(object).to_owned());
    let spec = child(object, "spec");
    set_default(spec, "backoffLimit", || json!(6));
    set_default(spec, "completionMode", || json!("NonIndexed"));
    set_default(spec, "suspend", || json!(false));
    set_default(spec, "podReplacementPolicy", || json!("TerminatingOrFailed"));
    set_default(spec, "manualSelector", || json!(false));
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        spec["completions"] = json!(1);
    }
    set_default(spec, "parallelism", || json!(1));
    if new && spec["manualSelector"] != Value::Bool(true) {
        let labels = child(child(child(spec, "template"), "metadata"), "labels");
        labels["batch.kubernetes.io/controller-uid"] = json!(uid);
        labels["batch.kubernetes.io/job-name"] = json!(name);
        labels["controller-uid"] = json!(uid);
        labels["job-name"] = json!(name);
        spec["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    }
    template(spec);
}

fn template(spec: &mut Value) {
    if spec["template"].is_object() {
        child(&mut spec["template"], "metadata");
        pod_spec(child(&mut spec["template"], "spec"));
    }
}

fn pod_spec(spec: &mut Value) {
    set_default(spec, "restartPolicy", || json!("Always"));
    set_default(spec, "terminationGracePeriodSeconds", || json!(30));
    set_default(spec, "dnsPolicy", || json!("ClusterFirst"));
    set_default(spec, "securityContext", || json!({}));
    set_default(spec, "schedulerName", || json!("default-scheduler"));
    if let Some(account) = spec.get("serviceAccountName").or_else(|| spec.get("serviceAccount")).cloned() {
        spec["serviceAccountName"] = account.clone();
        spec["serviceAccount"] = account;
    }
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if container.is_object() {
                self::container(container);
            }
        }
    }
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        for source in ["configMap", "secret", "projected", "downwardAPI"] {
            if volume[source].is_object() {
                set_default(&mut volume[source], "defaultMode", || json!(420));
            }
        }
        crate::object::remove(volume, "");
        if let Some(map) = volume.as_object_mut() {
            map.retain(|_, v| !v.is_null());
        }
    }
}

fn container(container: &mut Value) {
    set_default(container, "terminationMessagePath", || json!("/dev/termination-log"));
    set_default(container, "terminationMessagePolicy", || json!("File"));
    set_default(container, "resources", || json!({}));
    let image = container["image"].as_str().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    let always = !image.contains('@') && (!last.contains(':') || last.ends_with(":latest"));
    set_default(container, "imagePullPolicy", || json!(if always { "Always" } else { "IfNotPresent" }));
    for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        set_default(port, "protocol", || json!("TCP"));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if !container.get(probe).is_some_and(Value::is_object) {
            continue;
        }
        let probe = &mut container[probe];
        for (field, value) in
            [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
        {
            set_default(probe, field, || json!(value));
        }
        if probe.get("httpGet").is_some_and(Value::is_object) {
            set_default(&mut probe["httpGet"], "scheme", || json!("HTTP"));
            set_default(&mut probe["httpGet"], "path", || json!("/"));
        }
    }
    for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            set_default(field, "apiVersion", || json!("v1"));
        }
    }
}

fn service(object: &mut Value) {
    set_default(child(object, "status"), "loadBalancer", || json!({}));
    let spec = child(object, "spec");
    set_default(spec, "type", || json!("ClusterIP"));
    set_default(spec, "sessionAffinity", || json!("None"));
    if spec["type"] != "ExternalName" {
        set_default(spec, "internalTrafficPolicy", || json!("Cluster"));
    }
    if spec["type"] == "NodePort" || spec["type"] == "LoadBalancer" {
        set_default(spec, "externalTrafficPolicy", || json!("Cluster"));
    }
    if spec["type"] == "LoadBalancer" {
        set_default(spec, "allocateLoadBalancerNodePorts", || json!(true));
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        set_default(port, "protocol", || json!("TCP"));
        let number = port["port"].clone();
        set_default(port, "targetPort", || number);
    }
}

fn secret(object: &mut Value) {
    set_default(object, "type", || json!("Opaque"));
    let Some(Value::Object(plain)) = crate::object::remove(object, "stringData") else { return };
    let data = child(object, "data");
    for (key, value) in plain {
        data[&key] = json!(base64(value.as_str().unwrap_or_default().as_bytes()));
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let index = (word >> (18 - 6 * position)) & 63;
            out.push(if position <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    out
}

fn definition(spec: &mut Value) {
    set_default(spec, "conversion", || json!({"strategy": "None"}));
    let names = child(spec, "names");
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    set_default(names, "singular", || json!(kind.to_lowercase()));
    set_default(names, "listKind", || json!(format!("{kind}List")));
}

fn binding(object: &mut Value) {
    if object["roleRef"].is_object() {
        set_default(&mut object["roleRef"], "apiGroup", || json!("rbac.authorization.k8s.io"));
    }
    for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        if subject["kind"] != "ServiceAccount" {
            set_default(subject, "apiGroup", || json!("rbac.authorization.k8s.io"));
        }
    }
}
