//! get and list.

use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::resource::ResourceId;
use crate::selector::{FieldSelector, LabelSelector};
use crate::store::{ChangeKind, Key, Object};

/// `resourceVersionMatch` of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Match {
    /// At least that version (or any).
    #[default]
    NotOlderThan,
    /// Exactly that version.
    Exact,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Label selector.
    pub labels: LabelSelector,
    /// Field selector.
    pub fields: FieldSelector,
    /// Most items of one page; 0 = all.
    pub limit: usize,
    /// Token of the page before.
    pub continue_token: String,
    /// Asked resource version, if any.
    pub version: Option<u64>,
    /// How it is meant.
    pub version_match: Match,
}

/// One page.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The objects, by namespace and name.
    pub items: Vec<Object>,
    /// Version at which they were so.
    pub version: u64,
    /// Token for the next page, if there is one.
    pub continue_token: Option<String>,
    /// How many follow, where no selector makes that unknown.
    pub remaining: Option<usize>,
}

impl Cluster {
    /// Reads one object.
    pub fn get(&mut self, id: ResourceId, namespace: &str, name: &str) -> Result<Object, ApiError> {
        let resource = self.describe(id);
        self.count("get", &resource, "");
        self.faults.strike("get", &mut self.rng)?;
        let found = self.peek(id, namespace, name);
        found.ok_or_else(|| ApiError::not_found(&resource, name))
    }

    /// Lists objects of a namespace, or of all.
    pub fn list(
        &mut self,
        id: ResourceId,
        namespace: Option<&str>,
        query: &ListQuery,
    ) -> Result<Listing, ApiError> {
        let resource = self.describe(id);
        self.count("list", &resource, "");
        self.faults.strike("list", &mut self.rng)?;
        let (version, after) = match decode(&query.continue_token) {
            Some((version, key)) => (version, Some(key)),
            None if !query.continue_token.is_empty() => {
                return Err(ApiError::bad_request("continue key is not valid"));
            }
            None => (self.list_version(query)?, None),
        };
        let table = &self.store.tables[id.0];
        if version < self.store.version && version < table.compacted {
            return Err(if after.is_some() {
                ApiError::continue_expired()
            } else {
                ApiError::expired(version, table.compacted)
            });
        }
        let matching = |object: &Object| {
            query.labels.matches(crate::object::labels(object)) && query.fields.matches(object)
        };
        let mut all: Vec<(Key, Object)> = self
            .at_version(id, version)
            .into_iter()
            .filter(|(key, object)| {
                namespace.is_none_or(|n| &*key.namespace == n)
                    && after.as_ref().is_none_or(|a| key > a)
                    && matching(object)
            })
            .collect();
        let mut listing = Listing { items: Vec::new(), version, continue_token: None, remaining: None };
        if query.limit > 0 && all.len() > query.limit {
            let rest = all.len() - query.limit;
            all.truncate(query.limit);
            if let Some((key, _)) = all.last() {
                listing.continue_token = Some(encode(version, key));
            }
            if query.labels.is_empty() && query.fields == FieldSelector::default() {
                listing.remaining = Some(rest);
            }
        }
        listing.items = all.into_iter().map(|(_, object)| object).collect();
        Ok(listing)
    }

    fn list_version(&self, query: &ListQuery) -> Result<u64, ApiError> {
        let newest = self.store.version;
        match query.version {
            Some(version) if version > newest => {
                let message = format!("Too large resource version: {version}, current: {newest}");
                let mut error = ApiError::injected(504);
                error.message = message;
                error.details = serde_json::json!({
                    "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                    "retryAfterSeconds": 1,
                });
                Err(error)
            }
            Some(version) if version > 0 && query.version_match == Match::Exact => Ok(version),
            _ => Ok(newest),
        }
    }

    /// The table as it was at a version that has not been compacted.
    fn at_version(&self, id: ResourceId, version: u64) -> Vec<(Key, Object)> {
        let table = &self.store.tables[id.0];
        if version >= self.store.version {
            return table.objects.iter().map(|(k, o)| (k.clone(), o.clone())).collect();
        }
        let mut objects = table.objects.clone();
        for change in table.log.iter().rev().take_while(|c| c.version > version) {
            match (&change.previous, change.kind) {
                (Some(previous), _) => {
                    objects.insert(change.key.clone(), previous.clone());
                }
                (None, ChangeKind::Added | ChangeKind::Modified | ChangeKind::Deleted) => {
                    objects.remove(&change.key);
                }
            }
        }
        objects.into_iter().collect()
    }
}

fn encode(version: u64, key: &Key) -> String {
    format!("{version}/{}/{}", key.namespace, key.name)
}

fn decode(token: &str) -> Option<(u64, Key)> {
    let mut parts = token.splitn(3, '/');
    let version = parts.next()?.parse().ok()?;
    Some((version, Key::new(parts.next()?, parts.next()?)))
}
