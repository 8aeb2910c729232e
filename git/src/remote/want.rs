//! Asking a server for commits in one request over HTTP: what is wanted, what is here, done.
//!
//! libgit2 offers history twenty commits at a time, the newest of all branches first, and is content with the first that
//! the server knows. That costs another request as soon as there are twenty; and where the newest are all of one branch,
//! the server sends the other one whole. Here the tips of all branches are offered, and a few commits below each, in case
//! history was rewritten.

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::sync::Arc;

use git2::{Oid, Repository};

use super::call::Call;
use super::error::RemoteError;
use super::{http, packet};

/// How far below a tip commits are offered too.
const BELOW: [usize; 3] = [1, 4, 16];

/// Brings `wants`, and what they need beyond what the store has, into the store.
pub(super) fn download(call: &Arc<Call>, store: &Repository, wants: &[Oid]) -> Result<(), git2::Error> {
    let request = request(store, wants)?;
    let mut answer = BufReader::new(http::upload_pack(call, request)?);
    let odb = store.odb()?;
    let mut pack = odb.packwriter()?;
    let protocol = |reason: String| call.fail(RemoteError::Protocol { url: call.url(), reason });
    // First a line for each commit that both have, or one that says there is none; then the pack, in bands.
    while let Some(line) = packet::next(&mut answer).map_err(|error| protocol(error.to_string()))? {
        match line.split_first() {
            Some((&packet::DATA, data)) => {
                pack.write_all(data).map_err(|error| git2::Error::from_str(&error.to_string()))?;
            }
            Some((&packet::PROGRESS, _)) | None => {}
            Some(_) if [&b"ACK"[..], b"NAK", b"shallow"].iter().any(|known| line.starts_with(known)) => {}
            Some(_) => {
                let said = String::from_utf8_lossy(&line);
                let said = said.trim_start_matches('\u{3}').trim_start_matches("ERR").trim();
                return Err(protocol(format!("the server says: {said}")));
            }
        }
    }
    pack.commit().map(drop)
}

fn request(store: &Repository, wants: &[Oid]) -> Result<Vec<u8>, git2::Error> {
    let mut lines = String::new();
    for (number, oid) in wants.iter().enumerate() {
        let capabilities = if number == 0 { " ofs-delta side-band-64k no-progress" } else { "" };
        packet::push(&mut lines, &format!("want {oid}{capabilities}\n"));
    }
    for oid in shallow(store) {
        packet::push(&mut lines, &format!("shallow {oid}\n"));
    }
    lines.push_str(packet::FLUSH);
    for oid in haves(store)? {
        packet::push(&mut lines, &format!("have {oid}\n"));
    }
    packet::push(&mut lines, "done\n");
    Ok(lines.into_bytes())
}

/// Where history is cut off.
fn shallow(store: &Repository) -> Vec<Oid> {
    let text = std::fs::read_to_string(store.path().join("shallow")).unwrap_or_default();
    text.lines().filter_map(|line| Oid::from_str(line).ok()).collect()
}

/// The tips of all refs, and a few commits below each.
fn haves(store: &Repository) -> Result<BTreeSet<Oid>, git2::Error> {
    let mut haves = BTreeSet::new();
    for reference in store.references()? {
        let Ok(tip) = reference?.peel_to_commit() else { continue };
        haves.insert(tip.id());
        let mut commit = tip;
        for depth in 1..=BELOW[BELOW.len() - 1] {
            // Below the cut there is nothing.
            let Ok(parent) = commit.parent(0) else { break };
            commit = parent;
            if BELOW.contains(&depth) {
                haves.insert(commit.id());
            }
        }
    }
    Ok(haves)
}
