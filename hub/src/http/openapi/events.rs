//! Streams of server-sent events. OpenAPI 3.1 has no word for what is in one, so the schema of a stream says it by `x-event`: the name of
//! its events, and the schema of their data.

use super::answers::{header, operations};
use crate::http::lists::watch_schema;
use serde_json::json;
use shipper_core::api::{APPLICATION, CHANGED, Changed, EVENT, PAGE, TimelineEvent};
use shipper_core::protocol::{TARGET, TargetEvent};
use shipper_core::status::ApplicationStatus;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required};
use utoipa::{PartialSchema, ToSchema};

macro_rules! streams {
    ($($(#[doc = $doc:literal])+ $stream:ident $name:ident $data:ident,)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Copy, Debug)]
            pub struct $stream;

            impl PartialSchema for $stream {
                fn schema() -> RefOr<Schema> {
                    let data = Ref::from_schema_name($data::name()).into();
                    stream(concat!($($doc,)+).trim_ascii(), $name, &data)
                }
            }

            impl ToSchema for $stream {
                fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                    schemas.push(($data::name().into_owned(), $data::schema()));
                    $data::schemas(schemas);
                }
            }
        )+
    };
}

streams! {
    /// An application as it is, at once, and then as it is after every change. Whoever is slow gets the newest.
    ApplicationEvents APPLICATION ApplicationStatus,
    /// New entries of the timeline, each with an `id`.
    TimelineEvents EVENT TimelineEvent,
    /// That something changed, at once and then at most four times a second.
    ChangedEvents CHANGED Changed,
    /// The newest state commit, at once, and then each newer one.
    TargetEvents TARGET TargetEvent,
}

/// A stream of events of this name with this data.
fn stream(description: &str, name: &str, data: &RefOr<Schema>) -> RefOr<Schema> {
    let event = json!({"name": name, "data": data});
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .extensions(Some(ExtensionsBuilder::new().add("x-event", event).build()))
        .into()
}

/// What the layer `watched` does: with `?watch`, the page is sent at once, and whenever it is another.
pub(crate) fn watched(document: &mut OpenApi) {
    for operation in operations(document) {
        let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") else { continue };
        let Some(RefOr::T(content)) = answer.content.get("application/json") else { continue };
        let Some(page) = &content.schema else { continue };
        let told =
            "The page as it is, at once, and then each time that it is another, with its mark as `id`.";
        let stream = Content::new(Some(stream(told, PAGE, page)));
        answer.content.insert("text/event-stream".to_owned(), stream.into());
        let watch = ParameterBuilder::new().name("watch").parameter_in(ParameterIn::Query);
        let watch = watch.required(Required::False).schema(Some(watch_schema()));
        let last = "Of a stream: the `id` of the last page that came; it is not sent again while it is so.";
        let parameters = operation.parameters.get_or_insert_default();
        parameters.extend([watch.build().into(), header("Last-Event-ID", last).into()]);
    }
}
