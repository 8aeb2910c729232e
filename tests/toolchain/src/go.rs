//! Building a tool with the Go compiler.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::tool::Tool;

const POLL: Duration = Duration::from_millis(200);
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
const LINES_IN_ERROR: usize = 20;

/// The arguments of `go` without the output path; part of the cache key.
pub(crate) fn arguments(tool: Tool) -> Result<Vec<String>, Error> {
    let mut arguments = vec![
        "build".into(),
        "-mod=readonly".into(),
        "-trimpath".into(),
        "-ldflags".into(),
        tool.linker_flags()?,
    ];
    arguments.extend(tool.tags().map(|tags| format!("-tags={tags}")));
    arguments.push(tool.package().into());
    Ok(arguments)
}

/// Builds `tool` into the file `output`.
pub(crate) fn build(tool: Tool, output: &Path, progress: &mut dyn Write) -> Result<(), Error> {
    let (name, version) = (tool.name(), tool.version()?);
    let mut arguments = arguments(tool)?;
    arguments.splice(1..1, ["-o".into(), output.display().to_string()]);

    let log_path = output.with_extension("log");
    let log = File::create(&log_path).map_err(Error::io("create", &log_path))?;
    let started = Instant::now();
    let mut child = Command::new("go")
        .args(&arguments)
        .current_dir(tool.source())
        .env("CGO_ENABLED", "0")
        .env_remove("GOFLAGS")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::NoGo { tool: name, version: version.clone() },
            _ => Error::io("run", "go")(error),
        })?;
    let _ = writeln!(progress, "tools: building {name} {version} (minutes the first time, then cached)");

    let mut next_sign = SIGN_OF_LIFE;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(Error::io("wait for", "go"))? {
            break status;
        }
        if started.elapsed() > next_sign {
            let _ = writeln!(progress, "tools: still building {name}, {} s", started.elapsed().as_secs());
            next_sign += SIGN_OF_LIFE;
        }
        thread::sleep(POLL);
    };
    let said = fs::read_to_string(&log_path).unwrap_or_default();
    let _ = fs::remove_file(&log_path);
    if !status.success() {
        let lines: Vec<_> = said.lines().collect();
        let output = lines[lines.len().saturating_sub(LINES_IN_ERROR)..].join("\n");
        return Err(Error::Build { tool: name, status, output });
    }
    let _ = writeln!(progress, "tools: built {name} in {} s", started.elapsed().as_secs());
    Ok(())
}
