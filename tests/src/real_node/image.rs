//! The images of a real node: `shipper-test-web` with the libraries it needs, under the names that tests ask for.
//!
//! No registry is asked for them. Their format is that of `docker save`, which every container runtime imports.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::daemon;

/// What holds the namespaces of a pod.
pub(super) const PAUSE: &str = "localhost/pause:1";
/// The server, under the tags of the versions that it can be asked to be.
const WEB: &str = "registry.example/shop";
const TAGS: [&str; 8] = ["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8"];
const PROGRAM: &str = "shipper-test-web";
/// Nobody, so that a pod may ask for not being root.
const USER: &str = "65532:65532";

/// Writes an archive with all of them.
pub(super) fn write(archive: &Path) -> Result<()> {
    let layer = layer()?;
    let digest = hex(&layer);
    let layer_path = format!("{digest}/layer.tar");
    let web: Vec<String> = TAGS.iter().map(|tag| format!("{WEB}:{tag}")).collect();
    let web = (config(&digest, &["/web"]), json!(web));
    let pause = (config(&digest, &["/web", "pause"]), json!([PAUSE]));
    let mut images = Vec::new();
    let mut files = vec![(layer_path.clone(), layer)];
    for (config, names) in [web, pause] {
        let config = config.to_string().into_bytes();
        let path = format!("{}.json", hex(&config));
        images.push(json!({"Config": path, "RepoTags": names, "Layers": [layer_path]}));
        files.push((path, config));
    }
    files.push(("manifest.json".to_owned(), Value::from(images).to_string().into_bytes()));
    let file = File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let mut tar = Builder::new(file);
    for (path, content) in files {
        append(&mut tar, &path, 0o644, &content)?;
    }
    tar.into_inner()?.flush()?;
    Ok(())
}

fn config(layer: &str, entrypoint: &[&str]) -> Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "WorkingDir": "/", "User": USER},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
    })
}

/// The program and its libraries, at the paths where it looks for them.
fn layer() -> Result<Vec<u8>> {
    let program = daemon::binary(PROGRAM)?;
    let mut tar = Builder::new(Vec::new());
    append(&mut tar, "web", 0o755, &fs::read(&program)?)?;
    for library in libraries(&program)? {
        let content = fs::read(&library).with_context(|| format!("cannot read {}", library.display()))?;
        append(&mut tar, &library.to_string_lossy(), 0o755, &content)?;
    }
    Ok(tar.into_inner()?)
}

fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("cannot run ldd")?;
    ensure!(output.status.success(), "ldd {}: {}", program.display(), output.status);
    // `libc.so.6 => /lib/…/libc.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(words.map(PathBuf::from).collect())
}

fn append<W: Write>(tar: &mut Builder<W>, path: &str, mode: u32, content: &[u8]) -> Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_size(u64::try_from(content.len())?);
    tar.append_data(&mut header, path.trim_start_matches('/'), content)?;
    Ok(())
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
