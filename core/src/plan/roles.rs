//! Who is contender and who is incumbent [R5].

use crate::ReleaseName;
use crate::state::ReleaseRecord;

/// Contender and incumbent of an application.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Roles<'r> {
    /// The newest release that is not withdrawn.
    pub contender: Option<&'r ReleaseRecord>,
    /// The newest other release that is complete and not withdrawn.
    pub incumbent: Option<&'r ReleaseRecord>,
}

impl Roles<'_> {
    /// The names, for whoever changes the releases meanwhile: the contender's and the incumbent's.
    pub fn names(&self) -> (Option<ReleaseName>, Option<ReleaseName>) {
        let name = |release: &ReleaseRecord| release.name.clone();
        (self.contender.map(name), self.incumbent.map(name))
    }

    /// Whether a release has a role.
    pub fn has(&self, release: &ReleaseName) -> bool {
        [self.contender, self.incumbent].into_iter().flatten().any(|one| one.name == *release)
    }
}

/// The roles that follow from the records; order is the generation, never a clock [R6].
pub fn roles<'r>(releases: impl IntoIterator<Item = &'r ReleaseRecord>) -> Roles<'r> {
    let mut roles = Roles::default();
    let newer = |release: &ReleaseRecord, than: Option<&ReleaseRecord>| {
        than.is_none_or(|other| release.generation > other.generation)
    };
    for release in releases.into_iter().filter(|release| release.withdrawn.is_none()) {
        if newer(release, roles.contender) {
            let before = roles.contender.replace(release);
            roles.incumbent = before.filter(|before| before.complete.is_some()).or(roles.incumbent);
        } else if release.complete.is_some() && newer(release, roles.incumbent) {
            roles.incumbent = Some(release);
        }
    }
    roles
}
