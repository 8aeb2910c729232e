//! What is logged.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use shipper_telemetry::log::{LogFormat, to};

/// The lines of this process.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Takes all lines from now on, as JSON.
    pub fn take() -> Self {
        let lines = Self::default();
        let written = lines.clone();
        tracing::subscriber::set_global_default(to(LogFormat::Json, move || written.clone())).unwrap();
        lines
    }

    /// What was written so far.
    pub fn read(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
