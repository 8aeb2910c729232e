//! Packs: how objects reach a store, and how many small ones become one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;

use git2::{PackBuilder, Repository};

/// Every commit and every fetch adds a pack, and every lookup may ask all of them.
const MANY: usize = 64;

/// Writes what `builder` holds into `to`, as one pack.
pub(crate) fn write(builder: &mut PackBuilder<'_>, to: &Repository) -> Result<(), git2::Error> {
    let odb = to.odb()?;
    let mut writer = odb.packwriter()?;
    let mut failed = None;
    let result = builder.foreach(|chunk| match writer.write_all(chunk) {
        Ok(()) => true,
        Err(error) => {
            failed = Some(error);
            false
        }
    });
    if let Some(error) = failed {
        return Err(git2::Error::from_str(&error.to_string()));
    }
    result?;
    writer.commit().map(drop)
}

/// Keeps the number of packs small: once there are many, all that the refs reach goes into one.
///
/// The packs it replaces are removed a round later, so that whoever still reads from them comes to an end first.
#[derive(Default)]
pub(crate) struct Compaction {
    replaced: BTreeSet<OsString>,
}

impl Compaction {
    pub(crate) fn run(&mut self, repo: &Repository) -> Result<(), git2::Error> {
        let dir = repo.path().join("objects/pack");
        let before = packs(&dir);
        if before.difference(&self.replaced).count() < MANY {
            return Ok(());
        }
        let mut walk = repo.revwalk()?;
        walk.push_glob("refs/*")?;
        let mut builder = repo.packbuilder()?;
        builder.insert_walk(&mut walk)?;
        if builder.object_count() == 0 {
            return Ok(());
        }
        write(&mut builder, repo)?;
        for name in std::mem::take(&mut self.replaced) {
            for extension in ["idx", "pack"] {
                let _ = fs::remove_file(dir.join(&name).with_extension(extension));
            }
        }
        // A pack that came out the same as one before is the new one.
        if packs(&dir).difference(&before).next().is_some() {
            self.replaced = before;
        }
        Ok(())
    }
}

fn packs(dir: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .filter(|name| Path::new(name).extension() == Some("pack".as_ref()))
        .collect()
}
