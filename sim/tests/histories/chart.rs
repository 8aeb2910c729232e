//! What the application's versions render to.

use shipper_core::manifest::{Context, Manifests, normalise};
use shipper_core::{AppKey, ReleaseName};

/// Replicas that every version renders.
pub const REPLICAS: u32 = 5;
/// The application's one Service.
pub const SERVICE: &str = "app";

/// The application.
pub fn app() -> AppKey {
    AppKey::new("web", "app")
}

/// The image of a version.
pub fn image(version: &str) -> String {
    format!("example.com/{version}")
}

/// The manifests of a version; those with `broken` in their name never get ready.
pub fn manifests(version: &str, release: &ReleaseName, managed: bool) -> Manifests {
    let image = image(version);
    let rendered = format!(
        r#"
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings}}
data: {{version: {version}}}
---
apiVersion: v1
kind: Service
metadata: {{name: app, labels: {{version: {version}}}}}
spec:
  selector: {{app: app}}
  ports: [{{port: 80, targetPort: http}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app}}
spec:
  replicas: {REPLICAS}
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec:
      containers:
      - name: app
        image: {image}
        envFrom: [{{configMapRef: {{name: settings}}}}]
        ports: [{{name: http, containerPort: 8080}}]
"#
    );
    let app = app();
    let context = Context {
        application: &app,
        release,
        manages_traffic: managed,
        allow_cluster_scope: false,
        allow_secrets: false,
    };
    let bytes = normalise(rendered.as_bytes(), &context).expect("the chart is one that Shipper accepts");
    Manifests::parse(&bytes).expect("normalised manifests parse")
}
