//! What the hub has decided, commit by commit, as it stands on the state branch.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use shipper_core::state::{FleetState, ReleaseRecord, StateObject, Target};

use super::{STATE_BRANCH, Scene};

/// A release at one commit of the state branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The step that is asked for.
    pub step: usize,
    /// The step that was achieved last.
    pub achieved: Option<usize>,
    /// Whether it is complete.
    pub complete: bool,
    /// Whether it is withdrawn.
    pub withdrawn: bool,
}

impl Scene {
    /// How a release moved: its record at every commit that changed any of these.
    ///
    /// # Errors
    /// When the branch or a record cannot be read.
    pub fn stages(&self, app: &str, release: &str) -> Result<Vec<Stage>> {
        let file = format!("releases/{}/{app}/{release}/release.yaml", self.namespace);
        let mut stages = Vec::new();
        for commit in self.state_commits(&[&file])? {
            let Some(text) = self.at(&commit, &file)? else { continue };
            let record = ReleaseRecord::from_yaml(text.as_bytes())?;
            stages.push(Stage {
                step: record.position.step,
                achieved: record.achieved.map(|achieved| achieved.step),
                complete: record.complete.is_some(),
                withdrawn: record.withdrawn.is_some(),
            });
        }
        stages.dedup();
        Ok(stages)
    }

    /// The steps that were asked for, one after the other.
    ///
    /// # Errors
    /// As [`Scene::stages`].
    pub fn steps(&self, app: &str, release: &str) -> Result<Vec<usize>> {
        let mut steps: Vec<usize> = self.stages(app, release)?.iter().map(|stage| stage.step).collect();
        steps.dedup();
        Ok(steps)
    }

    /// The numbers that a cluster was given for the releases of an application, one after the other: name, capacity, traffic.
    ///
    /// # Errors
    /// When the branch or a target cannot be read.
    pub fn targets(&self, cluster: &str, app: &str) -> Result<Vec<Vec<(String, u8, u32)>>> {
        let file = format!("clusters/{cluster}/{}/{app}/target.yaml", self.namespace);
        let mut targets = Vec::new();
        let mut generation = 0;
        for commit in self.state_commits(&[&file])? {
            let Some(text) = self.at(&commit, &file)? else { continue };
            let target = Target::from_yaml(text.as_bytes())?;
            ensure!(
                target.generation > generation,
                "{file} has generation {} after {generation} at {commit}",
                target.generation
            );
            generation = target.generation;
            let releases = target.releases.iter().filter(|release| !release.absent);
            targets
                .push(releases.map(|r| (r.name.to_string(), r.capacity, r.traffic.unwrap_or(0))).collect());
        }
        targets.dedup();
        Ok(targets)
    }

    /// Fails unless the state branch is one line in which every commit raises the generation by one; returns its length.
    ///
    /// # Errors
    /// When it is not.
    pub fn ensure_one_line(&self) -> Result<usize> {
        let merges = self.state.git(["rev-list", "--merges", STATE_BRANCH])?;
        ensure!(merges.is_empty(), "the state branch has merges: {merges}");
        let commits = self.state_commits(&[])?;
        let mut before: Option<FleetState> = None;
        for commit in &commits {
            let text = self.state.show(commit, "state.yaml")?;
            let state = FleetState::from_yaml(text.as_bytes()).with_context(|| format!("at {commit}"))?;
            if let Some(before) = before {
                ensure!(
                    state.generation == before.generation + 1 && state.epoch >= before.epoch,
                    "{commit} has epoch {} and generation {} after {} and {}",
                    state.epoch,
                    state.generation,
                    before.epoch,
                    before.generation
                );
            }
            before = Some(state);
        }
        Ok(commits.len())
    }

    /// The clusters whose directories changed, by commit after `since`; commits that changed none are left out.
    ///
    /// # Errors
    /// When the branch cannot be read.
    pub fn touched_since(&self, since: &str) -> Result<Vec<BTreeSet<String>>> {
        let mut touched = Vec::new();
        let commits = self.state.git(["rev-list", "--reverse", &format!("{since}..{STATE_BRANCH}")])?;
        for commit in commits.lines() {
            let arguments = ["diff-tree", "--no-commit-id", "--name-only", "-r", commit, "--", "clusters"];
            let files = self.state.git(arguments)?;
            let clusters: BTreeSet<String> =
                files.lines().filter_map(|file| file.split('/').nth(1)).map(str::to_owned).collect();
            touched.extend((!clusters.is_empty()).then_some(clusters));
        }
        Ok(touched)
    }

    /// The tree of a cluster's directory, as Git knows it.
    ///
    /// # Errors
    /// When there is none.
    pub fn tree_of(&self, cluster: &str) -> Result<String> {
        self.state.git(["rev-parse", &format!("{STATE_BRANCH}:clusters/{cluster}")])
    }

    fn state_commits(&self, files: &[&str]) -> Result<Vec<String>> {
        let arguments = ["log", "--reverse", "--format=%H", STATE_BRANCH, "--"];
        let listed = self.state.git(arguments.iter().chain(files))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// A file at a commit, unless the commit removed it.
    fn at(&self, commit: &str, file: &str) -> Result<Option<String>> {
        let listed = self.state.git(["ls-tree", "--name-only", commit, "--", file])?;
        if listed.is_empty() { Ok(None) } else { self.state.show(commit, file).map(Some) }
    }
}
