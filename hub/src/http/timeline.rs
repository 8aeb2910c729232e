//! What happened: pages of the timeline, newest first, or a stream of what is new.

use super::applications::find;
use super::lists::{Asked, application, flag, limit, parsed, place, token};
use super::problem::Problem;
use super::sse;
use crate::access::View;
use crate::store::{Begin, EventQuery};
use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shipper_core::api::{EventFilter, Page, TimelineEvent};
use shipper_core::{AppKey, ClusterName};

/// What a reader of a stream says of itself when it was cut off.
const LAST_EVENT_ID: &str = "last-event-id";

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

/// A page of the timeline, newest first, or with `?watch` a stream of what is new.
///
/// # Errors
/// 400, 503 while the database does not answer.
pub async fn events(
    view: View,
    headers: HeaderMap,
    Asked(asked): Asked<Filter>,
) -> Result<Response, Problem> {
    let application = application(asked.application.as_deref())?;
    read(&view, &headers, application, asked).await
}

/// The same of one application.
///
/// # Errors
/// 400, 404, 503.
pub async fn of_application(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
    Asked(asked): Asked<Filter>,
) -> Result<Response, Problem> {
    let key = AppKey::new(namespace, name);
    if asked.application.is_some() || asked.namespace.is_some() {
        return Err(super::lists::bad("the path names the application; leave application and namespace out"));
    }
    let answer = read(&view, &headers, Some(key.clone()), asked.clone()).await?;
    // One that was removed still has a past.
    if asked.r#continue.is_none() && !flag(asked.watch.as_deref()) && view.find(&key).is_none() {
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
        since: parsed("since", asked.since.as_deref())?,
        ..EventFilter::default()
    };
    if flag(asked.watch.as_deref()) {
        let after = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
        return Ok(sse::timeline(view, filter, after));
    }
    let begin = place(asked.r#continue.as_deref())?.map_or(Begin::Newest, Begin::Before);
    Ok(Json(page(view, filter, begin, limit(asked.limit)?).await?).into_response())
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
    let mut entries = view.events(&query).await.map_err(|error| {
        tracing::warn!(%error, "the timeline cannot be read");
        let detail = "the hub's database does not answer; see the hub's log, then try again";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1)
    })?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|last| token(&last.number.to_string()));
    Ok(Page { items: entries.into_iter().map(|entry| entry.event).collect(), next })
}
