//! What people and programs read of applications, as the loop last put it up.

use super::lists::{Asked, Paging, application as key_of, bad, flag, json, limit, place, ready_page, token};
use super::problem::Problem;
use super::{lists, sse};
use crate::access::View;
use crate::board::{ApplicationFilter, Published};
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use shipper_core::api::{Page, ReleasePods, ReleaseView, RunningRelease, running};
use shipper_core::status::WaitingFor;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Which applications are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    namespace: Option<String>,
    cluster: Option<ClusterName>,
    waiting: Option<String>,
    q: Option<String>,
    limit: Option<u32>,
    r#continue: Option<String>,
}

/// A page of applications, a line each.
///
/// # Errors
/// 400.
pub async fn list(view: View, Asked(asked): Asked<Filter>) -> Result<Response, Problem> {
    let filter = ApplicationFilter {
        namespace: asked.namespace,
        within: None,
        cluster: asked.cluster,
        waiting: asked.waiting.as_deref().map(waiting_for).transpose()?,
        text: asked.q.map(|text| text.to_lowercase()).filter(|text| !text.is_empty()),
    };
    let after: Option<AppKey> = place(asked.r#continue.as_deref())?;
    let (page, more) = view.page(filter, after.as_ref(), limit(asked.limit)?);
    let next = page.last().filter(|_| more).map(|last| token(&last.status.application.to_string()));
    Ok(ready_page(page.iter().map(|one| &one.line), next.as_deref()))
}

fn waiting_for(text: &str) -> Result<WaitingFor, Problem> {
    let name =
        |state: WaitingFor| serde_json::to_value(state).ok().and_then(|v| v.as_str().map(str::to_owned));
    let meant = |state: &&WaitingFor| state.word() == text || name(**state).as_deref() == Some(text);
    WaitingFor::ALL.iter().find(meant).copied().ok_or_else(|| {
        let words: Vec<&str> = WaitingFor::ALL.iter().map(|state| state.word()).collect();
        bad(format!("waiting={text}: nothing waits for that; say one of {}", words.join(", ")))
    })
}

/// What is asked of one application.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct One {
    watch: Option<String>,
}

/// One application, or with `?watch` a stream of it: as it is at once, and then each change. It ends when the application is gone, and
/// when the hub stops or stands by.
///
/// # Errors
/// 404.
pub async fn one(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    Asked(asked): Asked<One>,
) -> Result<Response, Problem> {
    let key = AppKey::new(namespace, name);
    if flag(asked.watch.as_deref()) {
        return sse::application(&view, &key).ok_or_else(|| not_known(&view, &key));
    }
    Ok(json(find(&view, &key)?.whole()))
}

/// The releases of an application with what runs of them, newest first.
///
/// # Errors
/// 400, 404.
pub async fn releases(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    Asked(asked): Asked<Paging>,
) -> Result<Json<Page<ReleaseView>>, Problem> {
    let found = find(&view, &AppKey::new(namespace, name))?;
    let all = ReleaseView::all(&found.status).into_iter().enumerate();
    Ok(Json(numbered(all, &asked)?))
}

/// The pods of an application by release, state and reason over all clusters, with one example each.
///
/// # Errors
/// 400, 404.
pub async fn pods(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    Asked(asked): Asked<Paging>,
) -> Result<Json<Page<ReleasePods>>, Problem> {
    let found = find(&view, &AppKey::new(namespace, name))?;
    let all = ReleasePods::all(&found.status).into_iter().enumerate();
    Ok(Json(numbered(all, &asked)?))
}

/// A page of what has an order but no name in it.
fn numbered<T>(all: impl Iterator<Item = (usize, T)>, asked: &Paging) -> Result<Page<T>, Problem> {
    let after: Option<String> = place(asked.r#continue.as_deref())?;
    let (page, next) =
        lists::cut(all, limit(asked.limit)?, after.as_deref(), |(number, _)| format!("{number:08}"));
    Ok(Page { items: page.into_iter().map(|(_, item)| item).collect(), next })
}

/// Which releases are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WhichVersions {
    application: Option<String>,
    namespace: Option<String>,
    cluster: Option<ClusterName>,
    limit: Option<u32>,
    r#continue: Option<String>,
}

/// Which release is where: by application, cluster and release.
///
/// # Errors
/// 400, 404 for an application that is not known.
pub async fn versions(
    view: View,
    Asked(asked): Asked<WhichVersions>,
) -> Result<Json<Page<RunningRelease>>, Problem> {
    let limit = limit(asked.limit)?;
    let after: Option<Place> = place(asked.r#continue.as_deref())?;
    let filter = ApplicationFilter {
        namespace: asked.namespace,
        cluster: asked.cluster.clone(),
        ..Default::default()
    };
    let found = match key_of(asked.application.as_deref())? {
        Some(key) => vec![find(&view, &key)?],
        None => view.all(),
    };
    let found = found.iter().filter(|one| filter.fits(one));
    // An application that is behind us whole is not looked into.
    let found = found.filter(|one| after.as_ref().is_none_or(|after| after.0 <= one.status.application));
    let mut rows = found
        .flat_map(|one| running(&one.status))
        .filter(|row| asked.cluster.as_ref().is_none_or(|cluster| row.cluster == *cluster))
        .filter(|row| after.as_ref().is_none_or(|after| Place::of(row) > *after));
    let items: Vec<RunningRelease> = rows.by_ref().take(limit).collect();
    let next = items.last().filter(|_| rows.next().is_some()).map(|last| token(&Place::of(last).to_string()));
    Ok(Json(Page { items, next }))
}

/// Where in the order of all releases in all clusters.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place(AppKey, ClusterName, ReleaseName);

impl Place {
    fn of(row: &RunningRelease) -> Self {
        Self(row.application.clone(), row.cluster.clone(), row.release.clone())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.0, self.1, self.2)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split(' ').collect::<Vec<_>>().as_slice() {
            [application, cluster, release] => {
                Ok(Self(application.parse()?, ClusterName::from(*cluster), ReleaseName::from(*release)))
            }
            _ => Err("not three names".to_owned()),
        }
    }
}

/// An application with what is made of it.
///
/// # Errors
/// 404.
pub(super) fn find(view: &View, key: &AppKey) -> Result<Arc<Published>, Problem> {
    view.find(key).ok_or_else(|| not_known(view, key))
}

/// 404, with what to do.
pub(super) fn not_known(view: &View, key: &AppKey) -> Problem {
    let file = format!("applications/{}/{}.yaml", key.namespace, key.name);
    let detail = match view.looked_at() {
        None => format!("application {key} is not known: the hub has not read the repository yet; try again"),
        Some(at) => format!(
            "application {key} is not known: {file} was not in the repository when the hub last looked, at {at}; push it, or list all at /api/v1/applications"
        ),
    };
    Problem::new(StatusCode::NOT_FOUND, detail)
}
