//! PostgreSQL refuses to run as root, and so do others: then they run as somebody else.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// Those that may stand in, the first one preferred.
const OTHERS: [&str; 2] = ["postgres", "nobody"];

/// Who runs the server.
#[derive(Clone, Copy, Debug)]
pub enum Account {
    /// Whoever runs the tests.
    Own,
    /// Somebody else, by numbers.
    Other {
        /// Number of the user.
        user: u32,
        /// Number of the group.
        group: u32,
    },
}

impl Account {
    /// Somebody who may run a server.
    ///
    /// # Errors
    /// When this is root, and there is nobody else.
    pub fn choose() -> Result<Self> {
        if fs::metadata("/proc/self").map_or_else(|_| false, |own| own.uid() == 0) {
            let accounts = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
            let found = OTHERS.iter().find_map(|name| find(&accounts, name));
            let (user, group) = found.context("there is neither a user postgres nor a user nobody")?;
            return Ok(Self::Other { user, group });
        }
        Ok(Self::Own)
    }

    /// Whether that is whoever runs the tests.
    #[must_use]
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Own)
    }

    /// Gives a file or directory to it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn own(self, directory: &Path) -> Result<()> {
        if let Self::Other { user, group } = self {
            chown(directory, Some(user), Some(group))
                .with_context(|| format!("cannot give {} away", directory.display()))?;
        }
        Ok(())
    }

    /// A program, run by it.
    #[must_use]
    pub fn command(self, program: &Path) -> Vec<String> {
        let program = program.display().to_string();
        match self {
            Self::Own => vec![program],
            Self::Other { user, group } => {
                ["setpriv", "--reuid", &user.to_string(), "--regid", &group.to_string()]
                    .map(str::to_owned)
                    .into_iter()
                    .chain(["--clear-groups".to_owned(), program])
                    .collect()
            }
        }
    }

    /// A program to be run by it in `directory`, as [`Command`].
    #[must_use]
    pub fn run(self, program: &Path, directory: &Path) -> Command {
        let words = self.command(program);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(directory);
        command
    }
}

fn find(accounts: &str, name: &str) -> Option<(u32, u32)> {
    let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let account = fields.into_iter().find(|fields| fields[0] == name)?;
    Some((account.get(2)?.parse().ok()?, account.get(3)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn an_account_is_found_by_its_name() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:nobody:/:/usr/sbin/nologin\n";
        assert_eq!(find(accounts, "nobody"), Some((65534, 65533)));
        assert_eq!(find(accounts, "postgres"), None);
    }
}
