//! A chart's archive as files in memory: nothing it says is ever a path on this machine before it is checked.

use super::super::files::{self, SourceFile};
use flate2::read::GzDecoder;
use std::io::{self, Read};
use std::path::PathBuf;
use tar::{Archive, EntryType};

/// Far more than any chart has.
const MOST_FILES: usize = 10_000;

/// Why an archive is not taken.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// No `.tgz`, or a damaged one.
    #[error("it is no gzipped tar archive, or a damaged one: {0}")]
    Damaged(#[from] io::Error),
    /// Unpacked too large.
    #[error("it unpacks to more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Too many files.
    #[error("it has more than {MOST_FILES} files")]
    TooMany,
    /// Links, devices and the like.
    #[error("{path:?} is neither a file nor a folder")]
    NotAFile {
        /// Its path.
        path: String,
    },
    /// A path that leads elsewhere.
    #[error("{path:?} cannot be unpacked: {reason}")]
    Path {
        /// The path.
        path: String,
        /// Why not.
        reason: &'static str,
    },
    /// More than the chart's folder.
    #[error("it has more than one folder at the top: {first:?} and {second:?}")]
    SeveralFolders {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
}

/// Unpacks a chart's archive; paths are relative to its one top folder.
///
/// # Errors
/// When it is damaged, larger than `limit` bytes unpacked, or holds anything but files and folders below one top folder.
pub fn unpack(archive: &[u8], limit: u64) -> Result<Vec<SourceFile>, UnpackError> {
    // What is read from the decoder is bounded too, whatever the headers say; with room for the headers themselves.
    let headers = MOST_FILES as u64 * 2048;
    let mut archive = Archive::new(GzDecoder::new(archive).take(limit + headers));
    let mut unpacked = Vec::new();
    let mut top: Option<String> = None;
    let mut bytes = 0;
    for (count, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        if count >= MOST_FILES {
            return Err(UnpackError::TooMany);
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            _ => return Err(UnpackError::NotAFile { path }),
        }
        let (folder, relative) = split(&path)?;
        match &top {
            None => top = Some(folder),
            Some(first) if *first != folder => {
                return Err(UnpackError::SeveralFolders { first: first.clone(), second: folder });
            }
            Some(_) => {}
        }
        let mut contents = Vec::new();
        bytes = entry.size().saturating_add(bytes);
        if bytes > limit {
            return Err(UnpackError::TooLarge { limit });
        }
        entry.read_to_end(&mut contents)?;
        unpacked.push((relative, contents));
    }
    Ok(unpacked)
}

fn split(path: &str) -> Result<(String, String), UnpackError> {
    let refused = |reason| UnpackError::Path { path: path.to_owned(), reason };
    // `tar` writes `./chart/Chart.yaml` when it is told to pack `.`.
    let clean = path.strip_prefix("./").unwrap_or(path);
    if let Some(reason) = files::unusable(clean) {
        return Err(refused(reason));
    }
    let (folder, relative) =
        clean.split_once('/').ok_or_else(|| refused("it is not in the chart's folder"))?;
    // Parts are compared and joined as written, without doubled slashes.
    let relative: PathBuf = PathBuf::from(relative).components().collect();
    Ok((folder.to_owned(), relative.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};

    fn packed(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, kind, contents) in entries {
            let mut header = Header::new_gnu();
            // Written past the library, which refuses the paths that matter here.
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(contents.len() as u64);
            if *kind == EntryType::Symlink {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *contents).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn refusal(entries: &[(&str, EntryType, &[u8])]) -> String {
        unpack(&packed(entries), 1 << 20).unwrap_err().to_string()
    }

    #[test]
    fn files_are_relative_to_the_one_folder() {
        let archive = packed(&[
            ("shop/", EntryType::Directory, b""),
            ("shop/Chart.yaml", EntryType::Regular, b"name: shop"),
            ("./shop/templates//a.yaml", EntryType::Regular, b"a: 1"),
        ]);
        let files = unpack(&archive, 1 << 20).unwrap();
        assert_eq!(
            files,
            [
                ("Chart.yaml".to_owned(), b"name: shop".to_vec()),
                ("templates/a.yaml".to_owned(), b"a: 1".to_vec())
            ]
        );
    }

    #[test]
    fn nothing_leads_out() {
        for path in ["../evil", "shop/../../evil", "/etc/evil", "shop/..", "shop\\..\\evil"] {
            let message = refusal(&[(path, EntryType::Regular, b"x")]);
            assert!(message.contains("cannot be unpacked"), "{path}: {message}");
        }
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char] {
            assert_eq!(refusal(&[("shop/l", kind, b"")]), "\"shop/l\" is neither a file nor a folder");
        }
    }

    #[test]
    fn one_folder_only() {
        let two: &[(&str, EntryType, &[u8])] =
            &[("a/Chart.yaml", EntryType::Regular, b""), ("b/Chart.yaml", EntryType::Regular, b"")];
        assert_eq!(refusal(two), "it has more than one folder at the top: \"a\" and \"b\"");
        assert!(refusal(&[("Chart.yaml", EntryType::Regular, b"")]).contains("not in the chart's folder"));
    }

    #[test]
    fn bombs_and_rubbish() {
        let zeros = vec![0; 4 << 20];
        let bomb = packed(&[("a/zeros", EntryType::Regular, &zeros)]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(unpack(&bomb, 1 << 20).unwrap_err().to_string(), "it unpacks to more than 1048576 bytes");
        let many: Vec<String> = (0..=MOST_FILES).map(|i| format!("a/{i}")).collect();
        let many: Vec<(&str, EntryType, &[u8])> =
            many.iter().map(|path| (path.as_str(), EntryType::Regular, b"".as_slice())).collect();
        assert_eq!(unpack(&packed(&many), 64 << 20).unwrap_err().to_string(), "it has more than 10000 files");
        assert!(
            unpack(b"<html>", 1 << 20).unwrap_err().to_string().starts_with("it is no gzipped tar archive")
        );
        let whole = packed(&[("a/Chart.yaml", EntryType::Regular, &[7; 5000])]);
        assert!(matches!(unpack(&whole[..whole.len() / 2], 1 << 20), Err(UnpackError::Damaged(_))));
    }
}
