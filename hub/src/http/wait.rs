//! Waiting until something is so of an application: one request that is answered when it is, or when the time is over.

use super::applications::{OfApplication, not_known};
use super::lists::{Asked, Path, bad};
use super::openapi::answers::{BadRequest, NotFound};
use super::openapi::tag;
use super::problem::Problem;
use super::routes::below_application;
use crate::access::View;
use crate::access::refusal::Refused;
use axum::Json;
use serde::Deserialize;
use shipper_core::AppKey;
use shipper_core::api::{Followed, Goal, MAX_WAIT_SECONDS, WAIT, Waited};
use shipper_core::catalogue::Refusal;
use shipper_core::status::ApplicationStatus;
use shipper_git::Oid;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use utoipa::IntoParams;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// How long is waited where nobody says.
const USUAL: u64 = 30;
/// How long a loop is waited for that is busy, for example with a slow Git server.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon a loop that has not read a commit yet is asked again, where nothing else tells.
const AGAIN: Duration = Duration::from_millis(250);

/// What is waited for, and for how long.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wish {
    /// One or several, separated by commas.
    #[param(schema_with = goals_schema)]
    r#for: Option<String>,
    /// Seconds.
    #[param(schema_with = timeout_schema)]
    timeout: Option<u64>,
    /// The contender has to be this release.
    release: Option<String>,
    /// The hub has to have decided on this commit of `main`, in hex, or on one that descends from it.
    commit: Option<String>,
}

fn goals_schema() -> Object {
    let goals = "`complete`, `failed`, `settled`, or `step=` with the name of a step or its index, counted from 0; or several, separated by commas.";
    let kind = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    let one = r"\s*(complete|failed|settled|step=\s*[^,\s][^,]*)";
    let kind = kind.pattern(Some(format!("^{one}(,{one})*$")));
    kind.default(Some(Goal::Complete.to_string().into())).description(Some(goals)).build()
}

fn timeout_schema() -> Object {
    let seconds = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)).minimum(Some(0));
    let seconds = seconds.maximum(Some(MAX_WAIT_SECONDS)).default(Some(USUAL.into()));
    seconds.description(Some("Seconds after which the answer is that it is not so.")).build()
}

/// Waits until something is so of an application.
///
/// # Errors
/// 400 for what cannot be waited for, 404 for an application that is not known or goes meanwhile, 503 when the hub stops or stands by.
#[utoipa::path(
    get, path = below_application(WAIT), operation_id = "wait", tag = tag::APPLICATIONS,
    params(OfApplication, Wish),
    responses((status = 200, description = "It is so, or the time is over.", body = Waited), BadRequest, NotFound),
)]
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
    let commit = wish.commit.as_deref().map(commit).transpose()?;
    let mut decided = commit.is_none();
    loop {
        if let (false, Some(commit)) = (decided, commit) {
            decided = is_decided(&view, &key, commit).await;
        }
        // Read after the loop was asked: no older than its answer.
        let published = follower.borrow_and_update().clone();
        let Some(published) = published else {
            return Err(view.stands_by().unwrap_or_else(|| not_known(&view, &key)));
        };
        let status = &*published.status;
        let (told, judged) = match (commit, decided) {
            (None, _) => (None, Some(Followed::Yes)),
            (Some(_), true) => (Some(true), Some(Followed::of(status))),
            (Some(_), false) => (Some(false), None),
        };
        let reached = match judged {
            Some(Followed::Yes) => met(&goals, wish.release.as_deref(), status)?,
            Some(Followed::Refused) => goals.iter().find(|goal| **goal == Goal::Failed),
            Some(Followed::NotYet) | None => None,
        };
        let answer = |goal: Option<&Goal>| Waited {
            met: goal.is_some(),
            goal: goal.map(ToString::to_string),
            decided: told,
            status: status.clone(),
        };
        if reached.is_some() {
            return Ok(Json(answer(reached)));
        }
        let again = (Instant::now() + AGAIN).min(deadline);
        tokio::select! {
            changed = timeout_at(deadline, follower.changed()) => {
                if changed.is_err() {
                    return Ok(Json(answer(None)));
                }
            }
            () = sleep_until(again), if !decided && again < deadline => {}
            () = &mut ended => return Err(Refused::Token.problem()),
            () = view.stop().cancelled() => {
                let detail = "the hub is stopping; ask again";
                return Err(Problem::new(Refusal::Stopping, detail).retry_after(1));
            }
        }
    }
}

fn commit(text: &str) -> Result<Oid, Problem> {
    let whole = text.len() == 40;
    let oid = whole.then(|| text.parse().ok()).flatten();
    oid.ok_or_else(|| bad(format!("commit={text}: write the whole name of a commit, 40 hexadecimal digits")))
}

/// Whether what is said of the application rests on that commit; a loop that is busy has not decided.
async fn is_decided(view: &View, key: &AppKey, commit: Oid) -> bool {
    let Some(answer) = view.ask_decided(key, commit) else { return false };
    let waits = timeout(PATIENCE, answer).await;
    matches!(waits, Ok(Ok(Some(true))))
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
