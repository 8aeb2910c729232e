//! The administrator's kubeconfig.

use std::time::Duration;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

/// Longer than a watch with bookmarks is ever silent.
const SILENCE: Duration = Duration::from_secs(150);

/// Written as JSON, which every reader of kubeconfigs takes for YAML.
pub(crate) fn write(name: &str, port: u16, ca: &str, token: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": "admin"}}],
        "clusters": [{"name": name, "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority-data": STANDARD.encode(ca),
        }}],
        "users": [{"name": "admin", "user": {"token": token}}],
    })
    .to_string()
}

/// What kube makes of it.
pub(crate) async fn client_config(kubeconfig: &str) -> Result<Config> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // Else a test whose request is never answered waits for ever, and says nothing.
    config.read_timeout = Some(SILENCE);
    Ok(config)
}
