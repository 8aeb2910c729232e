//! Whether the files fit together: references that lead nowhere, selectors that select nothing.

use std::collections::BTreeMap;

use shipper_core::intent::{
    Application, Cluster, ClusterSelector, Object, Problem, Severity, StepRef, StrategySpec, Template,
};
use shipper_core::plan::{OVERRIDES, names_block, overrides};

use super::locate::{Part, problem};
use super::{File, Source};
use shipper_core::suggest::hint;

use Part::{Item, Key};

/// What the files name.
pub(super) struct Fleet<'a> {
    clusters: BTreeMap<&'a str, &'a Cluster>,
    strategies: BTreeMap<&'a str, &'a StrategySpec>,
    /// Scope and name.
    blocks: Vec<(Option<&'a str>, &'a str)>,
}

impl<'a> Fleet<'a> {
    pub(super) fn of(files: &'a [File]) -> Self {
        let mut fleet = Self { clusters: BTreeMap::new(), strategies: BTreeMap::new(), blocks: Vec::new() };
        for file in files {
            match &file.object {
                Object::Cluster(cluster) => {
                    fleet.clusters.insert(&cluster.metadata.name, cluster);
                }
                Object::Strategy(strategy) => {
                    fleet.strategies.insert(&strategy.metadata.name, &strategy.spec);
                }
                Object::RolloutBlock(block) => {
                    fleet.blocks.push((block.metadata.namespace.as_deref(), &block.metadata.name));
                }
                Object::Application(_) => {}
            }
        }
        fleet
    }

    fn selects_nothing(&self, selector: &ClusterSelector) -> bool {
        !self.clusters.values().any(|cluster| {
            selector.selects(&cluster.metadata.name, &cluster.metadata.labels, &cluster.spec.region)
        })
    }
}

/// Everything that does not fit.
pub(super) fn check(fleet: &Fleet<'_>, files: &[File], source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files {
        match &file.object {
            Object::Application(application) => {
                check_application(fleet, file, application, source, &mut problems);
            }
            Object::Strategy(strategy) => {
                check_steps(fleet, file, &[Key("spec")], &strategy.spec, &mut problems);
            }
            Object::Cluster(_) | Object::RolloutBlock(_) => {}
        }
    }
    problems
}

fn check_application(
    fleet: &Fleet<'_>,
    file: &File,
    application: &Application,
    source: &Source,
    problems: &mut Vec<Problem>,
) {
    check_overrides(fleet, file, application, problems);
    let template = &application.spec.template;
    let at = |parts: &[Part]| [&[Key("spec"), Key("template")], parts].concat();
    if let Some(name) = template.strategy_ref.as_deref().filter(|name| !fleet.strategies.contains_key(name)) {
        let known: Vec<&str> = fleet.strategies.keys().copied().collect();
        let message = format!("there is no strategies/{name}.yaml; {}", hint(name, &known));
        problems.push(problem(file, Severity::Error, &at(&[Key("strategyRef")]), message));
    }
    if let Some(strategy) = &template.strategy {
        check_steps(fleet, file, &at(&[Key("strategy")]), strategy, problems);
    }
    check_order(fleet, file, application, problems);
    check_paths(file, template, source, problems);
    for (index, values) in template.overrides.iter().enumerate() {
        if fleet.selects_nothing(&values.clusters) {
            let parts = at(&[Key("overrides"), Item(index), Key("clusters")]);
            problems.push(problem(file, Severity::Warning, &parts, nothing()));
        }
    }
    check_requirements(fleet, file, template, problems);
}

/// An order to a step that the strategy of these files does not have. Which release it is for only the hub can judge, and one that was
/// made with another strategy has other steps: hence a warning.
fn check_order(fleet: &Fleet<'_>, file: &File, application: &Application, problems: &mut Vec<Problem>) {
    let Some(step) = application.spec.rollout.as_ref().and_then(|rollout| rollout.target_step.as_ref())
    else {
        return;
    };
    let template = &application.spec.template;
    let usual = StrategySpec::default();
    let (strategy, whose) = match (&template.strategy, template.strategy_ref.as_deref()) {
        (Some(strategy), _) => (strategy, "spec.template.strategy".to_owned()),
        (None, Some(name)) => match fleet.strategies.get(name) {
            Some(strategy) => (*strategy, format!("strategies/{name}.yaml")),
            // That it leads nowhere is said already.
            None => return,
        },
        (None, None) => (&usual, "an application without a strategy".to_owned()),
    };
    let names: Vec<&str> = strategy.steps.iter().map(|step| step.name.as_str()).collect();
    let (known, shown, hint) = match step {
        StepRef::Index(index) => (
            usize::try_from(*index).is_ok_and(|index| index < names.len()),
            index.to_string(),
            format!("indices count from 0, and the last is {}", names.len().saturating_sub(1)),
        ),
        StepRef::Name(name) => (names.contains(&name.as_str()), format!("{name:?}"), hint(name, &names)),
    };
    if !known {
        let message = format!("{whose} has no step {shown}; {hint}");
        let parts = [Key("spec"), Key("rollout"), Key("targetStep")];
        problems.push(problem(file, Severity::Warning, &parts, message));
    }
}

/// Blocks end, annotations stay [B2].
fn check_overrides(fleet: &Fleet<'_>, file: &File, application: &Application, problems: &mut Vec<Problem>) {
    let known = |name: &str| fleet.blocks.iter().any(|(scope, block)| names_block(name, *scope, block));
    let unknown: Vec<String> = overrides(application).into_iter().filter(|name| !known(name)).collect();
    let annotation = OVERRIDES.iter().find(|key| application.metadata.annotations.contains_key(**key));
    if let (false, Some(annotation)) = (unknown.is_empty(), annotation) {
        let parts = [Key("metadata"), Key("annotations"), Key(annotation)];
        let message = format!(
            "there is no rollout block {}; remove the name, so that it does not override a block to come",
            unknown.join(", ")
        );
        problems.push(problem(file, Severity::Warning, &parts, message));
    }
}

fn nothing() -> String {
    "selects no cluster of clusters/".to_owned()
}

fn check_steps(
    fleet: &Fleet<'_>,
    file: &File,
    at: &[Part],
    strategy: &StrategySpec,
    problems: &mut Vec<Problem>,
) {
    for (index, step) in strategy.steps.iter().enumerate() {
        if step.clusters.as_ref().is_some_and(|selector| fleet.selects_nothing(selector)) {
            let parts = [at, &[Key("steps"), Item(index), Key("clusters")]].concat();
            problems.push(problem(file, Severity::Warning, &parts, nothing()));
        }
    }
}

fn check_paths(file: &File, template: &Template, source: &Source, problems: &mut Vec<Problem>) {
    let chart = template.chart.as_ref().and_then(|chart| chart.path.as_deref());
    let manifests = template.manifests.as_ref().map(|manifests| manifests.path.as_str());
    let mut missing = |kind: &'static str, message: String| {
        let parts = [Key("spec"), Key("template"), Key(kind), Key("path")];
        problems.push(problem(file, Severity::Error, &parts, message));
    };
    if let Some(path) = chart.map(|path| path.trim_end_matches('/')) {
        if !source.exists(path) {
            missing("chart", format!("there is no folder {path} in the repository"));
        } else if !source.exists(&format!("{path}/Chart.yaml")) {
            missing("chart", format!("{path} is no chart: it has no Chart.yaml"));
        }
    }
    if let Some(path) = manifests.filter(|path| !source.exists(path.trim_end_matches('/'))) {
        missing("manifests", format!("there is no file or folder {path} in the repository"));
    }
}

fn check_requirements(fleet: &Fleet<'_>, file: &File, template: &Template, problems: &mut Vec<Problem>) {
    let Some(requirements) = &template.cluster_requirements else { return };
    for (index, region) in requirements.regions.iter().enumerate() {
        let fitting = fleet.clusters.values().filter(|cluster| {
            cluster.spec.region == region.name
                && !cluster.spec.scheduler.unschedulable
                && !cluster.spec.scheduler.drain
                && requirements.capabilities.iter().all(|needed| cluster.spec.capabilities.contains(needed))
        });
        let (found, wanted) = (fitting.count(), region.replicas as usize);
        if found < wanted {
            let parts =
                [Key("spec"), Key("template"), Key("clusterRequirements"), Key("regions"), Item(index)];
            let message = format!("{found} of {wanted} clusters of region {} fit now", region.name);
            problems.push(problem(file, Severity::Warning, &parts, message));
        }
    }
}
