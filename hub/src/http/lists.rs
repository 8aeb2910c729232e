//! How lists are asked for and answered: `limit` and `continue`, and refusals that say what is meant.

use super::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shipper_core::AppKey;
use shipper_core::api::{DEFAULT_LIMIT, MAX_LIMIT};
use shipper_core::catalogue::Refusal;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{IntoParams, PartialSchema};

/// What stands behind the `?`. A name that is not known is refused, so that no filter is left out unseen.
#[derive(Clone, Debug)]
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(|rejection| bad(rejection.body_text()))
    }
}

/// What the path names. What is no text in it is a problem like any other.
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(names)| Self(names)).map_err(|rejection| bad(rejection.body_text()))
    }
}

/// Nothing to ask for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// 400 for a parameter, with these words.
pub fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(Refusal::BadParameter, detail)
}

/// `limit` and `continue` where there are no filters.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items.
    #[param(schema_with = items)]
    pub limit: Option<u32>,
    /// Where to go on: what the page before says as `continue`.
    #[param(schema_with = token_schema)]
    pub r#continue: Option<String>,
}

/// What a [`token`] is made of.
fn token_schema() -> Object {
    let token =
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).pattern(Some("^[A-Za-z0-9_-]+$"));
    token.description(Some("Where to go on: what the page before says as `continue`.")).build()
}

fn items() -> Object {
    let items = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)).minimum(Some(1));
    let items = items.maximum(Some(MAX_LIMIT)).default(Some(DEFAULT_LIMIT.into()));
    items.description(Some("How many items.")).build()
}

/// How many items a page is to have.
///
/// # Errors
/// 400 for none, and for too many.
pub fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit as usize),
        limit => Err(bad(format!("limit={limit}: a page has 1 to {MAX_LIMIT} items; go on with continue"))),
    }
}

/// What to ask for to go on behind `place`.
pub fn token(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// The place that a token of ours names, written as we write it.
///
/// # Errors
/// 400 where it is none of ours.
pub fn place<T: std::str::FromStr + ToString>(token: Option<&str>) -> Result<Option<T>, Problem> {
    let Some(token) = token else { return Ok(None) };
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let read = text.and_then(|text| text.parse().ok().filter(|place: &T| place.to_string() == text));
    let place = read.ok_or_else(|| {
        let detail = "continue is not what a page of this list ended with; begin again without it";
        Problem::new(Refusal::StaleContinue, detail)
    })?;
    Ok(Some(place))
}

/// A parameter that has a form of its own.
///
/// # Errors
/// 400 with what is wrong with it.
pub fn parsed<T: std::str::FromStr>(name: &str, text: Option<&str>) -> Result<Option<T>, Problem>
where
    T::Err: std::fmt::Display,
{
    let parse = |text: &str| text.parse().map_err(|error| bad(format!("{name}={text}: {error}")));
    text.map(parse).transpose()
}

/// The application of `?application=namespace/name`.
///
/// # Errors
/// 400 where it is not of that form.
pub fn application(text: Option<&str>) -> Result<Option<AppKey>, Problem> {
    parsed("application", text)
}

/// The form of `?application=`.
pub fn application_schema() -> RefOr<Schema> {
    // Not a reference, so that its description becomes that of the parameter.
    AppKey::schema()
}

/// What `?watch=` may say; with nothing it means yes.
const SWITCH: [&str; 3] = ["", "true", "false"];

/// Whether `?watch` is asked for.
///
/// # Errors
/// 400 for what is neither yes nor no.
pub fn watches(asked: Option<&str>) -> Result<bool, Problem> {
    match asked {
        None | Some("false") => Ok(false),
        Some("" | "true") => Ok(true),
        Some(other) => {
            Err(bad(format!("watch={other}: write watch=true for a stream, and leave it out for none")))
        }
    }
}

/// The form of `?watch=`.
pub fn watch_schema() -> Object {
    let kind = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    kind.enum_values(Some(SWITCH)).description(Some("With nothing or `true`: a stream.")).build()
}

/// The part of `all` behind `after` that fits on a page, and the place to go on from. `all` is in the order of the places.
pub fn cut<T>(
    all: impl Iterator<Item = T>,
    limit: usize,
    after: Option<&str>,
    place: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let behind = |one: &T| after.is_none_or(|after| place(one).as_str() > after);
    let mut rest = all.filter(behind);
    let page: Vec<T> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(|last| token(&place(last)));
    (page, next)
}

/// A page of items that are JSON already.
pub fn ready_page<'a>(items: impl Iterator<Item = &'a Bytes>, next: Option<&str>) -> Response {
    let mut body = b"{\"items\":[".to_vec();
    for (number, item) in items.enumerate() {
        if number > 0 {
            body.push(b',');
        }
        body.extend_from_slice(item);
    }
    body.push(b']');
    if let Some(next) = next {
        // Letters, digits, - and _.
        body.extend_from_slice(format!(",\"continue\":\"{next}\"").as_bytes());
    }
    body.push(b'}');
    json(body.into())
}

/// An answer that is JSON already.
pub fn json(body: Bytes) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}
