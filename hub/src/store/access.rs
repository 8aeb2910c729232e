//! Who may read, as it is stored: tokens and people who signed in, by the digests of their secrets alone.

use crate::access::secret::Digest;
use crate::access::sight::Sight;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A token for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadToken {
    /// Of the token.
    pub hash: Digest,
    /// What people call it; no two have the same.
    pub name: String,
    /// What is seen with it.
    pub sight: Sight,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it counts no more; `None` = it always does.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the hour or so.
    pub used: Option<Timestamp>,
}

impl ReadToken {
    /// Whether it counts.
    pub fn counts(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The provider's name for the person, which never changes; empty where a token was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// How they are called.
    pub name: String,
    /// Their mail address, where the provider has verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Their groups when they signed in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Digest of the token that was given instead: they see what it shows, as long as it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Somebody's session in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Of what the browser's cookie says.
    pub hash: Digest,
    /// Whose it is.
    pub person: Person,
    /// When they signed in.
    pub created: Timestamp,
    /// When it was last used, to the minute or so.
    pub used: Timestamp,
    /// From then on it counts no more, however much it is used.
    pub expires: Timestamp,
}

/// Everybody who may read.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    /// Grows with whatever changes who may read.
    pub version: i64,
    /// The tokens, in the order of their names.
    pub tokens: Vec<ReadToken>,
    /// The sessions.
    pub sessions: Vec<Session>,
}

/// Something that changes who may read, or is remembered of it.
#[derive(Clone, Debug)]
pub enum AccessChange {
    /// A new token; nothing changes where there is one of that name.
    AddToken(ReadToken),
    /// The token of that name counts no more.
    RevokeToken(String),
    /// Somebody signed in.
    Begin(Session),
    /// Somebody signed out.
    End(Digest),
    /// A token was used.
    TokenUsed(Digest, Timestamp),
    /// A session was used.
    SessionUsed(Digest, Timestamp),
    /// A login is used up, so that it cannot be used again before it is too old; nothing changes where it was already.
    Spend(Digest, Timestamp),
    /// What is too old goes.
    Prune(Timestamp),
}

impl AccessChange {
    /// Whether other hubs have to know.
    pub(super) fn is_news(&self) -> bool {
        // That a token was used concerns nobody; that a session was keeps it alive.
        !matches!(self, Self::TokenUsed(..) | Self::Spend(..) | Self::Prune(_))
    }
}
