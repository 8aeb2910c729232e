//! Telling a URL about pushes, in the words that Git hosts share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::git_repo::BareRepo;

const NOTHING: &str = "0000000000000000000000000000000000000000";
const BLOCK: usize = 64;

/// Made once, because that takes as long as a fetch. It keeps no connections, for those would end with the runtime of the
/// server that made them.
static CLIENT: LazyLock<reqwest::Client> =
    LazyLock::new(|| reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap_or_default());

/// Whom to call after a push.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where to POST.
    pub url: String,
    /// Signs the body: `X-Hub-Signature-256: sha256=<HMAC>`.
    pub secret: Option<String>,
}

/// A call to make once the push is through.
#[derive(Debug)]
pub(super) struct Call {
    webhook: Webhook,
    repo: BareRepo,
    name: String,
    before: BTreeMap<String, String>,
}

impl Webhook {
    /// Remembers how the repository of a request to `/<name>/git-receive-pack` looks before it.
    pub(super) fn prepare(self, root: &Path, path: &str) -> Result<Call> {
        let name = path.trim_start_matches('/').trim_end_matches("/git-receive-pack").to_owned();
        let repo = BareRepo::open(&root.join(&name))?;
        Ok(Call { webhook: self, before: repo.refs()?, repo, name })
    }
}

impl Call {
    /// One POST for each branch that changed. A failure is logged and forgotten, as Git hosts do.
    pub(super) async fn make(self) {
        match self.payloads() {
            Ok(payloads) => {
                for payload in payloads {
                    if let Err(error) = self.post(&payload.to_string()).await {
                        tracing::warn!("webhook {}: {error:#}", self.webhook.url);
                    }
                }
            }
            Err(error) => tracing::warn!("webhook: cannot read {}: {error:#}", self.name),
        }
    }

    fn payloads(&self) -> Result<Vec<Value>> {
        let after = self.repo.refs()?;
        let mut names: Vec<_> = self.before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        let changed = names.into_iter().filter(|name| self.before.get(*name) != after.get(*name));
        let id = |refs: &BTreeMap<String, String>, name: &String| {
            refs.get(name).map_or(NOTHING, String::as_str).to_owned()
        };
        let payload = |name: &String| {
            json!({
                "ref": name,
                "before": id(&self.before, name),
                "after": id(&after, name),
                "repository": {"full_name": self.name.trim_end_matches(".git")},
            })
        };
        Ok(changed.map(payload).collect())
    }

    async fn post(&self, body: &str) -> Result<()> {
        let mut request = CLIENT
            .post(&self.webhook.url)
            .header("Content-Type", "application/json")
            .header("X-GitHub-Event", "push");
        if let Some(secret) = &self.webhook.secret {
            request = request.header("X-Hub-Signature-256", format!("sha256={}", hmac_sha256(secret, body)));
        }
        request.body(body.to_owned()).send().await?.error_for_status()?;
        Ok(())
    }
}

/// HMAC (RFC 2104) in hexadecimal.
fn hmac_sha256(secret: &str, message: &str) -> String {
    let mut key = [0_u8; BLOCK];
    let short =
        if secret.len() > BLOCK { Sha256::digest(secret).to_vec() } else { secret.as_bytes().to_vec() };
    key[..short.len()].copy_from_slice(&short);
    let inner = Sha256::new().chain_update(key.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(key.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::hmac_sha256;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        assert_eq!(
            hmac_sha256("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
