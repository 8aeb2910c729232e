//! What a rollout waits for [A5].

use super::{Entry, Group};
use crate::status::WaitingFor;

pub(super) fn entry(state: WaitingFor) -> Entry {
    let (name, meaning, shipper, person) = match state {
        WaitingFor::Blocked => (
            "blocked",
            "A rollout block is in force and forbids what is asked for.",
            "Keeps what it wrote before in force, repairs drift, and goes on when the block is gone or its time is over.",
            "See which with `shipperctl blocks list`. Remove the block, wait, or name it in the application's annotation \
             `shipper.dev/rollout-block.override`.",
        ),
        WaitingFor::Paused => (
            "paused",
            "`spec.rollout.paused` is set.",
            "Lets the present step converge, makes no release and takes no step. A return to the incumbent is obeyed.",
            "Remove `paused` from the Application's file to go on.",
        ),
        WaitingFor::WaitingForCluster => (
            "waitingForCluster",
            "A cluster has not reported on the target that is in force there, or no cluster is chosen yet.",
            "Waits for the report; old reports prove nothing. A cluster that is offline is excused up to `maxFailedClusters`.",
            "Look whether the agent of that cluster runs and reaches Git and the hub; `shipperctl status` names the cluster.",
        ),
        WaitingFor::WaitingForInstallation => (
            "waitingForInstallation",
            "Objects of the release are not applied yet, or cannot be.",
            "Applies them in Helm's order, and tries again what may heal by waiting.",
            "If an object is named with a problem, look at the page of its reason.",
        ),
        WaitingFor::WaitingForCapacity => (
            "waitingForCapacity",
            "Pods are not available yet, or pods that are to go are still there.",
            "Raises what is short as far as `surge` allows. Traffic does not move before the pods that need it are ready.",
            "The message counts the pods and names one that fails, with its reason.",
        ),
        WaitingFor::WaitingForTraffic => (
            "waitingForTraffic",
            "The ready addresses behind the Service are not the wanted ones yet.",
            "Moves labels and selector, and waits for the EndpointSlices. Nothing is lowered before.",
            "If it lasts, look at the readiness of the pods and at the Service's ports.",
        ),
        WaitingFor::WaitingForGate => (
            "waitingForGate",
            "The step is achieved, and its soak time or analysis is not over.",
            "Waits for the time or the samples. No sample, or an old one, is never a pass.",
            "Wait, or go on without it: `shipperctl promote APP --step NEXT --skip-gates`, which is `skipGates: true` beside the order in `spec.rollout`.",
        ),
        WaitingFor::WaitingForCommand => (
            "waitingForCommand",
            "The step is achieved and the next one needs a person's approval.",
            "Keeps the step.",
            "Run the `shipperctl promote` command that the message spells out, or commit `spec.rollout` yourself.",
        ),
        WaitingFor::None => ("none", "Nothing is waited for.", "Repairs drift.", "Nothing."),
    };
    Entry { name, group: Group::Waiting, meaning, shipper, person }
}
