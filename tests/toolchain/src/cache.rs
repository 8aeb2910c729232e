//! Where tools are kept, and how they get there: found, adopted from the machine, or built.
//!
//! The directory is named after a digest of the pins and flags, so that another version never meets an old binary. A
//! file in it is complete, because it is moved there in one step.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::go;
use crate::npm::Package;
use crate::tool::Tool;

/// The directory that holds, or will hold, the tools at the versions pinned now.
///
/// # Errors
/// When no cache directory can be told from the environment, or the pins cannot be read.
pub fn directory() -> Result<PathBuf, Error> {
    Ok(root()?.join(key(&KUBERNETES, &Tool::ALL, &[])?))
}

/// Where the pins of control planes and nodes are.
const KUBERNETES: [Tool; 2] = [Tool::Etcd, Tool::Helm];

/// The directory for a tool that has pins of its own, so that nothing else is built anew when it moves.
pub(crate) fn own_directory(tool: Tool) -> Result<PathBuf, Error> {
    let own = [tool];
    Ok(root()?.join(format!("{}-{}", tool.name(), key(&own, &own, &[])?)))
}

/// The directory for what a real node needs besides, of which `packages` are not built but unpacked.
pub(crate) fn node_directory(packages: &[&str]) -> Result<PathBuf, Error> {
    Ok(root()?.join(format!("node-{}", key(&KUBERNETES, &Tool::NODE, packages)?)))
}

/// The directory for a package of the npm registry.
pub(crate) fn npm_directory(package: &Package) -> Result<PathBuf, Error> {
    let digest = package.sha256.get(..16).unwrap_or(package.sha256);
    Ok(root()?.join(format!("{}-{}-{digest}", package.name, package.version)))
}

/// The directory for a program with everything that it needs of the npm registry.
pub(crate) fn npm_program_directory(name: &str, files: &[&str]) -> Result<PathBuf, Error> {
    let mut digest = Sha256::new();
    files.iter().for_each(|file| digest.update(file));
    let digest: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(root()?.join(format!("{name}-{digest}")))
}

fn root() -> Result<PathBuf, Error> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("SHIPPER_TOOLS_CACHE")
        .or_else(|| {
            let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
            Some(cache.join("shipper/tools"))
        })
        .ok_or(Error::NoCacheDirectory)
}

fn key(pins: &[Tool], tools: &[Tool], packages: &[&str]) -> Result<String, Error> {
    let mut digest = Sha256::new();
    for tool in pins {
        for file in tool.files() {
            let path = tool.source().join(file);
            digest.update(fs::read(&path).map_err(Error::io("read", &path))?);
        }
    }
    for tool in tools {
        digest.update(go::arguments(*tool)?.join("\0"));
    }
    packages.iter().for_each(|package| digest.update(package));
    digest.update(env::consts::OS);
    digest.update(env::consts::ARCH);
    Ok(digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// Returns the tool in `directory`, after putting it there if need be.
pub(crate) fn find_or_build(
    directory: &Path,
    tool: Tool,
    progress: &mut dyn Write,
) -> Result<PathBuf, Error> {
    install(directory, tool, &places(), progress)
}

fn install(
    directory: &Path,
    tool: Tool,
    places: &[PathBuf],
    progress: &mut dyn Write,
) -> Result<PathBuf, Error> {
    put(directory, tool.name(), progress, |unfinished, progress| match on_this_machine(tool, places) {
        Some(found) => {
            let _ = writeln!(progress, "tools: using {}", found.display());
            fs::copy(&found, unfinished).map(drop).map_err(Error::io("copy", &found))
        }
        None => go::build(tool, unfinished, progress),
    })
}

/// Returns what is called `name` in `directory`, after making it if need be: once, however many processes ask. `make` leaves it at the path
/// that it is given.
pub(crate) fn put(
    directory: &Path,
    name: &str,
    progress: &mut dyn Write,
    make: impl FnOnce(&Path, &mut dyn Write) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let path = directory.join(name);
    if path.exists() {
        return Ok(path);
    }
    fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
    let _lock = lock(directory, progress)?;
    if path.exists() {
        return Ok(path);
    }
    let unfinished = directory.join(format!(".{name}.part"));
    if unfinished.is_dir() {
        fs::remove_dir_all(&unfinished).map_err(Error::io("remove", &unfinished))?;
    }
    make(&unfinished, progress)?;
    fs::rename(&unfinished, &path).map_err(Error::io("install", &path))?;
    Ok(path)
}

/// Held by whoever installs; the system lets go of it when that process ends, however it ends.
fn lock(directory: &Path, progress: &mut dyn Write) -> Result<File, Error> {
    let path = directory.join(".lock");
    let file = File::create(&path).map_err(Error::io("open", &path))?;
    if file.try_lock().is_err() {
        let _ = writeln!(progress, "tools: waiting for another process that builds them");
        file.lock().map_err(Error::io("lock", &path))?;
    }
    Ok(file)
}

/// Where a tool of the right version may lie already.
fn places() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    assets.into_iter().chain(env::split_paths(&path)).collect()
}

fn on_this_machine(tool: Tool, places: &[PathBuf]) -> Option<PathBuf> {
    places
        .iter()
        .map(|place| place.join(tool.name()))
        .find(|candidate| candidate.is_file() && tool.is_pinned_version(candidate).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn pretend_helm(place: &Path, version: &str) -> PathBuf {
        fs::create_dir(place).unwrap();
        let path = place.join("helm");
        fs::write(&path, format!("#!/bin/sh\necho 'version.BuildInfo{{Version:\"{version}\"}}'\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_tool_on_the_machine_is_used_if_its_version_is_the_pinned_one() {
        let home = tempfile::tempdir().unwrap();
        let places = [home.path().join("none"), home.path().join("old"), home.path().join("right")];
        pretend_helm(&places[1], "v3.0.0");
        let right = pretend_helm(&places[2], &Tool::Helm.version().unwrap());
        assert_eq!(on_this_machine(Tool::Helm, &places[..2]), None);
        assert_eq!(on_this_machine(Tool::Helm, &places), Some(right));

        let mut progress = Vec::new();
        let cache = home.path().join("cache");
        let installed = install(&cache, Tool::Helm, &places, &mut progress).unwrap();
        assert_eq!(installed, cache.join("helm"));
        assert!(Tool::Helm.is_pinned_version(&installed).unwrap());
        assert!(String::from_utf8(progress).unwrap().contains("right/helm"));

        let mut second = Vec::new();
        install(&cache, Tool::Helm, &[], &mut second).unwrap();
        assert!(second.is_empty(), "a tool that was installed is not looked for again");
    }
}
