//! What many operations answer alike: refusals, and marks of content.

use axum::http::StatusCode;
use shipper_core::catalogue::Refusal;
use std::collections::BTreeMap;
use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Components, Content, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $name:ident = $status:ident,)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    let declared = Ref::from_response_name(stringify!($name));
                    BTreeMap::from([(StatusCode::$status.as_str().to_owned(), declared.into())])
                }
            }
        )+

        /// Every refusal by its name.
        fn refusals() -> Vec<(&'static str, StatusCode, &'static str)> {
            vec![$((stringify!($name), StatusCode::$status, concat!($($doc,)+).trim_ascii()),)+]
        }
    };
}

refusals! {
    /// Something is asked for that cannot be; the detail says what can.
    BadRequest = BAD_REQUEST,
    /// It is not proved who asks.
    Unauthorized = UNAUTHORIZED,
    /// Who asks may not.
    Forbidden = FORBIDDEN,
    /// It is not there.
    NotFound = NOT_FOUND,
    /// The session is not the present one of the cluster; open another.
    Conflict = CONFLICT,
    /// The body is larger than the hub takes.
    TooLarge = PAYLOAD_TOO_LARGE,
    /// The cluster sends more than it may; the others are not concerned.
    TooMany = TOO_MANY_REQUESTS,
    /// Not now.
    Unavailable = SERVICE_UNAVAILABLE,
}

/// Declares the refusals, and what any operation answers when the hub makes a mistake.
pub(super) fn declare(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    for (name, status, description) in refusals() {
        let mut response = problem(&reasoned(description, status));
        let header = match status {
            StatusCode::UNAUTHORIZED => Some(("WWW-Authenticate", Type::String, "How to prove it.")),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Some(("Retry-After", Type::Integer, "Seconds to wait before asking again."))
            }
            _ => None,
        };
        if let Some((name, kind, description)) = header {
            let header = HeaderBuilder::new().schema(Some(of(kind))).description(Some(description));
            response = response.header(name, header.build());
        }
        components.responses.insert(name.to_owned(), response.into());
    }
    let mistake = "The hub made a mistake; its log says more.";
    let mistake = problem(&reasoned(mistake, StatusCode::INTERNAL_SERVER_ERROR));
    components.responses.insert("Mistake".to_owned(), mistake.into());
    for operation in operations(document) {
        let mistake = Ref::from_response_name("Mistake");
        operation.responses.responses.entry("default".to_owned()).or_insert_with(|| mistake.into());
    }
}

/// A description with the reasons that go with a status.
fn reasoned(description: &str, status: StatusCode) -> String {
    let reasons = Refusal::ALL.iter().filter(|refusal| refusal.status() == status.as_u16());
    let names: Vec<String> = reasons.map(|refusal| format!("`{}`", refusal.name())).collect();
    format!("{description} Reasons: {}.", names.join(", "))
}

fn problem(description: &str) -> ResponseBuilder {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(description).content(PROBLEM, content)
}

/// Says that these are refused like that, whatever the handlers say.
pub(crate) fn refused<R: IntoResponses>(operations: &mut OpenApi) {
    for operation in self::operations(operations) {
        for (status, response) in R::responses() {
            operation.responses.responses.entry(status).or_insert(response);
        }
    }
}

/// What the layer `etag` does: answers carry a mark, and who has the content is sent none.
pub(crate) fn revalidated(document: &mut OpenApi) {
    for operation in operations(document) {
        let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") else { continue };
        if !answer.content.contains_key(JSON) {
            continue;
        }
        let mark = || {
            HeaderBuilder::new()
                .schema(Some(of(Type::String)))
                .description(Some("A mark of this content."))
                .build()
        };
        answer.headers.insert("ETag".to_owned(), mark().into());
        let unchanged =
            ResponseBuilder::new().description("What you have is still so.").header("ETag", mark());
        operation.responses.responses.insert("304".to_owned(), unchanged.into());
        operation
            .parameters
            .get_or_insert_default()
            .push(header("If-None-Match", "Marks of what you have already.").into());
    }
}

/// A parameter that is a header and may be left out.
pub(super) fn header(name: &str, description: &str) -> Parameter {
    let schema = Some(of(Type::String));
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).schema(schema);
    parameter.required(Required::False).description(Some(description)).build()
}

fn of(kind: Type) -> Object {
    ObjectBuilder::new().schema_type(SchemaType::Type(kind)).build()
}

/// Every operation that is described.
pub(super) fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|path| path.get.iter_mut().chain(&mut path.post))
}
