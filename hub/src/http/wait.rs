//! Waiting until something is so of an application: one request that is answered when it is, or when the time is over.

use super::applications::not_known;
use super::lists::{Asked, bad};
use super::problem::Problem;
use crate::access::View;
use crate::access::refusal::Refused;
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::Deserialize;
use shipper_core::AppKey;
use shipper_core::api::{Goal, MAX_WAIT_SECONDS, Waited};
use shipper_core::status::ApplicationStatus;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long is waited where nobody says.
const USUAL: u64 = 30;

/// What is waited for, and for how long.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wish {
    /// One or several, separated by commas.
    r#for: Option<String>,
    /// Seconds.
    timeout: Option<u64>,
    /// The contender has to be this release.
    release: Option<String>,
}

/// Waits for an application.
///
/// # Errors
/// 400 for what cannot be waited for, 404 for an application that is not known or goes meanwhile, 503 when the hub stops or stands by.
pub async fn wait(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    Asked(wish): Asked<Wish>,
) -> Result<Json<Waited>, Problem> {
    let goals = goals(wish.r#for.as_deref().unwrap_or("complete"))?;
    let seconds = wish.timeout.unwrap_or(USUAL);
    if seconds > MAX_WAIT_SECONDS {
        return Err(bad(format!(
            "timeout={seconds}: one request waits for {MAX_WAIT_SECONDS} seconds at most; ask again to go on"
        )));
    }
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let key = AppKey::new(namespace, name);
    let mut follower = view.follow(&key).ok_or_else(|| not_known(&view, &key))?;
    let mut ended = std::pin::pin!(view.ended());
    loop {
        let published = follower.borrow_and_update().clone();
        let Some(published) = published else {
            return Err(view.stands_by().unwrap_or_else(|| not_known(&view, &key)));
        };
        let status = &*published.status;
        if let Some(goal) = met(&goals, wish.release.as_deref(), status)? {
            return Ok(Json(Waited { met: true, goal: Some(goal.to_string()), status: status.clone() }));
        }
        tokio::select! {
            changed = timeout_at(deadline, follower.changed()) => {
                if changed.is_err() {
                    return Ok(Json(Waited { met: false, goal: None, status: status.clone() }));
                }
            }
            () = &mut ended => return Err(Refused::Token.problem()),
            () = view.stop().cancelled() => {
                let detail = "the hub is stopping; ask again";
                return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1));
            }
        }
    }
}

/// `a,b`; a step's name may hold a comma, so only what begins a goal begins one.
fn goals(text: &str) -> Result<Vec<Goal>, Problem> {
    text.split(',')
        .map(|goal| goal.trim().parse().map_err(|error: String| bad(format!("for={text}: {error}"))))
        .collect()
}

/// The first goal that is so.
fn met<'a>(
    goals: &'a [Goal],
    release: Option<&str>,
    status: &ApplicationStatus,
) -> Result<Option<&'a Goal>, Problem> {
    if release.is_some_and(|release| status.contender.as_ref().is_none_or(|name| name.as_str() != release)) {
        return Ok(None);
    }
    for goal in goals {
        if goal.met(status).map_err(|error| bad(format!("for={goal}: {error}")))? {
            return Ok(Some(goal));
        }
    }
    Ok(None)
}
