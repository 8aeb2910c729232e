//! Who this agent is in the Lease: a name that is kept in the data directory.
//!
//! One process at a time has the directory, because the object store in it is locked. Whoever finds a name there knows that
//! the process that had it is gone, and may go on with its Lease at once instead of waiting until it expires.

use std::io;
use std::path::Path;

const FILE: &str = "identity";

/// The name kept in `dir`, or a new one of `host` and `seed`. A name of another host is not taken over: the directory may have
/// been copied, and the other may live.
///
/// # Errors
/// The file cannot be read or written.
pub fn identity(dir: &Path, host: &str, seed: u64) -> io::Result<String> {
    let path = dir.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(kept) if is_of(&kept, host) => return Ok(kept),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let name = format!("{host}-{seed:016x}");
    // Renamed into place: a name is there whole or not at all.
    let draft = dir.join(format!("{FILE}.new"));
    std::fs::write(&draft, &name)?;
    std::fs::rename(&draft, &path)?;
    Ok(name)
}

fn is_of(kept: &str, host: &str) -> bool {
    kept.strip_prefix(host)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|seed| seed.len() == 16 && seed.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_keeps_the_name_and_another_host_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let first = identity(dir.path(), "agent-0", 1).unwrap();
        assert_eq!(identity(dir.path(), "agent-0", 2).unwrap(), first);
        let other = identity(dir.path(), "agent-1", 3).unwrap();
        assert_ne!(other, first);
        std::fs::write(dir.path().join(FILE), "agent-1-").unwrap();
        assert_eq!(identity(dir.path(), "agent-1", 4).unwrap(), "agent-1-0000000000000004");
    }
}
