//! Which people see which namespaces: a file that says it by group and by person, read again when it changes.

use super::sight::{Sight, namespace};
use crate::notify::lock;
use crate::store::Person;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use shipper_core::yaml;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

/// Why the file is not used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It cannot be read.
    #[error("access file {path} cannot be read: {source}; check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no YAML, or says something else.
    #[error(
        "access file {path}: {reason}; it has groups, people and everyone, as `groups: {{shop-team: [shop, blog], sre: ['*']}}`"
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// By the names that the provider has for them.
    #[serde(default)]
    groups: BTreeMap<String, BTreeSet<String>>,
    /// By mail address, if the provider has verified it, or by subject.
    #[serde(default)]
    people: BTreeMap<String, BTreeSet<String>>,
    /// Whoever signs in.
    #[serde(default)]
    everyone: BTreeSet<String>,
}

/// The rules in force.
#[derive(Debug, Default)]
pub struct Rules {
    content: RwLock<Content>,
    file: Option<PathBuf>,
    /// Digest of the file's last content, good or bad, so that a bad one is complained of once.
    looked_at: Mutex<Option<[u8; 32]>>,
}

impl Rules {
    /// Those of a file; without one nobody sees anything by being somebody.
    ///
    /// # Errors
    /// It cannot be read or is not good.
    pub fn of(file: Option<&Path>) -> Result<Self, RulesError> {
        let rules = Self { file: file.map(Path::to_owned), ..Self::default() };
        rules.reload()?;
        Ok(rules)
    }

    /// What a person sees.
    pub fn sight(&self, person: &Person) -> Sight {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner);
        let groups = person.groups.iter().filter_map(|group| content.groups.get(group));
        let names = std::iter::once(&person.subject).chain(&person.email);
        let own = names.filter(|name| !name.is_empty()).filter_map(|name| content.people.get(name));
        let all = groups.chain(own).chain(std::iter::once(&content.everyone));
        all.cloned().map(Sight::from).fold(Sight::nothing(), Sight::and)
    }

    /// Looks at the file. A bad one changes nothing. Answers whether the rules changed.
    ///
    /// # Errors
    /// The file changed and is not good; said once per content.
    pub fn reload(&self) -> Result<bool, RulesError> {
        let Some(path) = &self.file else { return Ok(false) };
        let read = std::fs::read(path);
        let mark: [u8; 32] = match &read {
            Ok(bytes) => Sha256::digest(bytes).into(),
            Err(error) => Sha256::digest(error.to_string()).into(),
        };
        if lock(&self.looked_at).replace(mark) == Some(mark) {
            return Ok(false);
        }
        let bytes = read.map_err(|source| RulesError::Read { path: path.clone(), source })?;
        let content = parse(&bytes).map_err(|reason| RulesError::Parse { path: path.clone(), reason })?;
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = content;
        Ok(true)
    }
}

fn parse(bytes: &[u8]) -> Result<Content, String> {
    let documents = yaml::read_documents(bytes).map_err(|error| error.to_string())?;
    let [document] =
        <[_; 1]>::try_from(documents).map_err(|all| format!("it has {} documents", all.len()))?;
    let content: Content = serde_json::from_value(document).map_err(|error| error.to_string())?;
    let named = content.groups.values().chain(content.people.values()).chain([&content.everyone]);
    named.flatten().try_for_each(|name| namespace(name).map(drop))?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(subject: &str, email: Option<&str>, groups: &[&str]) -> Person {
        Person {
            subject: subject.into(),
            name: "Ann".into(),
            email: email.map(str::to_owned),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            token: None,
        }
    }

    fn sees(rules: &Rules, person: &Person) -> BTreeSet<String> {
        rules.sight(person).into()
    }

    #[test]
    fn what_somebody_sees_is_what_all_their_groups_do_and_what_they_do_themselves() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.yaml");
        let text = "groups:\n  shop: [shop, shop-test]\n  sre: ['*']\npeople:\n  ann@example.com: [blog]\n  '4711': [data]\neveryone: [public]\n";
        std::fs::write(&path, text).unwrap();
        let rules = Rules::of(Some(&path)).unwrap();
        let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            sees(&rules, &person("1", None, &["shop", "unknown"])),
            all(&["public", "shop", "shop-test"])
        );
        assert_eq!(
            sees(&rules, &person("4711", Some("ann@example.com"), &[])),
            all(&["blog", "data", "public"])
        );
        assert_eq!(sees(&rules, &person("1", None, &["sre", "shop"])), all(&["*"]));
        assert!(Rules::default().sight(&person("1", None, &["sre"])).is_nothing());

        std::fs::write(&path, "groups: {shop: [other]}\n").unwrap();
        assert!(rules.reload().unwrap() && !rules.reload().unwrap());
        assert_eq!(sees(&rules, &person("1", None, &["shop"])), all(&["other"]));
        for bad in ["", "groups: [shop]", "group: {shop: [a]}", "groups: {shop: [A_b]}", "a: ["] {
            std::fs::write(&path, bad).unwrap();
            let refused = rules.reload().unwrap_err().to_string();
            assert!(refused.contains("access.yaml"), "{refused}");
            assert!(!rules.reload().unwrap(), "{bad:?} is complained of once");
            assert_eq!(
                sees(&rules, &person("1", None, &["shop"])),
                all(&["other"]),
                "the last good ones hold"
            );
        }
    }
}
