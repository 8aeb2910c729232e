//! Why the hub refuses a request. It gives no other reason: a refusal is made from one of these, which says the status too.

use super::{Entry, Group};
use crate::condition::Reason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! refusals {
    ($($status:literal $name:ident { $meaning:literal, $shipper:literal, $person:literal })+) => {
        /// Why a request is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[schema(as = RefusalReason)]
        pub enum Refusal {
            $(#[doc = $meaning] $name,)+
            /// Another hub acts, and this one stands by. The condition of the hub has the same reason.
            StandsBy,
        }

        impl Refusal {
            /// All of them, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$name,)+ Self::StandsBy];

            /// The HTTP status that it goes with.
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)+
                    Self::StandsBy => 503,
                }
            }

            /// As it stands in the API.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                    Self::StandsBy => Reason::StandsBy.name(),
                }
            }

            /// Its entry of this group; `None` = it has that of the condition of this name.
            pub(super) fn own(self) -> Option<Entry> {
                let (meaning, shipper, person) = match self {
                    $(Self::$name => ($meaning, $shipper, $person),)+
                    Self::StandsBy => return None,
                };
                Some(Entry { name: self.name(), group: Group::Refusal, meaning, shipper, person })
            }
        }
    };
}

refusals! {
    400 BadParameter {
        "A parameter of the request is not known there, or cannot have the value that it has.",
        "Nothing: no parameter is passed over, so that no filter is left out unseen.",
        "Read in the detail which one it is and what it may say; the hub's `/openapi.json` has the parameters of every route."
    }
    400 StaleContinue {
        "`continue` is not what a page of this list ended with.",
        "Nothing.",
        "Begin again without `continue`, and go on with what each page says; it belongs to one list and is not to be made up."
    }
    400 BadBody {
        "The body of the request did not arrive whole, or is not what belongs there.",
        "Nothing of it is taken in; an agent reports again how things are then.",
        "If an agent is refused so again and again, it and the hub are of versions that do not go together: update the older one."
    }
    401 NoCredentials {
        "The request does not say who asks, and this hub answers nobody it does not know.",
        "Nothing.",
        "Send a token as `Authorization: Bearer TOKEN` (`shipperctl`: `--token-file` or `SHIPPER_TOKEN`), or sign in at `/login` where the hub has logins. Whoever runs the hub makes a token with `shipperctl hub tokens create NAME`; agents have that of their cluster."
    }
    401 UnknownToken {
        "The token is none that counts here: it was revoked, is that of another hub, or belongs to an agent where people ask, or the other way round.",
        "Nothing.",
        "Ask whoever runs the hub for a new one (`shipperctl hub tokens create NAME`); compare an agent's token with the hub's file of `--agent-tokens`."
    }
    401 ExpiredToken {
        "The token was good until a moment that has passed.",
        "Nothing.",
        "Ask whoever runs the hub for a new one (`shipperctl hub tokens create NAME`)."
    }
    401 SignedOut {
        "Nobody is signed in any more in this browser: the session ended, or was unused for too long.",
        "Nothing.",
        "Sign in again at `/login`."
    }
    401 BadSignature {
        "The webhook is not signed with the secret that the hub has.",
        "Finds the commit by looking on its own, a little later.",
        "Give the Git host the secret that stands in the hub's file of `--webhook-secret-file`."
    }
    403 NothingToSee {
        "It is known who asks, and none of their groups sees a namespace.",
        "Nothing.",
        "Ask whoever runs the hub to give one of the groups a namespace in the file of `--access-file`."
    }
    403 NotEverything {
        "This is about the whole fleet, and who asks sees some of its namespaces only.",
        "Nothing.",
        "Ask with a token that sees everything (`shipperctl hub tokens create NAME`, without `--namespace`)."
    }
    403 WrongCluster {
        "An agent speaks for another cluster than the one that its token belongs to.",
        "Takes nothing from it.",
        "Give the agent the name or the token that belongs to it; look whether two clusters were given the same Secret."
    }
    403 ClusterRemoved {
        "The cluster of this agent was removed from the fleet by a commit.",
        "Takes nothing from it; the objects in the cluster stay as they are.",
        "Stop its agent, or put the cluster's file back on `main`."
    }
    404 NotFound {
        "What the path names is not there, or not for who asks.",
        "Knows it as soon as a commit on `main` brings it.",
        "Look for a slip in the name, and whether its file is on `main`; the detail names the list where all of them are."
    }
    404 NoSuchPath {
        "Nothing is at this path.",
        "Nothing.",
        "The API is below `/api/v1`; `/openapi.json` has every route. A hub that is older than its asker may not have the path yet."
    }
    405 WrongMethod {
        "The path does not take this method.",
        "Nothing. The API changes nothing; what changes the fleet is a commit.",
        "Use a method that the answer's header `Allow` names."
    }
    409 SessionOver {
        "The agent's session is not the present one of its cluster: another was opened since, or the hub's database is new.",
        "The agent opens another session by itself and reports everything.",
        "Nothing. If it comes again and again, look whether two agents run for the same cluster."
    }
    413 TooLarge {
        "The body is larger than the hub takes.",
        "Nothing of it is taken in; an agent sends its report again after a pause.",
        "If it is a webhook, let the Git host send the event of a push alone, or no body. If it is an agent's report, look in the hub's log for which cluster, and at what its applications report so much of."
    }
    429 TooManyReports {
        "The cluster sends more requests than one agent does.",
        "Takes what comes after the pause that the answer names; other clusters are not concerned.",
        "Look whether two agents run in the cluster, or something else uses its token."
    }
    500 Mistake {
        "The hub made a mistake on this request.",
        "Goes on with everything else; its log says where it happened.",
        "Try again; if it lasts, report it with what the hub's log says."
    }
    503 NotReadYet {
        "The hub has not read the fleet repository since it started.",
        "Reads it, with growing pauses where the Git server does not answer, and then answers.",
        "Wait a moment. If it lasts, read the hub's log: it says what the Git server answers."
    }
    503 DatabaseAway {
        "The hub's database does not answer, or takes no writes.",
        "Tries again every few seconds. Agents report anew when it works, and clusters keep what they have.",
        "Try again. If it lasts, look at the disk or at the database server; the detail and the hub's log say what is wrong."
    }
    503 Busy {
        "The loop that decides is busy, for example with a slow Git server, and could not answer in time.",
        "Answers again as soon as it is done.",
        "Try again in a few seconds. If it lasts, look at how long the Git server takes."
    }
    503 TookTooLong {
        "The request was not done in the time that one may take.",
        "Gave it up; nothing was changed by it.",
        "Try again. If it lasts, ask for less at once with `limit`, and look at how busy the hub's machine is."
    }
    503 Stopping {
        "The hub is about to stop.",
        "Ends what it has begun, and takes nothing new.",
        "Ask again: another hub answers, or this one once it has started."
    }
}

impl Refusal {
    /// Its entry.
    pub fn entry(self) -> Option<Entry> {
        self.own().or_else(|| super::entry(Group::Condition, self.name()))
    }
}
