//! Whose reports are taken: one token per cluster, from a file that may change at any time. In memory there are only
//! keyed digests, and they are what is looked up, so the time of a look-up says nothing about a token.

use crate::notify::lock;
use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use sha2::{Digest, Sha256};
use shipper_core::ClusterName;
use shipper_core::state::RemovedCluster;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// Shorter tokens are refused: they could be guessed.
const SHORTEST: usize = 16;
/// How often the file is looked at. Polled because a mounted Secret changes by a symbolic link far above the file.
const POLL: Duration = Duration::from_secs(5);

/// Why a file of tokens is not used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It cannot be read.
    #[error("token file {path} cannot be read: {source}; check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not a map of text to text.
    #[error(
        "token file {path} is not a YAML map of cluster names to tokens: {reason}; each line should be `name: token`"
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, without a token.
        reason: String,
    },
    /// No token is in it.
    #[error("token file {path} holds no token; add a line `name: token` for every cluster")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A token could be guessed.
    #[error(
        "the token of cluster {cluster} is shorter than {SHORTEST} characters; make one with `openssl rand -hex 32`"
    )]
    Short {
        /// Whose.
        cluster: String,
    },
    /// A token would not say whose it is.
    #[error("clusters {one} and {other} have the same token; give each its own")]
    Shared {
        /// A cluster.
        one: String,
        /// Another.
        other: String,
    },
}

/// The tokens in force.
#[derive(Debug)]
pub struct Tokens {
    key: [u8; 32],
    clusters: RwLock<HashMap<[u8; 32], ClusterName>>,
    /// Clusters that were removed, with the commit that says so: their tokens count no more [X4].
    removed: RwLock<BTreeMap<ClusterName, String>>,
    file: Option<PathBuf>,
    /// Digest of the file's last content, good or bad, so that a bad one is complained of once.
    looked_at: Mutex<Option<[u8; 32]>>,
    revision: watch::Sender<u64>,
}

impl Tokens {
    /// No agent may report.
    pub fn none() -> Self {
        let mut key = [0_u8; 32];
        rand::rng().fill_bytes(&mut key);
        Self {
            key,
            clusters: RwLock::default(),
            removed: RwLock::default(),
            file: None,
            looked_at: Mutex::default(),
            revision: watch::Sender::default(),
        }
    }

    /// Tokens that never change.
    ///
    /// # Errors
    /// Two clusters share a token, or one could be guessed.
    pub fn fixed(tokens: BTreeMap<String, String>) -> Result<Self, TokensError> {
        let this = Self::none();
        this.put(this.digests(tokens)?);
        Ok(this)
    }

    /// Tokens from a file.
    ///
    /// # Errors
    /// The file cannot be read or is not good.
    pub fn from_file(path: &Path) -> Result<Self, TokensError> {
        let mut this = Self::none();
        this.file = Some(path.to_owned());
        this.reload()?;
        Ok(this)
    }

    /// The cluster of a token, and the token's digest.
    pub fn whose(&self, token: &str) -> Option<(ClusterName, [u8; 32])> {
        let digest = self.digest(token);
        let clusters = self.clusters.read().unwrap_or_else(PoisonError::into_inner);
        clusters.get(&digest).map(|cluster| (cluster.clone(), digest))
    }

    /// Whether a token of this digest still counts.
    pub fn still(&self, digest: &[u8; 32]) -> bool {
        let clusters = self.clusters.read().unwrap_or_else(PoisonError::into_inner);
        clusters.get(digest).is_some_and(|cluster| self.removed(cluster).is_none())
    }

    /// The clusters that have a token.
    pub fn clusters(&self) -> BTreeSet<ClusterName> {
        self.clusters.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The commit that removed a cluster; `None` = it is not removed.
    pub fn removed(&self, cluster: &ClusterName) -> Option<String> {
        self.removed.read().unwrap_or_else(PoisonError::into_inner).get(cluster).cloned()
    }

    /// Refuses the agents of clusters that were removed, and no others; their streams end.
    pub fn refuse(&self, removed: &BTreeMap<ClusterName, RemovedCluster>) {
        let removed: BTreeMap<ClusterName, String> =
            removed.iter().map(|(name, removal)| (name.clone(), removal.commit.clone())).collect();
        let mut known = self.removed.write().unwrap_or_else(PoisonError::into_inner);
        if *known == removed {
            return;
        }
        *known = removed;
        drop(known);
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Told whenever the tokens change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Looks at the file. A bad one changes nothing. Answers whether the tokens changed.
    ///
    /// # Errors
    /// The file changed and is not good; said once per content.
    pub fn reload(&self) -> Result<bool, TokensError> {
        let Some(path) = &self.file else { return Ok(false) };
        let content = match std::fs::read(path) {
            Ok(content) => content,
            Err(source) => return self.unreadable(path, source),
        };
        if lock(&self.looked_at).replace(Sha256::digest(&content).into())
            == Some(Sha256::digest(&content).into())
        {
            return Ok(false);
        }
        let parse = |reason: String| TokensError::Parse { path: path.clone(), reason };
        let text = std::str::from_utf8(&content).map_err(|error| parse(error.to_string()))?;
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Err(TokensError::Empty { path: path.clone() });
        }
        let tokens: BTreeMap<String, String> =
            serde_saphyr::from_str(text).map_err(|error| parse(place_of(&error)))?;
        if tokens.is_empty() {
            return Err(TokensError::Empty { path: path.clone() });
        }
        self.put(self.digests(tokens)?);
        Ok(true)
    }

    /// Looks at the file again and again; never ends.
    pub async fn follow(&self) {
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.reload() {
                Ok(true) => tracing::info!("the agents' tokens changed and are in force"),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "the agents' tokens changed but are bad: the last good ones stay in force");
                }
            }
        }
    }

    fn unreadable(&self, path: &Path, source: std::io::Error) -> Result<bool, TokensError> {
        let mark: [u8; 32] = Sha256::digest(source.to_string()).into();
        if lock(&self.looked_at).replace(mark) == Some(mark) {
            return Ok(false);
        }
        Err(TokensError::Read { path: path.to_owned(), source })
    }

    fn digests(
        &self,
        tokens: BTreeMap<String, String>,
    ) -> Result<HashMap<[u8; 32], ClusterName>, TokensError> {
        let mut digests: HashMap<[u8; 32], ClusterName> = HashMap::with_capacity(tokens.len());
        for (cluster, token) in tokens {
            let token = token.trim();
            if token.len() < SHORTEST {
                return Err(TokensError::Short { cluster });
            }
            if let Some(other) = digests.insert(self.digest(token), ClusterName::from(cluster.as_str())) {
                return Err(TokensError::Shared { one: other.to_string(), other: cluster });
            }
        }
        Ok(digests)
    }

    fn digest(&self, token: &str) -> [u8; 32] {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).map(|mac| mac.chain_update(token).finalize());
        mac.map_or([0; 32], |tag| tag.into_bytes().into())
    }

    fn put(&self, digests: HashMap<[u8; 32], ClusterName>) {
        *self.clusters.write().unwrap_or_else(PoisonError::into_inner) = digests;
        self.revision.send_modify(|revision| *revision += 1);
    }
}

/// Where the parser stopped. Its own words could show a token.
fn place_of(error: &serde_saphyr::Error) -> String {
    match error.location() {
        Some(at) => format!("line {}, column {}", at.line(), at.column()),
        None => "it does not parse".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EU: &str = "0123456789abcdef-eu";
    const US: &str = "0123456789abcdef-us";

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.yaml");
        std::fs::write(&path, text).unwrap();
        (directory, path)
    }

    fn whose(tokens: &Tokens, token: &str) -> Option<String> {
        tokens.whose(token).map(|(cluster, _)| cluster.to_string())
    }

    #[test]
    fn a_changed_file_is_in_force_and_a_bad_one_keeps_the_last_good() {
        let (_directory, path) = written(&format!("eu: {EU}\n"));
        let tokens = Tokens::from_file(&path).unwrap();
        assert_eq!(whose(&tokens, EU).as_deref(), Some("eu"));
        assert_eq!(whose(&tokens, US), None);
        assert!(!tokens.reload().unwrap());

        std::fs::write(&path, format!("us: {US}\n")).unwrap();
        assert!(tokens.reload().unwrap());
        assert_eq!(whose(&tokens, US).as_deref(), Some("us"));
        assert_eq!(whose(&tokens, EU), None, "a token that was taken out counts no more");

        for bad in ["", "# nothing\n", "- a\n- b\n", "us: [", "us: short\n", &format!("us: {US}\neu: {US}\n")]
        {
            std::fs::write(&path, bad).unwrap();
            assert!(tokens.reload().is_err(), "{bad:?} is refused");
            assert!(!tokens.reload().unwrap(), "{bad:?} is complained of once");
            assert_eq!(whose(&tokens, US).as_deref(), Some("us"));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(tokens.reload(), Err(TokensError::Read { .. })));
        assert_eq!(whose(&tokens, US).as_deref(), Some("us"));
    }

    #[test]
    fn no_message_and_no_debug_output_shows_a_token() {
        let (_directory, path) = written(&format!("eu: {EU}\neu: {US}\n"));
        let message = Tokens::from_file(&path).unwrap_err().to_string();
        assert!(!message.contains(EU) && !message.contains(US), "{message}");
        let (_directory, path) = written(&format!("eu: {EU}\n"));
        assert!(!format!("{:?}", Tokens::from_file(&path).unwrap()).contains(EU));
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_is_followed() {
        let (_directory, path) = written(&format!("eu: {EU}\n"));
        let tokens = std::sync::Arc::new(Tokens::from_file(&path).unwrap());
        let mut changed = tokens.subscribe();
        let followed = tokens.clone();
        tokio::spawn(async move { followed.follow().await });
        std::fs::write(&path, format!("eu: {US}\n")).unwrap();
        changed.changed().await.unwrap();
        assert_eq!(whose(&tokens, US).as_deref(), Some("eu"));
    }
}
