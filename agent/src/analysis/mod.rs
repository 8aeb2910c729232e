//! Measuring for gates [A4]: what the targets ask for is asked, judged sample by sample, and reported.
//!
//! Whatever goes wrong on the way is *unknown*, never a pass; the hub decides what that means. Nothing is remembered over a
//! restart: a run then begins from nothing, but for a Job, which is found again by its name.

mod ask;
mod counts;
mod error;
mod http;
mod job;
mod measuring;
mod prometheus;
mod secret;

pub use counts::Counts;
pub use error::AskError;

use crate::api::Api;
use crate::engine::state::State;
use crate::lease::Leadership;
use measuring::Measuring;
use shipper_core::AppKey;
use shipper_core::state::TargetAnalysis;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::{AbortHandle, JoinSet};

/// What measuring needs.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) api: Api,
    pub(crate) state: Arc<State>,
    pub(crate) leadership: Leadership,
    pub(crate) counts: Arc<Counts>,
    pub(crate) web: reqwest::Client,
}

/// What is measured for one application.
struct Run {
    analysis: TargetAnalysis,
    tasks: Vec<AbortHandle>,
}

/// Measures what the targets ask for, until dropped.
pub async fn run(api: Api, state: Arc<State>, leadership: Leadership, counts: Arc<Counts>) {
    let web = match http::client(None) {
        Ok(web) => web,
        Err(error) => {
            state.problem("analysis", Some(format!("nothing can be measured: {error}")));
            return std::future::pending().await;
        }
    };
    let tools = Tools { api, state, leadership, counts, web };
    let (mut tasks, mut runs) = (JoinSet::new(), HashMap::<AppKey, Run>::new());
    loop {
        let mut wanted = tools.state.to_measure();
        let over: Vec<AppKey> = runs
            .iter()
            .filter(|(key, run)| wanted.get(*key) != Some(&run.analysis))
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            let Some(run) = runs.remove(&key) else { continue };
            run.tasks.iter().for_each(AbortHandle::abort);
            tasks.spawn(job::clean_up(tools.clone(), key, run.analysis));
        }
        wanted.retain(|key, _| !runs.contains_key(key));
        for (key, analysis) in wanted {
            tracing::info!(application = %key, release = %analysis.release, count = analysis.measures.len(), "measuring for a gate");
            let each = (0..analysis.measures.len())
                .filter_map(|index| Measuring::new(tools.clone(), key.clone(), &analysis, index))
                .map(|measuring| tasks.spawn(measuring.run()))
                .collect();
            runs.insert(key, Run { analysis, tasks: each });
        }
        tokio::select! {
            () = tools.state.measuring.notified() => {}
            Some(_) = tasks.join_next() => {}
        }
    }
}
