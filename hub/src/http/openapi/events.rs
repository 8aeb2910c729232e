//! Streams of server-sent events. OpenAPI 3.1 has no word for what is in one, so the schema of a stream says it by `x-event`: the name of
//! its events, and the schema of their data.

use serde_json::json;
use shipper_core::api::{APPLICATION, CHANGED, Changed, EVENT, TimelineEvent};
use shipper_core::protocol::{TARGET, TargetEvent};
use shipper_core::status::ApplicationStatus;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

macro_rules! streams {
    ($($(#[doc = $doc:literal])+ $stream:ident $name:ident $data:ident,)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Copy, Debug)]
            pub struct $stream;

            impl PartialSchema for $stream {
                fn schema() -> RefOr<Schema> {
                    let data = Ref::from_schema_name($data::name());
                    let event = json!({"name": $name, "data": data});
                    ObjectBuilder::new()
                        .schema_type(SchemaType::Type(Type::String))
                        .description(Some(concat!($($doc,)+).trim_ascii()))
                        .extensions(Some(ExtensionsBuilder::new().add("x-event", event).build()))
                        .into()
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
