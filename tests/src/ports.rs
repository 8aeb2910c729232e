//! Loopback ports for programs that must be told theirs.
//!
//! They are taken from below the range that the system gives to outgoing connections, so that none is lost between
//! being chosen and being listened on, and never twice in one process.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

const FIRST: u32 = 15_000;
const COUNT: u32 = 17_000;
/// Far from a multiple of anything, so that processes started one after another begin far apart.
const STRIDE: u32 = 7_919;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port on 127.0.0.1 on which nobody listens.
pub(crate) fn free() -> Result<u16> {
    let start = process::id().wrapping_mul(STRIDE);
    (0..COUNT)
        .find_map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let port = u16::try_from(FIRST + start.wrapping_add(step) % COUNT).ok()?;
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
        })
        .context("no free port on 127.0.0.1")
}
