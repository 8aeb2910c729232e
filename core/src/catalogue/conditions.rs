//! Why conditions are as they are: what Shipper does by itself and what a person can do. What each means stands at its
//! [`Reason`].

use super::{Entry, Group};
use crate::condition::Reason;

/// Name, what Shipper does, what a person can do.
const ADVICE: &[(&str, &str, &str)] = &[
    ("AsExpected", "Goes on.", "Nothing."),
    (
        "InvalidFile",
        "Keeps the last good version in force, and reads the file again with the next commit that changes it.",
        "Correct what the message names with file, line and column. `shipperctl lint` finds it before the commit.",
    ),
    (
        "MissingOnMain",
        "Says what will happen when. Without ready pods the application is removed at once; with ready pods after a confirmation or 15 \
         minutes, if it is the only one missing.",
        "Put the file back with `git revert`, or confirm with `shipperctl remove`.",
    ),
    (
        "ManyMissing",
        "Removes nothing until a commit confirms each removal.",
        "Put the files back with `git revert`, or confirm with `shipperctl remove`.",
    ),
    (
        "Removing",
        "Removes the objects in reverse order of their installation, in every cluster, and forgets the application when every cluster has \
         reported that nothing is left but what is kept.",
        "Put the file back to keep what is left.",
    ),
    (
        "StrategyNotFound",
        "Makes no release; the present one stays.",
        "Commit `strategies/<name>.yaml`, or correct `strategyRef`.",
    ),
    ("StrategyCurrent", "Goes on.", "Nothing."),
    (
        "StrategyChanged",
        "Keeps the contender on the strategy that it was made with; the next release has the changed one.",
        "Nothing, or name the version in `rollout.adoptStrategy` to have the running release adopt it.",
    ),
    (
        "StaleStrategy",
        "Keeps the release's own strategy.",
        "Write the version that the message names into `rollout.adoptStrategy`.",
    ),
    (
        "StrategyRefused",
        "Keeps the release's own strategy.",
        "Give the step that the release is at a place in the changed strategy, or let the next release have it.",
    ),
    ("WholeAtEnd", "Goes on.", "Nothing."),
    (
        "ContenderNotWhole",
        "Follows the strategy as it is.",
        "End the strategy with a step for all clusters that gives the contender everything, unless this is meant.",
    ),
    (
        "ChartUnavailable",
        "Tries again by itself, with growing pauses. What runs is not touched.",
        "Look at the repository's address and whether the hub reaches it; `shipperctl status` shows its words.",
    ),
    (
        "RenderFailed",
        "Makes the release and marks it as failed; it goes nowhere and is not rendered again.",
        "Correct the chart or its values and commit, or take the change back with `git revert`.",
    ),
    ("Rendering", "Renders beside its other work, and goes on by itself.", "Nothing."),
    (
        "StaleRelease",
        "Moves nothing.",
        "Look at the contender with `shipperctl status`, and promote that one: `shipperctl promote`.",
    ),
    ("UnknownStep", "Moves nothing.", "Use one of the steps that the message lists."),
    (
        "OrderWaits",
        "Obeys the order when soak and analysis of the step that it leaves are passed.",
        "Wait, or go on at once: `shipperctl promote APP --step STEP --skip-gates`, which is `skipGates: true` beside the order in `spec.rollout`.",
    ),
    (
        "RolloutPaused",
        "Lets the present step converge, makes no release and takes no step; a return is obeyed.",
        "Remove `rollout.paused` to go on.",
    ),
    (
        "ClustersFailing",
        "Goes on without them as if they were not there: gates are judged and steps taken on the others. What fails goes on trying, and counts again as soon as it has everything.",
        "Mend what the message names in those clusters: `shipperctl status` shows the pods and objects in trouble. Where the release itself is at fault, take it back with `shipperctl abort`.",
    ),
    (
        "RolloutHeld",
        "Takes no step by itself, whatever `approval` says. Nothing is taken away: the incumbent keeps what it has at this step, and the contender goes on trying. It goes on by itself when few enough clusters fail.",
        "Mend what the message names, and it goes on; after a failed analysis order the step again with another `rollout.request`. Or take the release back with `shipperctl abort`, or walk it back with `shipperctl promote` to an earlier step. `onFailure: rollback` in the strategy has the hub take it back by itself.",
    ),
    (
        "RolledBack",
        "Gives the load back to the incumbent at once, and removes the release from the clusters. `main` is left alone, and the release is not made again.",
        "Mend the cause that the message names and commit; or commit another `spec.restart` to try the same again; or take the change back with `shipperctl abort` or `git revert`.",
    ),
    (
        "NotEnoughClusters",
        "Looks again whenever the fleet changes, and goes on by itself. What runs stays.",
        "The message says per cluster why it was not taken. Add clusters, lower `regions[].replicas`, or set `allowFewer: true`.",
    ),
    (
        "NoReplacement",
        "Keeps the application where it is, and moves it when a cluster fits.",
        "Add a cluster that fits, or undo the drain.",
    ),
    (
        "RolloutsBlocked",
        "Makes no release and takes no step; keeps targets, repairs drift, goes on with soak times. What the block allows goes on: by \
         default a return to the incumbent and `paused`. What was asked for meanwhile is done when the block is gone.",
        "See `shipperctl blocks list`. Wait, remove the block with `shipperctl blocks remove`, or name it in the application's annotation \
         `shipper.dev/rollout-block.override`.",
    ),
    (
        "OverrideNotFound",
        "Ignores the name; other blocks stop the application all the same.",
        "Remove the name from the annotation, so that it does not override a block to come; or correct it.",
    ),
    (
        "InProgress",
        "Goes on step by step as far as the strategy allows.",
        "See what is waited for in the message, or with `shipperctl why`.",
    ),
    (
        "RolloutComplete",
        "Repairs drift, and keeps the incumbent's record for a return.",
        "Nothing. `shipperctl abort` goes back to the release before.",
    ),
    (
        "HistoryRewritten",
        "Changes nothing anywhere; clusters keep what they have.",
        "Push the history that was there, or accept the new one with `shipperctl repository accept <commit>`.",
    ),
    (
        "RepositoryUnreachable",
        "Tries again by itself, with growing pauses; clusters keep what they have and repair drift.",
        "Look at the Git server and at the hub's credentials; the message has the server's words.",
    ),
    (
        "StandsBy",
        "Writes nothing, and sends agents and readers to the hubs that act. It takes over, in a new epoch, when the agents of more than \
         half of the clusters have been without such a hub for `--takeover-after` and ask this one.",
        "Nothing, while the other hubs are well. If their database is lost for good and agents cannot reach this hub, start it once \
         with `--take-over`. Hubs that share one PostgreSQL (`--database`) need no standby: all of them act.",
    ),
    (
        "DatabaseNotWritable",
        "Tries again by itself, every few seconds at most, and refuses reports until it works; agents report anew then. Clusters keep what \
         they have. No agent is taken to have gone away meanwhile, nor for three heartbeats after; one that was away before still is.",
        "Give the data directory (`--data-dir`) free space, or mend the disk or the database server that the message names. The hub needs \
         no restart.",
    ),
];

/// The entry of a reason; a test holds that there is one for each.
pub(super) fn entry(reason: Reason) -> Option<Entry> {
    let name = reason.name();
    let (name, shipper, person) = *ADVICE.iter().find(|(known, ..)| *known == name)?;
    Some(Entry { name, group: Group::Condition, meaning: reason.meaning(), shipper, person })
}
