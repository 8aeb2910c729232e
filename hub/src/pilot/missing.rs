//! What is missing on `main` as a whole: a commit that removes many applications or clusters at once is told as one thing [X1, X2].

use shipper_core::command::Command;
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::state::CONFIRM_REMOVAL;
use shipper_core::{AppKey, ClusterName};
use std::collections::BTreeSet;

/// Names in a message; of more the number is told.
const NAMED: usize = 10;

/// What is missing, with nothing decided on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) applications: BTreeSet<AppKey>,
    pub(super) clusters: BTreeSet<ClusterName>,
}

impl Missing {
    pub(super) fn len(&self) -> usize {
        self.applications.len() + self.clusters.len()
    }

    /// What is said of it; nothing while nothing is missing.
    pub(super) fn condition(&self) -> Option<Condition> {
        if self.len() == 0 {
            return None;
        }
        let several = self.len() > 1;
        let mut parts = Vec::new();
        if !self.applications.is_empty() {
            parts.push(names("application", self.applications.iter().map(ToString::to_string)));
        }
        if !self.clusters.is_empty() {
            parts.push(names("cluster", self.clusters.iter().map(ToString::to_string)));
        }
        let what = parts.join(" and ");
        let are = if several { "are" } else { "is" };
        let next = if several {
            format!(
                "Nothing is removed without a confirmation for each. If a commit took them away by mistake, revert it; else confirm with \
                 `shipperctl remove NAMESPACE/APP …`, and `shipperctl remove --cluster NAME` (trailers {CONFIRM_REMOVAL}: …)"
            )
        } else if let Some(cluster) = self.clusters.first() {
            format!(
                "It stays as it last was, but for new applications, until its file is put back or its removal is confirmed with \
                 `{}` (trailer {CONFIRM_REMOVAL}: {cluster})",
                Command::new("shipperctl remove").option("--cluster", cluster)
            )
        } else {
            "Its own status says what will happen when".to_owned()
        };
        let reason = if several { Reason::ManyMissing } else { Reason::MissingOnMain };
        let message = format!("{what} {are} in the records and not on main. {next}");
        Some(Condition::new(ConditionType::Present, Status::False, reason, message))
    }
}

fn names(what: &str, all: impl ExactSizeIterator<Item = String>) -> String {
    let count = all.len();
    let shown: Vec<String> = all.take(NAMED).collect();
    let plural = if count == 1 { "" } else { "s" };
    let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    format!("{count} {what}{plural} ({}{more})", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_one_condition_that_stays_readable() {
        assert_eq!(Missing::default().condition(), None);
        let one = Missing { applications: [AppKey::new("web", "a")].into(), ..Missing::default() };
        assert_eq!(one.condition().map(|c| c.reason), Some(Reason::MissingOnMain));
        let many = Missing {
            applications: (0..500).map(|n| AppKey::new("web", format!("app-{n}"))).collect(),
            clusters: [ClusterName::from("eu")].into(),
        };
        let condition = many.condition().unwrap();
        assert_eq!(condition.reason, Reason::ManyMissing);
        assert!(condition.message.starts_with("500 applications (web/app-0, "), "{}", condition.message);
        assert!(condition.message.contains("and 490 more) and 1 cluster (eu) are"), "{}", condition.message);
        assert!(condition.message.len() < 700);
    }
}
