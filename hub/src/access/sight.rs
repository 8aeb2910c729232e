//! What somebody may see: the whole fleet, or the applications of some namespaces.

use serde::{Deserialize, Serialize};
use shipper_core::name::is_dns_label;
use std::collections::BTreeSet;

/// How a list of namespaces says that it means all.
pub const ALL: &str = "*";

/// What somebody may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "BTreeSet<String>", into = "BTreeSet<String>")]
pub enum Sight {
    /// The whole fleet.
    Everything,
    /// The applications of these namespaces, and what concerns the fleet as a whole.
    Namespaces(BTreeSet<String>),
}

impl From<BTreeSet<String>> for Sight {
    fn from(namespaces: BTreeSet<String>) -> Self {
        if namespaces.contains(ALL) { Self::Everything } else { Self::Namespaces(namespaces) }
    }
}

impl From<Sight> for BTreeSet<String> {
    fn from(sight: Sight) -> Self {
        match sight {
            Sight::Everything => Self::from([ALL.to_owned()]),
            Sight::Namespaces(namespaces) => namespaces,
        }
    }
}

impl Sight {
    /// Nothing at all.
    pub fn nothing() -> Self {
        Self::Namespaces(BTreeSet::new())
    }

    /// Whether it is nothing at all.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Namespaces(namespaces) if namespaces.is_empty())
    }

    /// Whether it is the whole fleet.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::Everything)
    }

    /// Whether applications of the namespace are seen.
    pub fn sees(&self, namespace: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Namespaces(namespaces) => namespaces.contains(namespace),
        }
    }

    /// The namespaces that are seen; `None` = all.
    pub fn namespaces(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::Everything => None,
            Self::Namespaces(namespaces) => Some(namespaces),
        }
    }

    /// What is seen with both.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Namespaces(mut one), Self::Namespaces(other)) => {
                one.extend(other);
                Self::Namespaces(one)
            }
            _ => Self::Everything,
        }
    }
}

/// Checks the name of a namespace as somebody wrote it.
///
/// # Errors
/// What is wrong with it.
pub fn namespace(text: &str) -> Result<String, String> {
    if text == ALL || is_dns_label(text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is no namespace: small letters, digits and - are allowed, at most 63; {ALL} is all"
    ))
}
