//! Building a tool with the Go compiler.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, last_lines};
use crate::tool::Tool;

const POLL: Duration = Duration::from_millis(200);
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

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

    let directory = if tool.is_main_module() { downloaded(tool)? } else { tool.source() };
    let log_path = output.with_extension("log");
    let log = File::create(&log_path).map_err(Error::io("create", &log_path))?;
    let started = Instant::now();
    let mut child = Command::new("go")
        .args(&arguments)
        .current_dir(directory)
        .env("CGO_ENABLED", if tool.needs_c() { "1" } else { "0" })
        .env_remove("GOFLAGS")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| not_run(tool, error))?;
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
        return Err(Error::Build { tool: name, status, output: last_lines(&said) });
    }
    let _ = writeln!(progress, "tools: built {name} in {} s", started.elapsed().as_secs());
    Ok(())
}

/// Where the source of a tool's module is, after a look at its checksum.
pub(crate) fn downloaded(tool: Tool) -> Result<PathBuf, Error> {
    let output = Command::new("go")
        .args(["mod", "download", "-json", &format!("{}@{}", tool.module(), tool.version()?)])
        // Here is the `go.sum` that it is held against.
        .current_dir(tool.source())
        .env_remove("GOFLAGS")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_run(tool, error))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let directory =
        said.lines().find_map(|line| line.trim().strip_prefix("\"Dir\": \"")?.strip_suffix("\","));
    match directory.filter(|_| output.status.success()) {
        Some(directory) => Ok(directory.into()),
        None => Err(Error::Build {
            tool: tool.name(),
            status: output.status,
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
    }
}

fn not_run(tool: Tool, error: io::Error) -> Error {
    let version = tool.version().unwrap_or_default();
    match error.kind() {
        io::ErrorKind::NotFound => Error::NoGo { tool: tool.name(), version },
        _ => Error::io("run", "go")(error),
    }
}
