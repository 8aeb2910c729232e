//! Where PostgreSQL is on this machine.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where Debian and its like put every version.
const VERSIONS: &str = "/usr/lib/postgresql";
const SERVER: &str = "postgres";

/// The directory with the programs, the newest where there are several.
pub(crate) fn directory() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .map(|entry| entry.path())
        .filter(|version| version.join("bin").join(SERVER).is_file())
        .max_by_key(|version| number(version));
    newest.map(|version| version.join("bin")).or_else(in_path)
}

fn in_path() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Its like are next to the program itself, not next to a link to it.
    let program = env::split_paths(&path).find_map(|place| fs::canonicalize(place.join(SERVER)).ok())?;
    program.parent().map(Path::to_owned)
}
