//! What an agent relies on, as cases that a simulated and a real API server must both pass.
//!
//! Every case works in a namespace of its own, through kube's client alone, and waits for events, never for time.

mod apply;
mod context;
mod definitions;
mod garbage;
mod lists;
mod objects;
mod patches;
mod services;
mod validation;
mod watches;
mod workloads;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use context::{CaseError, Context};

/// What a case returns.
pub type CaseResult = Result<(), CaseError>;

type Run = Box<dyn Fn(Context) -> Pin<Box<dyn Future<Output = CaseResult> + Send>> + Send + Sync>;

/// What a case needs besides an API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Server,
    /// The controller manager.
    Controllers,
    /// The controller manager, a scheduler and nodes on which pods become ready.
    Pods,
}

/// One case.
pub struct Case {
    /// Its name, unique.
    pub name: &'static str,
    /// What it needs.
    pub needs: Needs,
    run: Run,
}

impl Case {
    /// Runs the case in a fresh namespace, which is deleted afterwards.
    ///
    /// # Errors
    /// What differed from Kubernetes' behaviour.
    pub async fn run(&self, client: kube::Client, limit: Duration) -> CaseResult {
        let context = Context::new(client, self.name, limit).await?;
        let result = tokio::time::timeout(limit, (self.run)(context.clone())).await;
        context.clean_up().await;
        result.unwrap_or_else(|_| Err(CaseError::TimedOut(limit)))
    }
}

fn case<F>(name: &'static str, needs: Needs, run: fn(Context) -> F) -> Case
where
    F: Future<Output = CaseResult> + Send + 'static,
{
    Case { name, needs, run: Box::new(move |context| Box::pin(run(context))) }
}

/// All cases.
pub fn cases() -> Vec<Case> {
    let mut all = objects::cases();
    all.extend(validation::cases());
    all.extend(lists::cases());
    all.extend(watches::cases());
    all.extend(patches::cases());
    all.extend(apply::cases());
    all.extend(services::cases());
    all.extend(definitions::cases());
    all.extend(garbage::cases());
    all.extend(workloads::cases());
    all
}

/// Runs every case, one after the other; each may take as long as `limit`.
///
/// # Errors
/// Every case that failed, by name.
pub async fn run_all(client: kube::Client, limit: Duration) -> Result<usize, Vec<(&'static str, CaseError)>> {
    let all = cases();
    let mut failures = Vec::new();
    for case in &all {
        if let Err(error) = case.run(client.clone(), limit).await {
            tracing::warn!(case = case.name, %error, "conformance case failed");
            failures.push((case.name, error));
        }
    }
    if failures.is_empty() { Ok(all.len()) } else { Err(failures) }
}
