//! What happened: pages of the timeline, newest first, or a stream of what is new.

use super::applications::{OfApplication, find};
use super::lists::{Asked, Paging, Path, application, bad, limit, place, token, watches};
use super::openapi::answers::{BadRequest, NotFound};
use super::openapi::events::TimelineEvents;
use super::openapi::tag;
use super::problem::Problem;
use super::routes::below_application;
use super::sse::{self, LAST_EVENT_ID};
use crate::access::View;
use crate::store::{Begin, EventQuery, StoreError};
use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use shipper_core::api::{EVENTS_OF, EventFilter, Page, TIMELINE, TimelineEvent};
use shipper_core::catalogue::Refusal;
use shipper_core::{AppKey, ClusterName};
use utoipa::IntoParams;

const LAST: &str = "Of a stream: the `id` of the last entry that came, to be told first what was missed.";

/// Which entries are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    application: Option<String>,
    namespace: Option<String>,
    cluster: Option<ClusterName>,
    reason: Option<String>,
    since: Option<String>,
    limit: Option<u32>,
    r#continue: Option<String>,
    watch: Option<String>,
}

/// Whose entries are asked for, where the path does not say it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "says what a part of the filter is")]
struct Whose {
    /// Those of this application, as `namespace/name`.
    #[param(schema_with = super::lists::application_schema)]
    application: Option<String>,
    /// Those of applications in this namespace.
    namespace: Option<String>,
}

/// Which entries are asked for, wherever.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "says what a part of the filter is")]
struct Which {
    /// Those that concern this cluster.
    cluster: Option<String>,
    /// Those of this reason, such as `StepAchieved`.
    reason: Option<String>,
    /// Those from this moment on.
    since: Option<Timestamp>,
    /// A stream of new entries.
    #[param(schema_with = super::lists::watch_schema)]
    watch: Option<String>,
}

/// A page of the timeline, newest first, or with `?watch` a stream of what is new.
///
/// # Errors
/// 400, 503 while the database does not answer.
#[utoipa::path(
    get, path = TIMELINE, operation_id = "listEvents", tag = tag::FLEET,
    params(Whose, Which, Paging, ("Last-Event-ID" = Option<i64>, Header, description = LAST)),
    responses(
        (
            status = 200,
            description = "Newest first; of a stream, oldest first.",
            content((Page<TimelineEvent> = "application/json"), (TimelineEvents = "text/event-stream"))
        ),
        BadRequest,
    ),
)]
pub async fn events(
    view: View,
    headers: HeaderMap,
    Asked(asked): Asked<Filter>,
) -> Result<Response, Problem> {
    let application = application(asked.application.as_deref())?;
    read(&view, &headers, application, asked).await
}

/// A page of the timeline of one application, newest first, or with `?watch` a stream of what is new. One that was removed still has a past.
///
/// # Errors
/// 400, 404, 503.
#[utoipa::path(
    get, path = below_application(EVENTS_OF), operation_id = "listEventsOfApplication", tag = tag::APPLICATIONS,
    params(OfApplication, Which, Paging, ("Last-Event-ID" = Option<i64>, Header, description = LAST)),
    responses(
        (
            status = 200,
            description = "Newest first; of a stream, oldest first.",
            content((Page<TimelineEvent> = "application/json"), (TimelineEvents = "text/event-stream"))
        ),
        BadRequest, NotFound,
    ),
)]
pub async fn of_application(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
    Asked(asked): Asked<Filter>,
) -> Result<Response, Problem> {
    let key = AppKey::new(namespace, name);
    if asked.application.is_some() || asked.namespace.is_some() {
        return Err(bad("the path names the application; leave application and namespace out"));
    }
    let answer = read(&view, &headers, Some(key.clone()), asked.clone()).await?;
    // One that was removed still has a past.
    if asked.r#continue.is_none() && !watches(asked.watch.as_deref())? && view.find(&key).is_none() {
        let filter = EventFilter { application: Some(key.clone()), ..EventFilter::default() };
        let any = page(&view, filter, Begin::Newest, 1).await?;
        if any.items.is_empty() {
            find(&view, &key)?;
        }
    }
    Ok(answer)
}

async fn read(
    view: &View,
    headers: &HeaderMap,
    application: Option<AppKey>,
    asked: Filter,
) -> Result<Response, Problem> {
    let filter = EventFilter {
        application,
        namespace: asked.namespace,
        cluster: asked.cluster,
        reason: asked.reason,
        since: asked.since.as_deref().map(moment).transpose()?,
        ..EventFilter::default()
    };
    if watches(asked.watch.as_deref())? {
        let after = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
        return Ok(sse::timeline(view, filter, after));
    }
    let begin = place(asked.r#continue.as_deref())?.map_or(Begin::Newest, Begin::Before);
    Ok(Json(page(view, filter, begin, limit(asked.limit)?).await?).into_response())
}

fn moment(text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|error| {
        bad(format!("since={text}: {error}; write a moment with its offset, such as 2026-11-30T09:00:00Z"))
    })
}

/// 503: the database does not answer; `what` cannot be read.
pub(super) fn unread(what: &str, error: &StoreError) -> Problem {
    tracing::warn!(%error, "{what} cannot be read");
    let detail = "the hub's database does not answer; see the hub's log, then try again";
    Problem::new(Refusal::DatabaseAway, detail).retry_after(1)
}

async fn page(
    view: &View,
    filter: EventFilter,
    begin: Begin,
    limit: usize,
) -> Result<Page<TimelineEvent>, Problem> {
    // One more, to see whether there is another page.
    let query =
        EventQuery { filter, begin, limit: u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1) };
    let mut entries = view.events(&query).await.map_err(|error| unread("the timeline", &error))?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|last| token(&last.number.to_string()));
    Ok(Page { items: entries.into_iter().map(|entry| entry.event).collect(), next })
}
