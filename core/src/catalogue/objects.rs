//! Why an object is in trouble in a cluster. Agents give no other reason.

use super::{Entry, Group};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

macro_rules! troubles {
    ($($(#[$attribute:meta])* $name:ident { $meaning:literal, $shipper:literal, $person:literal })+) => {
        /// Why an object is in trouble.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        pub enum Trouble {
            $(#[doc = $meaning] $(#[$attribute])* $name,)+
        }

        impl Trouble {
            /// All of them, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its entry.
            pub fn entry(self) -> Entry {
                let (name, meaning, shipper, person) = match self {
                    $(Self::$name => (stringify!($name), $meaning, $shipper, $person),)+
                };
                Entry { name, group: Group::Object, meaning, shipper, person }
            }
        }
    };
}

troubles! {
    Rejected {
        "The API server refuses the object: it is not valid, or an admission policy denies it.",
        "Counts the cluster as failing in this step, and tries again with the next version of the manifest or after a growing pause.",
        "Read the API server's words in the message, correct the chart or its values, and commit."
    }
    Forbidden {
        "The agent has no right to write the object, or to watch its kind.",
        "Counts the cluster as failing in this step, and tries again after a growing pause.",
        "Give the agent's ServiceAccount the right that the message names, or take the object out of the chart."
    }
    Unauthorized {
        "The API server does not know the agent.",
        "Reads its token anew and tries again.",
        "If it lasts, look at the agent's ServiceAccount and at the clock of the control plane."
    }
    Quota {
        "A ResourceQuota of the namespace leaves no room for the object.",
        "Tries again after a growing pause. The cluster fails only when the step's deadline passes.",
        "Raise the quota, or lower what the application asks for. A rollout needs room for its `surge` too."
    }
    NamespaceMissing {
        "The application's namespace does not exist in the cluster.",
        "Waits until it does.",
        "Create it, or set `spec.createNamespace: true` on the Application."
    }
    NamespaceTerminating {
        "The application's namespace is being deleted.",
        "Waits until it is gone, then goes on as if it had never been there.",
        "If it does not go away, look for finalizers in it. If it was deleted by mistake, create it again afterwards."
    }
    KindMissing {
        "The API server does not know the kind of the object.",
        "Looks again after a growing pause; a CustomResourceDefinition of the same chart is waited for.",
        "Install the CustomResourceDefinition, or correct `apiVersion` and `kind`."
    }
    Terminating {
        "The object is being deleted.",
        "Makes it anew once it is gone.",
        "If it does not go away, look for finalizers on it."
    }
    OwnershipConflict {
        "An object of that name exists already and is not Shipper's, or belongs to another application.",
        "Leaves it alone, and counts the cluster as failing in this step.",
        "Rename the object in the chart, remove the other one from the cluster, or let it be taken over with the annotation `shipper.dev/adopt: \"true\"`."
    }
    FieldConflict {
        "Somebody changes the object again and again, and Shipper puts it back.",
        "Repairs it with growing pauses, up to five minutes.",
        "Stop the field manager that the message names, or leave the field out of the chart."
    }
    Adopting {
        "A Service that was there before is taken over, and still has the selector that it had.",
        "Moves the selector once the first release has the numbers of its last step and its pods are available.",
        "Promote the release to its last step."
    }
    LeftBehind {
        "A Deployment that was there before the application's first release is still there, beside the releases' own.",
        "Leaves it alone, and looks every half minute whether it is gone.",
        "Once the release serves, remove it with the command in the message."
    }
    Unfinished {
        "A StatefulSet, a DaemonSet or a Job of the release is not done yet.",
        "Waits for it; the step is achieved when it is done.",
        "If it lasts, look at its pods: `kubectl describe` names what they lack."
    }
    JobFailed {
        "A Job of the release has failed, and Kubernetes does not try it again.",
        "Counts the cluster as failing in this step.",
        "Read the logs of its pods, mend what it runs and commit, or return to the release before."
    }
    NoTrafficService {
        "Traffic is asked for, but the release has no Service that is marked to take it.",
        "Counts the cluster as failing in this step; traffic cannot move.",
        "Mark one Service in the chart with the annotation `shipper.dev/traffic: \"true\"`, or leave traffic out of the strategy."
    }
    PortConflict {
        "Two releases that both have traffic want a Service's port to lead to different target ports.",
        "Keeps traffic where it is, and counts the cluster as failing in this step.",
        "Name the port in the pods and use the name as `targetPort`, so that one Service reaches both."
    }
    AddressTaken {
        "A Service asks for a cluster IP or a node port that another one has.",
        "Tries again; a recreated Service takes another address where its former one is gone.",
        "Free the address, or leave it out of the chart."
    }
    Conflict {
        "The object changed between look and write.",
        "Looks again and tries again at once.",
        "Nothing; if it lasts, look who else writes it."
    }
    Timeout {
        "The API server, or an admission webhook behind it, did not answer in time.",
        "Tries again after a growing pause. The cluster fails only when the step's deadline passes.",
        "Look at the control plane's load and at its webhooks."
    }
    TooManyRequests {
        "The API server asks for fewer requests.",
        "Leaves it alone for as long as it says.",
        "Look at API priority and fairness, and at who else asks that much."
    }
    ServerError {
        "The API server, or an admission webhook behind it, failed.",
        "Tries again after a growing pause. The cluster fails only when the step's deadline passes.",
        "Read the message; webhooks without a living backend are the usual cause."
    }
    Unreachable {
        "The API server cannot be reached.",
        "Tries again after a growing pause; the cluster keeps what it has.",
        "Look at the control plane and at the network between agent and API server."
    }
    #[serde(other)]
    Unlisted {
        "The agent is of a newer version and gives a reason that the reader does not know. The message says what it is.",
        "As the agent decides.",
        "Read the message; upgrade the hub, or shipperctl, to the agents' version."
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().name)
    }
}
