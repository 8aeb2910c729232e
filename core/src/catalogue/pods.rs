//! Why pods are not available, in Kubernetes' own words.

use super::{Entry, Group};

const fn pods(
    name: &'static str,
    meaning: &'static str,
    shipper: &'static str,
    person: &'static str,
) -> Entry {
    Entry { name, group: Group::Pods, meaning, shipper, person }
}

const WAITS: &str = "Waits: traffic stays where it is, and the incumbent keeps what it needs. When the step's `progressDeadline` \
                     passes without progress the cluster is failing, and `onFailure` says what then.";

/// The reasons that are seen most.
pub(super) static ENTRIES: [Entry; 13] = [
    pods(
        "ImagePullBackOff",
        "The image cannot be pulled, and the kubelet waits before it tries again.",
        WAITS,
        "Correct the image's name or tag, or the pull secret; see the message for the registry's words. `shipperctl abort` takes the \
         rollout back.",
    ),
    pods("ErrImagePull", "The image could not be pulled just now.", WAITS, "As for `ImagePullBackOff`."),
    pods(
        "InvalidImageName",
        "The image's name is not valid.",
        WAITS,
        "Correct the name in the chart or its values.",
    ),
    pods(
        "CrashLoopBackOff",
        "A container ends again and again, and the kubelet waits before it starts it again.",
        WAITS,
        "Read its log: `kubectl logs --previous` of the pod that the message names. `shipperctl abort` takes the rollout back.",
    ),
    pods(
        "Error",
        "A container ended with an error.",
        WAITS,
        "Read its log: `kubectl logs` of the pod that the message names.",
    ),
    pods(
        "OOMKilled",
        "A container used more memory than its limit.",
        WAITS,
        "Raise `resources.limits.memory`, or find what uses it.",
    ),
    pods(
        "CreateContainerConfigError",
        "A container cannot be made because something that it refers to is not there, such as a ConfigMap or Secret.",
        WAITS,
        "Create what the message names, or correct the reference.",
    ),
    pods(
        "RunContainerError",
        "A container cannot be started, for example because its command is not in the image.",
        WAITS,
        "Correct command, arguments or mounts.",
    ),
    pods(
        "Unschedulable",
        "No node has room for the pod, or its selectors and tolerations fit none.",
        WAITS,
        "Add nodes, lower the requests, or lower `surge`; the message is the scheduler's.",
    ),
    pods(
        "FailedCreate",
        "Pods cannot be made, most often because a quota or an admission policy refuses them.",
        WAITS,
        "Read the message; raise the quota or correct the pod.",
    ),
    pods(
        "ContainersNotReady",
        "Containers run, and their readiness probe does not succeed yet.",
        WAITS,
        "Nothing, if they need time. Else look at the probe and at the containers' log.",
    ),
    pods(
        "Pending",
        "The pod was made, and no node has taken it on yet.",
        WAITS,
        "Nothing, if it is new. Else look at the scheduler and at the nodes.",
    ),
    pods(
        "NotReady",
        "The pod is not ready, for a reason that Kubernetes gives in its own word or not at all.",
        WAITS,
        "Look at the pod that the message names: `kubectl describe pod`.",
    ),
];
