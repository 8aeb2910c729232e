//! Lines on standard error: for people, or as JSON for log collectors.

use std::io::IsTerminal as _;

use crate::json::Json;
use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::util::SubscriberInitExt;

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For log collectors: one JSON object in each line.
    Json,
}

/// Writes everything of this process from now on to standard error, in colours only where people see them: on a terminal, without
/// `NO_COLOR`.
pub fn start(format: LogFormat) {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    coloured(format, std::io::stderr, std::io::stderr().is_terminal() && !plain).init();
}

/// Writes everything that `RUST_LOG` asks for, by default `info`, without colours.
pub fn to<W>(format: LogFormat, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    coloured(format, writer, false)
}

fn coloured<W>(format: LogFormat, writer: W, colours: bool) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours);
    match format {
        LogFormat::Text => Box::new(builder.finish()),
        LogFormat::Json => Box::new(builder.fmt_fields(JsonFields::new()).event_format(Json).finish()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_pipe_gets_no_colours() {
        for colours in [false, true] {
            let kept = Kept::default();
            let writer = kept.clone();
            let subscriber = coloured(LogFormat::Text, move || writer.clone(), colours);
            tracing::subscriber::with_default(subscriber, || tracing::error!(cause = "full", "stops"));
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("stops") && text.contains('\u{1b}') == colours, "{text:?}");
        }
    }
}
