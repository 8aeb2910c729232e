//! What people and programs read of applications, as the loop last put it up.

use super::lists::{
    Asked, Paging, Path, application as key_of, bad, json, limit, place, ready_page, token, watches,
};
use super::openapi::answers::{BadRequest, NotFound};
use super::openapi::events::ApplicationEvents;
use super::openapi::tag;
use super::problem::Problem;
use super::routes::below_application;
use super::{lists, sse};
use crate::access::View;
use crate::board::{ApplicationFilter, Published};
use axum::Json;
use axum::response::Response;
use serde::Deserialize;
use shipper_core::api::{
    ApplicationSummary, PODS_OF, Page, RELEASES_OF, ReleasePods, ReleaseView, RunningRelease, VERSIONS,
    running,
};
use shipper_core::catalogue::{self, Group, Refusal};
use shipper_core::protocol::APPLICATIONS;
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_core::{AppKey, ClusterName, ReleaseName};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// The application that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "said of paths, which handlers take apart themselves")]
pub struct OfApplication {
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
}

/// Which applications are asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those of this namespace.
    namespace: Option<String>,
    /// Those that have something in this cluster.
    #[param(value_type = Option<String>)]
    cluster: Option<ClusterName>,
    /// Those that wait for this.
    #[param(schema_with = waiting_words)]
    waiting: Option<String>,
    /// Those that have this in their name, release or version, in capitals or not.
    q: Option<String>,
    #[param(ignore)]
    limit: Option<u32>,
    #[param(ignore)]
    r#continue: Option<String>,
}

/// What may be waited for, as `waiting=` takes it.
fn waiting_words() -> Object {
    let names = catalogue::entries()
        .into_iter()
        .filter(|entry| entry.group == Group::Waiting)
        .map(|entry| entry.name);
    let words: BTreeSet<&str> = WaitingFor::ALL.iter().map(|state| state.word()).chain(names).collect();
    let kind = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    kind.enum_values(Some(words)).description(Some("Those that wait for this.")).build()
}

/// A page of applications, a line each.
///
/// # Errors
/// 400.
#[utoipa::path(
    get, path = APPLICATIONS, operation_id = "listApplications", tag = tag::APPLICATIONS,
    params(Filter, Paging),
    responses((status = 200, description = "In the order of namespaces and names.", body = Page<ApplicationSummary>), BadRequest),
)]
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
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct One {
    /// A stream of it.
    #[param(schema_with = lists::watch_schema)]
    watch: Option<String>,
}

/// One application, or with `?watch` a stream of it.
///
/// The stream tells it as it is at once, and then each change. It ends when the application is gone, and when the hub stops or stands by.
///
/// # Errors
/// 400, 404.
#[utoipa::path(
    get, path = format!("{APPLICATIONS}/{{namespace}}/{{name}}"), operation_id = "getApplication", tag = tag::APPLICATIONS,
    params(OfApplication, One),
    responses(
        (
            status = 200,
            description = "The application in full.",
            content((ApplicationStatus = "application/json"), (ApplicationEvents = "text/event-stream"))
        ),
        BadRequest, NotFound,
    ),
)]
pub async fn one(
    view: View,
    Path((namespace, name)): Path<(String, String)>,
    Asked(asked): Asked<One>,
) -> Result<Response, Problem> {
    let key = AppKey::new(namespace, name);
    if watches(asked.watch.as_deref())? {
        return sse::application(&view, &key).ok_or_else(|| not_known(&view, &key));
    }
    Ok(json(find(&view, &key)?.whole()))
}

/// The releases of an application with what runs of them, newest first.
///
/// # Errors
/// 400, 404.
#[utoipa::path(
    get, path = below_application(RELEASES_OF), operation_id = "listReleases", tag = tag::APPLICATIONS,
    params(OfApplication, Paging),
    responses((status = 200, description = "Newest first.", body = Page<ReleaseView>), BadRequest, NotFound),
)]
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
#[utoipa::path(
    get, path = below_application(PODS_OF), operation_id = "listPods", tag = tag::APPLICATIONS,
    params(OfApplication, Paging),
    responses((status = 200, description = "Newest release first.", body = Page<ReleasePods>), BadRequest, NotFound),
)]
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
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichVersions {
    /// Those of this application, as `namespace/name`.
    #[param(schema_with = super::lists::application_schema)]
    application: Option<String>,
    /// Those of applications in this namespace.
    namespace: Option<String>,
    /// Those in this cluster.
    #[param(value_type = Option<String>)]
    cluster: Option<ClusterName>,
    #[param(ignore)]
    limit: Option<u32>,
    #[param(ignore)]
    r#continue: Option<String>,
}

/// Which release is where: by application, cluster and release.
///
/// # Errors
/// 400, 404 for an application that is not known.
#[utoipa::path(
    get, path = VERSIONS, operation_id = "listVersions", tag = tag::FLEET,
    params(WhichVersions, Paging),
    responses(
        (status = 200, description = "In the order of applications, clusters and releases.", body = Page<RunningRelease>),
        BadRequest, NotFound,
    ),
)]
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
    Problem::new(Refusal::NotFound, detail)
}
