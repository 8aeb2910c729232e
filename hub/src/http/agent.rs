//! What agents send: a session is opened, a report is stored and only then acknowledged.

use super::auth::Agent;
use super::openapi::answers::{BadRequest, Conflict, TooLarge, Unavailable};
use super::openapi::tag;
use super::problem::Problem;
use crate::shared::Shared;
use crate::store::{IntakeError, Write, Written};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use rand::Rng;
use serde::de::DeserializeOwned;
use shipper_core::catalogue::Refusal;
use shipper_core::protocol::{Accepted, REPORTS, SESSIONS, Session, SessionRequest};
use shipper_core::report::Report;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Opens a session; every other one of the cluster is closed.
///
/// # Errors
/// 401, 403, 413, 429, 503.
#[utoipa::path(
    post, path = SESSIONS, operation_id = "openSession", tag = tag::AGENTS,
    request_body = SessionRequest,
    responses(
        (status = 200, description = "The session; reports are numbered within it.", body = Session),
        BadRequest, TooLarge, Unavailable,
    ),
)]
pub async fn open_session(
    State(shared): State<Arc<Shared>>,
    agent: Agent,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Session>, Problem> {
    let request: SessionRequest = read(body)?;
    agent.speaks_for(&request.cluster)?;
    if request.cluster_uid.is_empty() {
        let detail = "clusterUid is empty; the agent must be allowed to read the namespace kube-system";
        return Err(Problem::new(Refusal::BadBody, detail));
    }
    if let Some(refusal) = shared.stand.refusal() {
        let unheard = request.unheard_seconds.map(Duration::from_secs);
        if shared.stand.ask(request.cluster, unheard) {
            shared.hints.give(None);
        }
        return Err(refusal);
    }
    let session = unguessable();
    tracing::info!(cluster = %request.cluster, uid = request.cluster_uid, version = request.agent_version, "an agent opens a session");
    let write = Write::Open { session: session.clone(), request, at: shared.clock.now() };
    shared.intake.write(write).await.map_err(|error| not_stored(&error))?;
    let heartbeat_seconds = u32::try_from(shared.heartbeat.as_secs()).unwrap_or(u32::MAX).max(1);
    Ok(Json(Session { session, heartbeat_seconds }))
}

/// Takes a report. One that is older than what is stored is accepted and changes nothing, so that sending twice is harmless.
///
/// # Errors
/// 400, 401, 403, 409, 413, 429, 503.
#[utoipa::path(
    post, path = REPORTS, operation_id = "report", tag = tag::AGENTS,
    request_body = Report,
    responses(
        (status = 200, description = "It is stored and will not be lost.", body = Accepted),
        BadRequest, Conflict, TooLarge, Unavailable,
    ),
)]
pub async fn report(
    State(shared): State<Arc<Shared>>,
    agent: Agent,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Accepted>, Problem> {
    shared.metrics.reports_received.inc();
    let report: Report = read(body)?;
    agent.speaks_for(&report.cluster)?;
    let write = Write::Report { report: Arc::new(report), at: shared.clock.now() };
    let sequence = match shared.intake.write(write).await.map_err(|error| not_stored(&error))? {
        Written::Stored { sequence } | Written::Older { sequence } => sequence,
        Written::UnknownSession | Written::Opened(_) | Written::Logged => {
            let detail = "the session is not the cluster's present one; open a new session and report everything in it";
            return Err(Problem::new(Refusal::SessionOver, detail));
        }
    };
    let commit = shared.commits.borrow().clone();
    Ok(Json(Accepted { sequence, commit }))
}

fn read<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body = body.map_err(|rejection| unread(&rejection, "report fewer applications at once"))?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!(
            "the body is not what is expected here: {error}; are hub and agent of matching versions?"
        );
        Problem::new(Refusal::BadBody, detail)
    })
}

/// A body that could not be read, or is too large; `smaller` is what to do about that.
pub(super) fn unread(rejection: &BytesRejection, smaller: &str) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("the body is larger than the hub takes; {smaller}");
            Problem::new(Refusal::TooLarge, detail)
        }
        _ => Problem::new(Refusal::BadBody, "the body did not arrive whole; send it again"),
    }
}

fn not_stored(error: &IntakeError) -> Problem {
    Problem::new(Refusal::DatabaseAway, error.to_string()).retry_after(1)
}

fn unguessable() -> String {
    let mut bytes = [0_u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
