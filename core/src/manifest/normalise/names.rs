//! The names of release-scoped objects: `<name>-<hash>-<iteration>`, the end of the release's name.
//!
//! At most 63 characters, because names end up in label values; 52 for Jobs and CronJobs, which add 11 characters of their own to
//! what they make. A longer name is cut and ends in eight hex digits of the SHA-256 of the whole [R1].

use super::super::refs::Renames;
use super::super::{ObjectKey, Scope};
use super::{Context, Object};
use crate::hash;

const HASH: usize = 8;

/// The new names of the release-scoped objects.
pub(super) fn renames(objects: &[Object], context: &Context<'_>) -> Renames {
    let release = context.release.as_str();
    let suffix = release
        .strip_prefix(context.application.name.as_str())
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or(release);
    let names = objects
        .iter()
        .filter(|object| object.scope == Scope::Release)
        .map(|object| (object.key.clone(), suffixed(&object.key, suffix)));
    Renames::new(names.collect())
}

fn suffixed(key: &ObjectKey, suffix: &str) -> String {
    let longest = if key.group == "batch" { 52 } else { 63 };
    let whole = format!("{}-{suffix}", key.name);
    if whole.chars().count() <= longest {
        return whole;
    }
    let mut digest = hash::sha256_hex(whole.as_bytes());
    digest.truncate(HASH);
    let kept: String = whole.chars().take(longest - HASH - 1).collect();
    format!("{}-{digest}", kept.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::is_dns_label;

    #[test]
    fn long_names_are_cut_and_stay_distinct() {
        let key = |kind: &str, group: &str, name: String| ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name,
        };
        let one = suffixed(&key("ConfigMap", "", "c".repeat(60)), "83e4eedd-1");
        let two = suffixed(&key("ConfigMap", "", "c".repeat(60)), "83e4eedd-2");
        assert_eq!(one.len(), 63);
        assert!(is_dns_label(&one), "{one}");
        assert_ne!(one, two);
        let job = suffixed(&key("Job", "batch", "j".repeat(45)), "83e4eedd-1");
        assert_eq!(job.len(), 52);
        assert_eq!(
            suffixed(&key("Job", "batch", "j".repeat(41)), "83e4eedd-1"),
            format!("{}-83e4eedd-1", "j".repeat(41))
        );
        let dashed =
            suffixed(&key("ConfigMap", "", format!("{}--{}", "c".repeat(52), "d".repeat(20))), "83e4eedd-1");
        assert!(is_dns_label(&dashed) && !dashed.contains("--"), "{dashed}");
    }
}
