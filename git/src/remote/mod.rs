//! One remote: list, fetch and push, whatever the transport.

mod call;
mod error;
mod http;
mod http_answer;
mod local;
mod outcome;
mod packet;
mod send;
mod ssh;
mod want;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use git2::{
    AutotagOption, Direction, ErrorClass, ErrorCode, FetchOptions, Oid, PushOptions, RemoteCallbacks,
    Repository,
};

pub use error::RemoteError;
pub use outcome::PushOutcome;

use crate::config::{Credentials, RemoteConfig};
use crate::url::RepositoryUrl;
use call::Call;

/// How much history a fetch brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What is missing above what the store has.
    Incremental,
    /// The newest commit alone.
    Newest,
    /// All of it.
    Everything,
}

/// A remote with its connections.
pub(crate) struct Remote {
    config: RemoteConfig,
    http: OnceLock<reqwest::blocking::Client>,
}

impl Remote {
    pub(crate) fn new(config: RemoteConfig) -> Self {
        Self { config, http: OnceLock::new() }
    }

    pub(crate) fn config(&self) -> &RemoteConfig {
        &self.config
    }

    pub(crate) fn set_credentials(&mut self, credentials: Credentials) {
        self.config.credentials = credentials;
    }

    fn local(&self) -> Option<&Path> {
        match &self.config.url {
            RepositoryUrl::Local(path) => Some(path),
            _ => None,
        }
    }

    fn call(&self) -> Result<Arc<Call>, RemoteError> {
        call::register().map_err(|e| self.protocol(&e))?;
        let http = match (&self.config.url, self.http.get()) {
            (RepositoryUrl::Http { .. }, Some(client)) => Some(client.clone()),
            (RepositoryUrl::Http { .. }, None) => {
                let client = http::client(&self.config)?;
                Some(self.http.get_or_init(|| client).clone())
            }
            _ => None,
        };
        Ok(Call::new(self.config.clone(), http))
    }

    fn protocol(&self, error: &git2::Error) -> RemoteError {
        RemoteError::Protocol { url: self.config.url.to_string(), reason: error.message().to_owned() }
    }

    /// A failure of libgit2: the transport's own if it left one, else by what failed.
    fn failure(&self, call: Option<&Call>, error: &git2::Error) -> RemoteError {
        if let Some(typed) = call.and_then(Call::take_failure) {
            return typed;
        }
        // A pack that lacks its bases was made for objects that we said we have.
        let ours = match error.class() {
            ErrorClass::Odb | ErrorClass::Object | ErrorClass::Zlib | ErrorClass::Reference => true,
            ErrorClass::Os | ErrorClass::Filesystem | ErrorClass::Config | ErrorClass::Repository => true,
            ErrorClass::Indexer => error.message().contains("delta"),
            _ => matches!(error.code(), ErrorCode::Locked),
        };
        if !ours {
            return self.protocol(error);
        }
        RemoteError::Store {
            url: self.config.url.to_string(),
            reason: error.message().to_owned(),
            locked: error.code() == ErrorCode::Locked,
        }
    }

    /// Every ref of the remote, from one short conversation.
    pub(crate) fn heads(&self, store: &Repository) -> Result<BTreeMap<String, Oid>, RemoteError> {
        if let Some(path) = self.local() {
            let repo = local::open(path)?;
            return local::refs(&repo).map_err(|e| self.protocol(&e));
        }
        let call = self.call()?;
        call::with_call(&call, || {
            let mut remote = store.remote_anonymous(self.scheme())?;
            let connection = remote.connect_auth(Direction::Fetch, None, None)?;
            listed(connection.list()?)
        })
        .map_err(|e| self.failure(Some(&call), &e))
    }

    fn scheme(&self) -> &'static str {
        if matches!(self.config.url, RepositoryUrl::Http { .. }) { call::HTTP_URL } else { call::SSH_URL }
    }

    /// Brings the named branches on one connection and moves the store's refs of the same names.
    pub(crate) fn fetch(
        &self,
        store: &Repository,
        branches: &[&str],
        depth: Depth,
    ) -> Result<BTreeMap<String, Option<Oid>>, RemoteError> {
        for name in branches {
            check_name(name)?;
        }
        let mut call = None;
        let heads = match self.local() {
            Some(path) => self.fetch_local(store, path, branches),
            None => {
                let this = self.call()?;
                call = Some(Arc::clone(&this));
                call::with_call(&this, || self.fetch_smart(&this, store, branches, depth))
                    .map_err(|e| self.failure(Some(&this), &e))
            }
        }?;
        let mut found = BTreeMap::new();
        for name in branches {
            let head = heads.get(*name).copied();
            if let Some(oid) = head {
                moved_to(store, name, oid).map_err(|e| self.failure(call.as_deref(), &e))?;
            }
            found.insert((*name).to_owned(), head);
        }
        Ok(found)
    }

    fn fetch_local(
        &self,
        store: &Repository,
        path: &Path,
        branches: &[&str],
    ) -> Result<BTreeMap<String, Oid>, RemoteError> {
        let from = local::open(path)?;
        let ours = |e: git2::Error| self.failure(None, &e);
        let heads = local::refs(&from).map_err(|e| self.protocol(&e))?;
        let odb = store.odb().map_err(ours)?;
        let wants: Vec<Oid> =
            branches.iter().filter_map(|b| heads.get(*b).copied()).filter(|oid| !odb.exists(*oid)).collect();
        if !wants.is_empty() {
            let haves: Vec<Oid> = local::refs(store).map_err(ours)?.into_values().collect();
            local::copy(&from, store, &wants, &haves).map_err(ours)?;
        }
        Ok(heads)
    }

    fn fetch_smart(
        &self,
        call: &Arc<Call>,
        store: &Repository,
        branches: &[&str],
        depth: Depth,
    ) -> Result<BTreeMap<String, Oid>, git2::Error> {
        let mut remote = store.remote_anonymous(self.scheme())?;
        let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
        let heads = listed(connection.list()?)?;
        let odb = store.odb()?;
        let wanted: Vec<&str> = branches
            .iter()
            .copied()
            .filter(|b| heads.get(*b).is_some_and(|oid| depth != Depth::Incremental || !odb.exists(*oid)))
            .collect();
        if wanted.is_empty() {
            return Ok(heads);
        }
        if call.http.is_some() && depth == Depth::Incremental {
            let wants: Vec<Oid> = wanted.iter().filter_map(|branch| heads.get(*branch).copied()).collect();
            want::download(call, store, &wants)?;
        } else {
            let mut options = FetchOptions::new();
            options.download_tags(AutotagOption::None).update_fetchhead(false).depth(match depth {
                Depth::Incremental => 0,
                Depth::Newest => 1,
                Depth::Everything => i32::MAX,
            });
            let done = connection.remote().download(&wanted, Some(&mut options));
            // libgit2 says so before it sends anything, and only in words.
            let whole_only = |e: &git2::Error| {
                depth != Depth::Incremental && e.message().contains("doesn't support shallow")
            };
            if done.as_ref().is_err_and(whole_only) {
                connection.remote().download(&wanted, Some(options.depth(0)))?;
            } else {
                done?;
            }
        }
        Ok(heads)
    }

    fn push_http(
        &self,
        call: &Arc<Call>,
        store: &Repository,
        branch: &str,
        (expected, new): (Option<Oid>, Oid),
    ) -> Result<PushOutcome, git2::Error> {
        let mut remote = store.remote_anonymous(self.scheme())?;
        let connection = remote.connect_auth(Direction::Push, None, None)?;
        let heads = listed(connection.list()?)?;
        match settled(branch, heads.get(branch).copied(), (expected, new)) {
            Some(outcome) => Ok(outcome),
            None => send::send(call, store, &heads, branch, (expected, new)),
        }
    }

    /// Moves `branch` of the remote from `expected` to `new`, or finds out that it is not there any more.
    pub(crate) fn push(
        &self,
        store: &Repository,
        branch: &str,
        new: Oid,
        expected: Option<Oid>,
    ) -> Result<PushOutcome, RemoteError> {
        check_name(branch)?;
        if let Some(path) = self.local() {
            let remote = local::open(path)?;
            return local::push(store, &remote, branch, new, expected).map_err(|e| self.failure(None, &e));
        }
        let call = self.call()?;
        if call.http.is_some() {
            return call::with_call(&call, || self.push_http(&call, store, branch, (expected, new)))
                .map_err(|e| self.failure(Some(&call), &e));
        }
        let verdict = RefCell::new(None);
        let said = RefCell::new(String::new());
        let result = call::with_call(&call, || {
            let mut callbacks = RemoteCallbacks::new();
            callbacks.push_negotiation(|updates| {
                let advertised = updates.first().map(git2::PushUpdate::src).filter(|oid| !oid.is_zero());
                let Some(outcome) = settled(branch, advertised, (expected, new)) else { return Ok(()) };
                *verdict.borrow_mut() = Some(outcome);
                Err(git2::Error::from_str("settled before anything was sent"))
            });
            callbacks.sideband_progress(|bytes| {
                said.borrow_mut().push_str(&String::from_utf8_lossy(bytes));
                true
            });
            callbacks.push_update_reference(|_, status| {
                *verdict.borrow_mut() = Some(match status {
                    None => PushOutcome::Pushed,
                    Some(status) => outcome::classify(status, &said.borrow()),
                });
                Ok(())
            });
            let mut options = PushOptions::new();
            options.remote_callbacks(callbacks).packbuilder_parallelism(1);
            store.remote_anonymous(self.scheme())?.push(&[format!("{new}:{branch}")], Some(&mut options))
        });
        match (verdict.into_inner(), result) {
            (Some(outcome), _) => Ok(outcome),
            (None, Err(e)) if e.code() == ErrorCode::NotFastForward => {
                Ok(PushOutcome::LostRace { detail: e.message().to_owned() })
            }
            (None, Err(e)) => Err(self.failure(Some(&call), &e)),
            (None, Ok(())) => Err(RemoteError::Protocol {
                url: call.url(),
                reason: "the server did not say what became of the push".to_owned(),
            }),
        }
    }
}

/// What is clear before anything is sent: the branch is there already, or somewhere else.
fn settled(
    branch: &str,
    advertised: Option<Oid>,
    (expected, new): (Option<Oid>, Oid),
) -> Option<PushOutcome> {
    if advertised == Some(new) {
        Some(PushOutcome::Pushed)
    } else if advertised != expected {
        Some(PushOutcome::LostRace { detail: local::moved(branch, advertised, expected) })
    } else {
        None
    }
}

/// Points the store's own ref at what was fetched or pushed.
pub(crate) fn moved_to(store: &Repository, name: &str, oid: Oid) -> Result<(), git2::Error> {
    if store.refname_to_id(name).ok() != Some(oid) {
        store.reference(name, oid, true, "shipper")?;
    }
    Ok(())
}

fn listed(heads: &[git2::RemoteHead<'_>]) -> Result<BTreeMap<String, Oid>, git2::Error> {
    Ok(heads.iter().map(|head| (head.name().to_owned(), head.oid())).collect())
}

fn check_name(name: &str) -> Result<(), RemoteError> {
    if name.starts_with("refs/") && git2::Reference::is_valid_name(name) {
        Ok(())
    } else {
        Err(RemoteError::BadRefName { name: name.to_owned() })
    }
}
