//! The files that are rendered: written out for Helm, or strung together where they are plain manifests.

use super::RenderError;
use shipper_core::yaml;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Component, Path};

/// A file by its path relative to the chart or the folder of manifests, with `/` between the parts.
pub type SourceFile = (String, Vec<u8>);

/// Writes the files of a chart below `folder`, and nowhere else.
pub(super) fn write_chart(files: &[SourceFile], folder: &Path) -> Result<(), RenderError> {
    let failed = |source| RenderError::WorkDir { doing: "writing the chart", source };
    if !files.iter().any(|(path, _)| path == "Chart.yaml") {
        return Err(RenderError::NoChart);
    }
    for (path, contents) in files {
        if let Some(reason) = unusable(path) {
            return Err(RenderError::Path { path: path.clone(), reason });
        }
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut file = match fs::File::create_new(&target) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(RenderError::Path { path: path.clone(), reason: "it is there twice" });
            }
            Err(error) => return Err(failed(error)),
        };
        file.write_all(contents).map_err(failed)?;
    }
    Ok(())
}

/// Why a path cannot be one below a folder.
pub(super) fn unusable(path: &str) -> Option<&'static str> {
    if path.is_empty() || path.contains(['\\', '\0']) {
        return Some("it is empty, or has a backslash or NUL in it");
    }
    let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    (!inside).then_some("it leads out of the chart")
}

/// Plain manifests as one stream, in the order of their paths.
pub(super) fn concatenated(files: &[SourceFile], limit: usize) -> Result<Vec<u8>, RenderError> {
    let files: BTreeMap<&str, &[u8]> = files
        .iter()
        .filter(|(path, _)| [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending)))
        .map(|(path, contents)| (path.as_str(), contents.as_slice()))
        .collect();
    if files.is_empty() {
        return Err(RenderError::NoManifests);
    }
    let mut documents = Vec::new();
    let mut bytes = 0;
    for (path, contents) in files {
        bytes += contents.len();
        if bytes > limit {
            return Err(RenderError::OutputTooLarge { limit });
        }
        // File by file, so that the message names the file and its own lines.
        let read = yaml::read_documents(contents);
        documents.extend(read.map_err(|source| RenderError::Manifest { path: path.to_owned(), source })?);
    }
    yaml::write_documents(&documents).map_err(|source| RenderError::Problem(source.into()))
}
