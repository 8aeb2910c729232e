//! Who is contender and who is incumbent [R5].

use crate::ReleaseName;
use crate::state::ReleaseRecord;

/// Contender and incumbent of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// The newest release that is not withdrawn.
    pub contender: Option<ReleaseName>,
    /// The newest other release that is complete and not withdrawn.
    pub incumbent: Option<ReleaseName>,
}

/// The roles that follow from the records; order is the generation, never a clock [R6].
pub fn roles<'a>(releases: impl IntoIterator<Item = &'a ReleaseRecord>) -> Roles {
    let mut standing: Vec<&ReleaseRecord> = releases.into_iter().filter(|r| r.withdrawn.is_none()).collect();
    standing.sort_by_key(|release| std::cmp::Reverse(release.generation));
    let mut standing = standing.into_iter();
    let contender = standing.next().map(|release| release.name.clone());
    let incumbent = standing.find(|release| release.complete.is_some()).map(|release| release.name.clone());
    Roles { contender, incumbent }
}
