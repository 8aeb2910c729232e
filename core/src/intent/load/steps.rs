//! What the steps of a strategy mean together [M3, M4, M7].

use super::analysis;
use super::check::{Checker, join};
use crate::shown::acts;
use crate::yaml::{Data, Node};
use serde_json::Value;
use std::collections::BTreeSet;

const GROUPS: [&str; 2] = ["capacity", "traffic"];
const SIDES: [&str; 2] = ["contender", "incumbent"];
/// What an incumbent has before a step says otherwise, in percent.
const FULL: i64 = 100;

/// Checks the list of steps below `strategy`.
pub(super) fn check(checker: &mut Checker<'_>, strategy: &Node, path: &str) {
    let Some(list) = strategy.get("steps") else { return };
    let Data::List(nodes) = &list.data else { return };
    let path = join(path, "steps");
    if nodes.is_empty() {
        checker.error(list.at, &path, "has no steps; leave `strategy` out to roll out in one step");
        return;
    }
    let steps = Steps { nodes, selectors: nodes.iter().map(selector).collect() };
    for (index, step) in nodes.iter().enumerate() {
        let path = format!("{path}[{index}]");
        numeric_name(checker, step, &path);
        hidden_name(checker, step, &path);
        analysis::check(checker, step, &path);
        for side in SIDES {
            weight_needs_capacity(checker, &steps, index, side, &path);
        }
    }
    ends_with_the_contender(checker, &steps, &path);
}

struct Steps<'a> {
    nodes: &'a [Node],
    /// Which clusters each step selects; `None` = all.
    selectors: Vec<Option<Value>>,
}

/// An empty selector selects all, as an absent one does.
fn selector(step: &Node) -> Option<Value> {
    step.get("clusters").filter(|selector| !selector.entries().is_empty()).map(Value::from)
}

fn number<'a>(step: &'a Node, group: &str, side: &str) -> Option<(&'a Node, i64)> {
    let node = step.get(group)?.get(side)?;
    match &node.data {
        Data::Number(number) => Some((node, number.as_i64()?)),
        _ => None,
    }
}

impl Steps<'_> {
    /// The numbers that clusters selected by step `index` may have there [M4], given that nobody knows
    /// which clusters two different selectors share; `default` are those of a cluster that no step named before.
    fn possible(&self, index: usize, group: &str, side: &str, default: &[i64]) -> BTreeSet<i64> {
        let mut possible = BTreeSet::new();
        for before in (0..=index).rev() {
            let Some((_, value)) = number(&self.nodes[before], group, side) else { continue };
            possible.insert(value);
            if self.selectors[before].is_none() || self.selectors[before] == self.selectors[index] {
                return possible;
            }
        }
        possible.extend(default);
        possible
    }

    /// The number at the end for a cluster that only steps with this selector, or with none, select.
    fn last(&self, class: Option<&Value>, group: &str, side: &str) -> Option<i64> {
        let of_class = |selector: &Option<Value>| selector.is_none() || selector.as_ref() == class;
        let steps = self.nodes.iter().zip(&self.selectors).filter(|(_, selector)| of_class(selector));
        steps.rev().find_map(|(step, _)| number(step, group, side)).map(|(_, value)| value)
    }

    fn names(&self, group: &str) -> bool {
        self.nodes.iter().any(|step| SIDES.iter().any(|side| number(step, group, side).is_some()))
    }
}

fn numeric_name(checker: &mut Checker<'_>, step: &Node, path: &str) {
    if let Some(name) = step.get("name")
        && let Some(text) = name.text()
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
    {
        let message = format!("{text:?} is purely numeric, and could be taken for the index of a step");
        checker.error_here(name.at, &join(path, "name"), message);
    }
}

/// A name is said in commands that people copy, and no line says what acts on a terminal or hides.
fn hidden_name(checker: &mut Checker<'_>, step: &Node, path: &str) {
    let Some(name) = step.get("name") else { return };
    let text = name.text().unwrap_or_default();
    if let Some(c) = text.chars().find(|c| acts(*c)) {
        let code = u32::from(c);
        let message = format!(
            "has the character U+{code:04X}, which acts on a terminal or hides, so that no command could name the step; take it out"
        );
        checker.error(name.at, &join(path, "name"), message);
    }
}

fn weight_needs_capacity(checker: &mut Checker<'_>, steps: &Steps<'_>, index: usize, side: &str, path: &str) {
    let step = &steps.nodes[index];
    // What is inherited whole was judged at the step that says it.
    let written = GROUPS.iter().rev().find_map(|group| Some((group, number(step, group, side)?.0)));
    let Some((group, node)) = written else { return };
    let (capacity, traffic) = if side == "contender" {
        ([0].as_slice(), [0].as_slice())
    } else {
        ([FULL].as_slice(), [0, FULL].as_slice())
    };
    let capacity = steps.possible(index, "capacity", side, capacity);
    let traffic = steps.possible(index, "traffic", side, traffic);
    let field = join(&join(path, group), side);
    let (least, most) = (traffic.first().copied().unwrap_or(0), traffic.last().copied().unwrap_or(0));
    if least > 0 && capacity.last() == Some(&0) {
        checker.error_here(
            node.at,
            &field,
            format!("the {side} has traffic weight {most} here, but no capacity"),
        );
    } else if most > 0 && capacity.contains(&0) && steps.names("traffic") {
        let message =
            format!("the {side} may have traffic weight {most} without capacity in some clusters here");
        checker.warn(node.at, &field, message);
    }
}

/// A strategy should end with the whole contender everywhere [M7].
fn ends_with_the_contender(checker: &mut Checker<'_>, steps: &Steps<'_>, path: &str) {
    // Numbers that are refused would be told a second time.
    let Some(last) = steps.nodes.last().filter(|_| !checker.has_errors()) else { return };
    let path = format!("{path}[{}]", steps.nodes.len() - 1);
    let mut classes: Vec<Option<&Value>> = vec![None];
    for selector in steps.selectors.iter().flatten() {
        if !classes.contains(&Some(selector)) {
            classes.push(Some(selector));
        }
    }
    if steps.selectors.iter().all(Option::is_some) {
        checker.warn(
            last.at,
            &path,
            "clusters that no step selects never get the new release; end with a step without `clusters`",
        );
        classes.remove(0);
    }
    for class in classes {
        let whom = if class.is_some() { " in the clusters of some step" } else { "" };
        let number = |group, side, default| steps.last(class, group, side).unwrap_or(default);
        let capacity = (number("capacity", "contender", 0), number("capacity", "incumbent", FULL));
        let traffic = (number("traffic", "contender", 0), number("traffic", "incumbent", FULL));
        let before = checker.problems.len();
        if capacity != (FULL, 0) {
            let message = format!(
                "the rollout ends with capacity {}/{}{whom}, not with contender 100 and incumbent 0",
                capacity.0, capacity.1
            );
            checker.warn(last.at, &join(&path, "capacity"), message);
        }
        if steps.names("traffic") && (traffic.0 == 0 || traffic.1 > 0) {
            let message = format!(
                "the rollout ends with traffic {}/{}{whom}, not with all of it on the contender",
                traffic.0, traffic.1
            );
            checker.warn(last.at, &join(&path, "traffic"), message);
        }
        if checker.problems.len() > before {
            return;
        }
    }
}
