//! Traces over OTLP. Hub and agents meet only in Git, so a trace goes from one to the others in a trailer of the state commit,
//! [`TRAILER`], in the W3C format `traceparent`.
//!
//! Spans are told when they are over, with both their times: much of what they are about crosses tasks and turns of a loop, and the first of
//! all, a commit of a person, began elsewhere. Where nothing is configured there is no tracer, and nothing is done.

use crate::send::Sender;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::time::SystemTime;

/// The trailer of a state commit that says which trace it belongs to.
pub const TRAILER: &str = "Traceparent";

/// Why there are no traces.
#[derive(Debug, thiserror::Error)]
#[error(
    "traces cannot be sent: {0}; --otlp-endpoint is the address of an OTLP receiver over HTTP, such as http://collector:4318"
)]
pub struct TraceError(#[from] opentelemetry_otlp::ExporterBuildError);

/// Where spans go. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<On>);

#[derive(Clone, Debug)]
struct On {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A span that others may hang below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent(SpanContext);

/// A span that has begun.
#[derive(Debug)]
pub struct Begun(opentelemetry_sdk::trace::Span);

impl Traces {
    /// None.
    pub fn off() -> Self {
        Self(None)
    }

    /// Sends spans of a service to an endpoint, or where the standard variables `OTEL_EXPORTER_OTLP_…` say; none if neither says
    /// anything, or `OTEL_SDK_DISABLED` is `true`. Sampling, limits and batches are as the other `OTEL_…` variables say. Must be called in
    /// the runtime that is to send them.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn start(
        service: &'static str,
        version: &'static str,
        endpoint: Option<&str>,
        attributes: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, TraceError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let named = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
        let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if disabled || (endpoint.is_none() && named.iter().all(|name| set(name).is_none())) {
            return Ok(Self::off());
        }
        let mut exporter = SpanExporter::builder().with_http().with_http_client(Sender::new());
        if let Some(endpoint) = endpoint {
            exporter = exporter.with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')));
        }
        let attributes = attributes.into_iter();
        let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", version));
        if set("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(service);
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter.build()?)
            .with_resource(
                resource.with_attributes(attributes.map(|(name, value)| KeyValue::new(name, value))).build(),
            )
            .build();
        let tracer = provider.tracer("shipper");
        Ok(Self(Some(On { provider, tracer })))
    }

    /// Whether there are any.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a span; `None` where there are none. Without a parent it begins a trace.
    pub fn begin(&self, name: &'static str, parent: Option<&Parent>, at: SystemTime) -> Option<Begun> {
        let on = self.0.as_ref()?;
        let kind = if parent.is_some() { SpanKind::Internal } else { SpanKind::Producer };
        let builder = on.tracer.span_builder(name).with_kind(kind).with_start_time(at);
        let context = match parent {
            Some(parent) => Context::new().with_remote_span_context(parent.0.clone()),
            None => Context::new(),
        };
        Some(Begun(on.tracer.build_with_context(builder, &context)))
    }

    /// Tells a span that is over.
    pub fn tell(
        &self,
        name: &'static str,
        parent: Option<&Parent>,
        (from, to): (SystemTime, SystemTime),
        attributes: impl IntoIterator<Item = (&'static str, String)>,
    ) {
        if let Some(mut span) = self.begin(name, parent, from) {
            attributes.into_iter().for_each(|(name, value)| span.say(name, value));
            span.end(to);
        }
    }

    /// Sends what was told and not sent yet. Blocks for some seconds at most.
    pub fn flush(&self) {
        if let Some(on) = &self.0
            && let Err(error) = on.provider.shutdown()
        {
            tracing::warn!(%error, "the last spans of traces were not sent");
        }
    }
}

impl Begun {
    /// What others may hang below.
    pub fn parent(&self) -> Parent {
        Parent(self.0.span_context().clone())
    }

    /// Says something of it.
    pub fn say(&mut self, name: &'static str, value: impl Into<opentelemetry::Value>) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// Says that it went wrong.
    pub fn failed(&mut self, error: String) {
        self.0.set_status(Status::error(error));
    }

    /// Ends it.
    pub fn end(mut self, at: SystemTime) {
        self.0.end_with_timestamp(at);
    }
}

impl Parent {
    /// As the trailer has it: `00-<trace>-<span>-<flags>`.
    pub fn to_trailer(&self) -> String {
        let (trace, span) = (self.0.trace_id(), self.0.span_id());
        format!("00-{trace}-{span}-{:02x}", self.0.trace_flags().to_u8() & 1)
    }

    /// From the message of a state commit; whatever else somebody wrote there is no parent.
    pub fn of_message(message: &str) -> Option<Self> {
        let line = message.lines().rev().find_map(|line| line.strip_prefix(TRAILER)?.strip_prefix(": "))?;
        let mut parts = line.trim().split('-');
        let (Some("00"), Some(trace), Some(span), Some(flags), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !(is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2)) {
            return None;
        }
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1);
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let context = SpanContext::new(trace, span, flags, true, TraceState::default());
        context.is_valid().then_some(Self(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener};
    use std::time::{Duration, Instant};

    #[test]
    fn a_parent_goes_through_a_commit_message_and_nothing_else_does() {
        let line = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let message =
            |line: &str| format!("Make shop\n\nweb/shop: made\n\nShipper-Epoch: 1\n{TRAILER}: {line}\n");
        assert_eq!(
            Parent::of_message(&message(line)).map(|parent| parent.to_trailer()).as_deref(),
            Some(line)
        );
        for bad in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-äbf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "",
        ] {
            assert_eq!(Parent::of_message(&message(bad)), None, "{bad}");
        }
        assert_eq!(Parent::of_message("Make shop\n"), None);
    }

    #[test]
    fn where_nothing_is_configured_there_are_none() {
        let traces = Traces::off();
        assert!(!traces.is_on() && traces.begin("read", None, SystemTime::now()).is_none());
    }

    /// Neither who tells more than is kept, nor who ends.
    async fn nobody_waits_for(receiver: SocketAddr) {
        let endpoint = format!("http://{receiver}");
        let traces = Traces::start("shipper-hub", "0", Some(&endpoint), []).unwrap();
        let (began, now) = (Instant::now(), SystemTime::now());
        for _ in 0..10_000 {
            traces.tell("read", None, (now, now), []);
        }
        assert!(began.elapsed() < Duration::from_secs(3), "telling took {:?}", began.elapsed());
        let began = Instant::now();
        tokio::task::spawn_blocking(move || traces.flush()).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(8), "ending took {:?}", began.elapsed());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_waits_for_a_receiver_that_is_away() {
        let receiver = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        nobody_waits_for(receiver).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_waits_for_a_receiver_that_never_answers() {
        let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
        nobody_waits_for(receiver.local_addr().unwrap()).await;
    }
}
