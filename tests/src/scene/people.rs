//! What people commit to the fleet repository.

use anyhow::{Context, Result, ensure};

use super::{STATE_BRANCH, Scene};
use crate::fleet::Fleet;
use crate::git_repo::Checkout;

const APPLICATION: &str = include_str!("files/application.yaml");
const CHART: [(&str, &str); 5] = [
    ("charts/shop/Chart.yaml", include_str!("files/Chart.yaml")),
    ("charts/shop/values.yaml", include_str!("files/values.yaml")),
    ("charts/shop/templates/deployment.yaml", include_str!("files/deployment.yaml")),
    ("charts/shop/templates/config.yaml", include_str!("files/config.yaml")),
    ("charts/shop/templates/shared.yaml", include_str!("files/shared.yaml")),
];
/// How often somebody else may have pushed first.
const TRIES: usize = 5;

/// The clusters and the chart.
pub(super) fn first_files(fleet: &Fleet) -> Vec<(String, String)> {
    let cluster = |name: &str| {
        let tier = if name == "cluster-1" { "vanguard" } else { "rest" };
        format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: {name}\n  labels: {{tier: {tier}}}\nspec:\n  region: eu\n"
        )
    };
    let clusters =
        fleet.clusters().iter().map(|c| (format!("clusters/{}.yaml", c.name()), cluster(c.name())));
    clusters.chain(CHART.map(|(path, content)| (path.to_owned(), content.to_owned()))).collect()
}

impl Scene {
    /// The path of an application's file.
    #[must_use]
    pub fn file(&self, app: &str) -> String {
        format!("applications/{}/{app}.yaml", self.namespace)
    }

    /// An Application of the chart `charts/shop` at `tag: v1` with 4 replicas, and the strategy staging, 50/50, full on.
    #[must_use]
    pub fn application(&self, app: &str) -> String {
        APPLICATION.replace("$APP", app).replace("$NAMESPACE", &self.namespace)
    }

    /// Commits files and pushes; returns the commit.
    ///
    /// # Errors
    /// When git fails.
    pub fn commit(&self, files: &[(&str, &str)], message: &str) -> Result<String> {
        self.desk.pull()?;
        self.desk.write_all(files)?;
        let commit = self.desk.commit(message)?;
        self.desk.push()?;
        Ok(commit)
    }

    /// Replaces `old` by `new` in an application's file, commits and pushes; returns the commit.
    ///
    /// # Errors
    /// When `old` is not there exactly once, or git fails.
    pub fn edit(&self, app: &str, old: &str, new: &str) -> Result<String> {
        let file = self.file(app);
        self.desk.pull()?;
        let text = self.desk.read(&file)?;
        ensure!(text.matches(old).count() == 1, "{old:?} is not exactly once in {file}:\n{text}");
        self.commit(&[(&file, &text.replace(old, new))], &format!("{app}: {}", new.trim()))
    }

    /// Changes `spec.rollout` of an application's file, commits and pushes; returns the commit.
    ///
    /// # Errors
    /// When git fails.
    pub fn promote(&self, app: &str, release: &str, step: &str) -> Result<String> {
        let file = self.file(app);
        self.desk.pull()?;
        let text = self.desk.read(&file)?;
        let rest = text.split("  rollout:\n").next().unwrap_or_default();
        let text = format!("{rest}  rollout:\n    release: {release}\n    targetStep: {step}\n");
        self.commit(&[(&file, &text)], &format!("Promote {app} to {step}"))
    }

    /// What nobody should do: changes a file of the state branch, which is the hub's alone, and pushes; returns the commit.
    ///
    /// # Errors
    /// When git fails, the hub is faster every time, or nothing changed.
    pub fn edit_state(&self, file: &str, edit: impl Fn(String) -> String) -> Result<String> {
        let mut tries = 0;
        loop {
            let desk = Checkout::clone(&self.git.url(self.state_repository()))?;
            desk.git(["checkout", "--quiet", STATE_BRANCH])?;
            desk.write(file, &edit(desk.read(file)?))?;
            let commit = desk.commit(&format!("Edit {file} by hand"))?;
            tries += 1;
            match desk.push() {
                Err(_) if tries < TRIES => {}
                pushed => return pushed.map(|()| commit),
            }
        }
    }

    /// `git revert` of a commit, pushed.
    ///
    /// # Errors
    /// When git fails, as it does where later commits are in the way.
    pub fn revert(&self, commit: &str) -> Result<String> {
        self.desk.pull()?;
        self.desk.git(["revert", "--no-edit", commit]).context("cannot revert")?;
        self.desk.push()?;
        self.desk.git(["rev-parse", "HEAD"])
    }
}
