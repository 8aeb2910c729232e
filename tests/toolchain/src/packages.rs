//! Packages of the distribution, unpacked into a directory of ours: no service starts, no path of the system is touched.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::cache;
use crate::error::{Error, last_lines};

/// Unpacks the packages into `directory`/`name`, unless that is there.
pub(crate) fn unpack(
    directory: &Path,
    name: &str,
    packages: &[&str],
    progress: &mut dyn Write,
) -> Result<(), Error> {
    cache::put(directory, name, progress, |unfinished, progress| {
        let _ = writeln!(progress, "tools: unpacking {}", packages.join(" "));
        let archives = directory.join(format!(".{name}.archives"));
        if archives.exists() {
            fs::remove_dir_all(&archives).map_err(Error::io("remove", &archives))?;
        }
        for directory in [unfinished, &archives] {
            fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
        }
        let download = || run(apt(&["download"]).args(packages).current_dir(&archives), packages);
        // The lists of packages are missing, or older than what the mirror has.
        download().or_else(|_| run(&mut apt(&["update"]), packages).and_then(|()| download()))?;
        for archive in fs::read_dir(&archives).map_err(Error::io("list", &archives))? {
            let archive = archive.map_err(Error::io("list", &archives))?.path();
            run(Command::new("dpkg-deb").arg("--extract").arg(archive).arg(unfinished), packages)?;
        }
        fs::remove_dir_all(&archives).map_err(Error::io("remove", &archives))
    })?;
    Ok(())
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    // Its own user for downloads may not write into our directory.
    command.args(["-q", "-o", "APT::Sandbox::User=root"]).args(arguments);
    command
}

fn run(command: &mut Command, packages: &[&str]) -> Result<(), Error> {
    let output = command.output().map_err(Error::io("run", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(Error::Packages { packages: packages.join(" "), status: output.status, output: last_lines(&said) })
}
