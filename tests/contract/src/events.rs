//! Server-sent events.

/// Their kind of content.
pub(crate) const KIND: &str = "text/event-stream";

/// An event.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
}

/// The events of a part of a stream; what keeps it alive is none.
pub(crate) fn read(text: &str) -> impl Iterator<Item = Event> {
    text.split("\n\n").filter_map(|block| {
        let field = |name: &str| {
            block
                .lines()
                .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let event = Event { name: field("event"), data: field("data") };
        (!event.data.is_empty()).then_some(event)
    })
}
