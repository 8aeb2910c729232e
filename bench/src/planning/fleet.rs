//! The files of `main`: many small applications, all from the same manifests.

use anyhow::Result;
use serde_json::json;
use shipper_core::AppKey;
use shipper_tests::git_repo::Checkout;

use crate::figures::say;
use crate::reports::REPLICAS;

/// Applications in one namespace, so that folders stay of a size that Git hosts bear.
const IN_NAMESPACE: usize = 100;

/// Where an application is.
pub fn namespace(app: &str) -> String {
    let number: usize = app.trim_start_matches("app-").parse().unwrap_or_default();
    format!("team-{:03}", number / IN_NAMESPACE)
}

fn application(app: &str, restart: usize, on: usize) -> (String, String) {
    let namespace = namespace(app);
    let file = format!(
        "apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {{name: {app}, namespace: {namespace}}}
spec:
  restart: \"{restart}\"
  template:
    manifests: {{path: manifests}}
    clusterRequirements: {{regions: [{{name: eu, replicas: {on}}}]}}
"
    );
    (format!("applications/{namespace}/{app}.yaml"), file)
}

/// The files of `main`: small applications of a Deployment and a Service, all from the same manifests, on so many clusters, and each on so many of
/// those.
pub fn fleet(count: usize, (clusters, on): (usize, usize)) -> Vec<(String, String)> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "main"},
        "spec": {"selector": {"app": "main"}, "ports": [{"port": 80}]},
    });
    let objects = format!("{}\n---\n{service}\n", crate::apps::deployment("main", REPLICAS, "a"));
    let clusters = (0..clusters).map(|number| {
        let file = format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: cluster-{number:03}}}\nspec: {{region: eu}}\n"
        );
        (format!("clusters/cluster-{number:03}.yaml"), file)
    });
    let applications = (0..count).map(|number| application(&format!("app-{number:05}"), 0, on));
    std::iter::once(("manifests/objects.yaml".to_owned(), objects))
        .chain(clusters)
        .chain(applications)
        .collect()
}

/// Somebody asks for a restart of one application.
///
/// # Errors
/// Git fails.
pub fn touch(desk: &Checkout, app: &str, (number, on): (usize, usize)) -> Result<AppKey> {
    let (path, content) = application(app, number + 1, on);
    desk.write(&path, &content)?;
    desk.git(["add", &path])?;
    desk.git(["commit", "--quiet", "--message", &format!("Restart {app}")])?;
    desk.push()?;
    if number == 0 {
        say(&format!("commits that touch one application: {path} and others"));
    }
    Ok(AppKey::new(namespace(app), app))
}
