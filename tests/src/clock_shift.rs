//! Programs whose wall clock is wrong. A library that is preloaded into them answers in the system's place when they ask for the
//! time of day; it is compiled when it is first needed.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

use crate::process::Spec;
use crate::scratch::Scratch;

const SOURCE: &str = include_str!("clock_shift/shift.c");

/// Where the library is, once it is compiled.
static BUILT: Mutex<Option<Scratch>> = Mutex::new(None);

/// The program with a clock that is wrong by `seconds`.
///
/// # Errors
/// When the library cannot be compiled: there is no C compiler (`cc`), or this system does not preload libraries.
pub(crate) fn shifted(spec: Spec, seconds: i64) -> Result<Spec> {
    ensure!(cfg!(target_os = "linux"), "clocks can be shifted on Linux only");
    Ok(spec.env("LD_PRELOAD", library()?).env("SHIPPER_TESTS_CLOCK_SHIFT", seconds.to_string()))
}

fn library() -> Result<PathBuf> {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let scratch = match built.take() {
        Some(scratch) => scratch,
        None => build()?,
    };
    Ok(built.insert(scratch).join("shift.so"))
}

fn build() -> Result<Scratch> {
    let scratch = Scratch::new("clock-shift")?;
    let source = scratch.write("shift.c", SOURCE)?;
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(scratch.join("shift.so"))
        .arg(source)
        .output()
        .context("cannot run the C compiler (cc)")?;
    ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    Ok(scratch)
}
