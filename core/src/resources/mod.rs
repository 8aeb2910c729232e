//! How much of what a cluster has to offer: what is free there, and what pods ask for [S1].
//!
//! - [`quantity`]: amounts as Kubernetes writes them.
//! - [`requests`]: what pods and rendered workloads ask for.

mod quantity;
mod requests;

pub use quantity::{ParseQuantityError, Quantity};
pub use requests::{of_amounts, of_manifests, of_pod};

use crate::few::Few;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The resource that counts pods, as nodes name it.
pub const PODS: &str = "pods";

/// Amounts by the name of the resource: `cpu`, `memory`, `pods`, `nvidia.com/gpu` …
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = BTreeMap<String, Quantity>)]
pub struct Resources(Few<String, Quantity>);

impl Resources {
    /// The amount of one resource; nothing where it is not named.
    pub fn get(&self, resource: &str) -> Quantity {
        self.0.get(resource).copied().unwrap_or_default()
    }

    /// Whether no resource is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The resources in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Quantity)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    /// Sets the amount of one resource.
    pub fn set(&mut self, resource: impl Into<String>, amount: Quantity) {
        self.0.insert(resource.into(), amount);
    }

    /// Adds amounts, resource by resource.
    pub fn add(&mut self, other: &Self) {
        self.merge(other, Quantity::plus);
    }

    /// Takes amounts away, resource by resource; what is overcommitted becomes negative.
    pub fn take(&mut self, other: &Self) {
        self.merge(other, Quantity::minus);
    }

    /// Raises every resource to what `other` has of it.
    pub fn raise_to(&mut self, other: &Self) {
        self.merge(other, Quantity::max);
    }

    fn merge(&mut self, other: &Self, with: impl Fn(Quantity, Quantity) -> Quantity) {
        for (name, amount) in other.0.iter() {
            let own = self.0.get_or_default(name.clone());
            *own = with(*own, *amount);
        }
    }

    /// `numerator / denominator` times as much, rounded up; nothing where the denominator is 0.
    #[must_use]
    pub fn scaled(&self, numerator: u64, denominator: u64) -> Self {
        Self(
            self.0
                .iter()
                .map(|(name, amount)| (name.clone(), amount.scaled(numerator, denominator)))
                .collect(),
        )
    }

    /// The resources of which less is here than `needed`, with both amounts. A resource that is not named here is not to be had.
    pub fn short_of<'n>(&self, needed: &'n Self) -> Vec<Shortage<'n>> {
        let short =
            needed.iter().map(|(resource, needed)| Shortage { resource, needed, free: self.get(resource) });
        short
            .filter(|shortage| shortage.needed > Quantity::default() && shortage.free < shortage.needed)
            .collect()
    }
}

impl FromIterator<(String, Quantity)> for Resources {
    fn from_iter<I: IntoIterator<Item = (String, Quantity)>>(amounts: I) -> Self {
        Self(amounts.into_iter().collect())
    }
}

/// A resource of which there is too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage<'a> {
    /// Its name.
    pub resource: &'a str,
    /// What is needed.
    pub needed: Quantity,
    /// What is there; negative where more is promised than there is.
    pub free: Quantity,
}

impl fmt::Display for Shortage<'_> {
    /// `needs 12 cpu, 3.5 free`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.free.max(Quantity::default());
        write!(
            f,
            "needs {} {}, {} free",
            self.needed.readable(self.resource),
            self.resource,
            free.readable(self.resource)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resources(json: serde_json::Value) -> Resources {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn s1_what_is_short_is_said_as_people_say_it() {
        let free = resources(json!({"cpu": "3500m", "memory": "4Gi", "pods": "110"}));
        let needed = resources(json!({"cpu": 12, "memory": "4Gi", "pods": "12", "nvidia.com/gpu": 1}));
        let said: Vec<String> = free.short_of(&needed).iter().map(ToString::to_string).collect();
        assert_eq!(said, ["needs 12 cpu, 3.5 free", "needs 1 nvidia.com/gpu, 0 free"]);
        assert!(
            free.short_of(&resources(json!({"nvidia.com/gpu": 0}))).is_empty(),
            "nothing is needed of it"
        );
        let mut over = free.clone();
        over.take(&resources(json!({"memory": "6Gi"})));
        let said: Vec<String> = over.short_of(&needed).iter().map(ToString::to_string).collect();
        assert!(said.contains(&"needs 4Gi memory, 0 free".to_owned()), "{said:?}");
    }

    #[test]
    fn amounts_are_written_as_they_are_read() {
        let text = r#"{"cpu":"3500m","memory":"4294967296","pods":"110"}"#;
        let read: Resources = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(resources(json!({"cpu": "3.5", "memory": "4Gi", "pods": 110})), read);
    }
}
