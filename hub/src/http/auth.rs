//! Who asks: an agent, by the bearer token of its cluster. Looked at before a byte of the body is read.

use super::problem::Problem;
use crate::shared::Shared;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use shipper_core::ClusterName;
use shipper_core::catalogue::Refusal;
use std::sync::Arc;

/// The cluster whose token the request carries.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The cluster.
    pub cluster: ClusterName,
    /// The token's digest, to see later whether it still counts.
    pub digest: [u8; 32],
}

impl Agent {
    /// Refuses what is said in the name of another cluster.
    ///
    /// # Errors
    /// 403.
    pub fn speaks_for(&self, cluster: &ClusterName) -> Result<(), Problem> {
        if self.cluster == *cluster {
            return Ok(());
        }
        Err(Problem::new(
            Refusal::WrongCluster,
            format!(
                "the token is that of cluster {}, the request speaks for cluster {cluster}; give the agent the name or the token that belongs to it",
                self.cluster
            ),
        ))
    }
}

impl FromRequestParts<Arc<Shared>> for Agent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let nobody = || {
            let detail = "no bearer token; start the agent with the token of its cluster";
            Problem::new(Refusal::NoCredentials, detail)
        };
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = value.and_then(|value| value.split_once(' ')).ok_or_else(nobody)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(nobody());
        }
        let (cluster, digest) = shared.tokens.whose(token.trim()).ok_or_else(|| {
            let detail =
                "the token is no cluster's; compare the agent's token with the hub's --agent-tokens file";
            Problem::new(Refusal::UnknownToken, detail)
        })?;
        if let Some(commit) = shared.tokens.removed(&cluster) {
            let detail = format!(
                "cluster {cluster} was removed from the fleet by commit {commit}; its objects stay as they are. Stop its agent, or put \
                 clusters/{cluster}.yaml back on main"
            );
            return Err(Problem::new(Refusal::ClusterRemoved, detail));
        }
        shared.limiter.check(&cluster)?;
        Ok(Self { cluster, digest })
    }
}
