//! The ports of a Service, for the check that a Service can reach two releases at once [C11].

use super::ManifestObject;
use serde_json::Value;

/// One port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServicePort {
    /// Its name; empty where the Service has one port without a name.
    pub name: String,
    /// The port the Service listens on.
    pub port: u64,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Where in the pod it leads.
    pub target: TargetPort,
}

/// Where in a pod a port of a Service leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetPort {
    /// A port number, the same for all pods.
    Number(u64),
    /// A port that each pod names for itself, so that releases may differ.
    Name(String),
}

/// The ports of a Service in the order of the manifest, with Kubernetes' defaults (TCP, `targetPort` equal to `port`);
/// empty for an object that is no Service.
pub fn service_ports(object: &ManifestObject) -> Vec<ServicePort> {
    if !object.key.is("", "Service") {
        return Vec::new();
    }
    let ports = object.value.pointer("/spec/ports").and_then(Value::as_array);
    ports.into_iter().flatten().filter_map(read).collect()
}

fn read(port: &Value) -> Option<ServicePort> {
    let text = |field: &str| port.get(field).and_then(Value::as_str);
    let number = port.get("port")?.as_u64()?;
    Some(ServicePort {
        name: text("name").unwrap_or_default().to_owned(),
        port: number,
        protocol: text("protocol").unwrap_or("TCP").to_owned(),
        target: match port.get("targetPort") {
            Some(Value::String(name)) => TargetPort::Name(name.clone()),
            // Kubernetes takes 0 for "not given".
            Some(Value::Number(target)) => {
                TargetPort::Number(target.as_u64().filter(|n| *n > 0).unwrap_or(number))
            }
            _ => TargetPort::Number(number),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::Manifests;
    use super::*;

    #[test]
    fn ports_have_the_defaults_of_kubernetes() {
        let yaml = b"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  ports:\n  - {port: 80}\n  - {name: a, port: 81, targetPort: http, protocol: UDP}\n  - {name: b, port: 82, targetPort: 8080}\n";
        let ports = service_ports(&Manifests::parse(yaml).unwrap().objects[0]);
        let port = |name: &str, port, protocol: &str, target| ServicePort {
            name: name.to_owned(),
            port,
            protocol: protocol.to_owned(),
            target,
        };
        assert_eq!(
            ports,
            [
                port("", 80, "TCP", TargetPort::Number(80)),
                port("a", 81, "UDP", TargetPort::Name("http".to_owned())),
                port("b", 82, "TCP", TargetPort::Number(8080)),
            ]
        );
    }
}
