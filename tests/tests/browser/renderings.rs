//! What was rendered of the releases that pages compare.

use shipper_hub::rendered::{Rendered, Renderings, Wanted};

/// The cluster with values of its own, and how many replicas they ask for.
pub const CANARY: &str = "eu-canary";
pub const CANARY_REPLICAS: u32 = 2;

/// What the loop would hand out.
pub fn renderings(wanted: &Wanted) -> Renderings {
    let canary = wanted.cluster.as_ref().is_some_and(|cluster| cluster.as_str() == CANARY);
    let replicas = |everywhere| if canary { CANARY_REPLICAS } else { everywhere };
    let of = |release: &str| match release {
        "shop-83e4eedd-0" => manifests("83e4eedd-0", "2.4.0-rc1", replicas(10), "bmV3", "basket: \"on\"\n  "),
        "shop-1f0e9d8c-0" => manifests("1f0e9d8c-0", "2.3.2", replicas(8), "b2xk", ""),
        "shop-77aa1122-0" => manifests("77aa1122-0", "2.3.1", replicas(8), "b2xk", ""),
        _ => Rendered::Nothing,
    };
    wanted.releases.iter().map(|release| (release.clone(), of(release.as_str()))).collect()
}

fn manifests(suffix: &str, tag: &str, replicas: u32, key: &str, flags: &str) -> Rendered {
    let text = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop-{suffix}
  namespace: web
  labels: {{app.kubernetes.io/name: shop, shipper.dev/release: shop-{suffix}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{shipper.dev/release: shop-{suffix}}}}}
  template:
    metadata: {{labels: {{shipper.dev/release: shop-{suffix}}}}}
    spec:
      containers:
      - name: shop
        image: registry.example/shop:{tag}
        ports: [{{containerPort: 8080}}]
        env:
        - {{name: DATABASE_HOST, value: postgres.data.svc}}
        - {{name: DATABASE_PASSWORD, value: {key}}}
        readinessProbe: {{httpGet: {{path: /ready, port: 8080}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: flags-{suffix}, namespace: web}}
data:
  {flags}checkout: one-page
---
apiVersion: v1
kind: Secret
metadata: {{name: keys-{suffix}, namespace: web}}
data: {{session: {key}}}
"
    );
    Rendered::Manifests(text.into_bytes())
}
