//! Packages of the npm registry, of which tests need a file, or a program that consists of many. The versions are pinned, and so is what is in
//! them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::cache;
use crate::error::Error;

/// A file of a package.
pub(crate) struct Package {
    /// Name in the registry.
    pub(crate) name: &'static str,
    /// Exact version.
    pub(crate) version: &'static str,
    /// SHA-256 of the archive, in hex.
    pub(crate) sha256: &'static str,
    /// The file in it that is wanted.
    pub(crate) file: &'static str,
}

/// Finds accessibility faults in a page, from within the page.
pub(crate) const AXE: Package = Package {
    name: "axe-core",
    version: "4.14.1",
    sha256: "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
    file: "axe.min.js",
};

/// A program with everything that it needs.
pub(crate) struct Program {
    name: &'static str,
    file: &'static str,
    text: &'static str,
    /// The parts of it that have files of their own, by name.
    parts: &'static [(&'static str, &'static str)],
    manifest: &'static str,
    /// Exact versions, and what is in them.
    lock: &'static str,
}

/// Signs people in, in whatever name they give.
pub(crate) const OIDC: Program = Program {
    name: "oidc-provider",
    file: "provider.mjs",
    text: include_str!("../oidc/provider.mjs"),
    parts: &[("forger.mjs", include_str!("../oidc/forger.mjs"))],
    manifest: include_str!("../oidc/package.json"),
    lock: include_str!("../oidc/package-lock.json"),
};

/// Reads dashboards as Grafana's page does.
pub(crate) const GRAFANA: Program = Program {
    name: "grafana-libraries",
    file: "read.mjs",
    text: include_str!("../grafana/read.mjs"),
    parts: &[
        ("shown.mjs", include_str!("../grafana/shown.mjs")),
        ("words.mjs", include_str!("../grafana/words.mjs")),
        ("words.ts", include_str!("../grafana/words.ts")),
    ],
    manifest: include_str!("../grafana/package.json"),
    lock: include_str!("../grafana/package-lock.json"),
};

/// Returns the program, after fetching what it needs if need be.
pub(crate) fn find_or_install(program: &Program, progress: &mut dyn Write) -> Result<PathBuf, Error> {
    let beside =
        [&[("package.json", program.manifest), ("package-lock.json", program.lock)], program.parts].concat();
    let texts: Vec<&str> = beside.iter().map(|(_, text)| *text).chain([program.text]).collect();
    let directory = cache::npm_program_directory(program.name, &texts)?;
    cache::put(&directory, program.file, progress, |unfinished, progress| {
        let _ = writeln!(progress, "tools: fetching {}", program.name);
        for (name, text) in beside {
            let path = directory.join(name);
            fs::write(&path, text).map_err(Error::io("write", &path))?;
        }
        // It takes what the lock file names, and nothing that is otherwise than it says.
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
        run(program.name, Command::new("npm").args(install).current_dir(&directory))?;
        fs::write(unfinished, program.text).map_err(Error::io("write", unfinished))
    })
}

/// Returns the file, after fetching it if need be.
pub(crate) fn find_or_fetch(package: &Package, progress: &mut dyn Write) -> Result<PathBuf, Error> {
    let directory = cache::npm_directory(package)?;
    cache::put(&directory, package.file, progress, |unfinished, progress| {
        let named = format!("{}@{}", package.name, package.version);
        let _ = writeln!(progress, "tools: fetching {named}");
        let archive = directory.join(format!("{}-{}.tgz", package.name, package.version));
        let pack = ["pack", "--silent", "--ignore-scripts", &named];
        run(&named, Command::new("npm").args(pack).current_dir(&directory))?;
        let content = fs::read(&archive).map_err(Error::io("read", &archive))?;
        let found: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        if found != package.sha256 {
            return Err(Error::Changed { package: named, found });
        }
        let within = format!("package/{}", package.file);
        run(&named, Command::new("tar").args(["-xzf"]).arg(&archive).arg(&within).current_dir(&directory))?;
        let unpacked = directory.join(&within);
        fs::rename(&unpacked, unfinished).map_err(Error::io("install", unfinished))
    })
}

fn run(package: &str, command: &mut Command) -> Result<(), Error> {
    let output = command.output().map_err(Error::io("run", Path::new(command.get_program())))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Fetch { package: package.to_owned(), status: output.status, output: said })
}
