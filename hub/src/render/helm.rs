//! One run of `helm template`, fenced in.

use super::files::{self, SourceFile};
use super::{Limits, RenderError, RenderRequest};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// What charts see as `.Capabilities.KubeVersion`: the version whose kinds Shipper knows. Rendering asks no cluster.
const KUBE_VERSION: &str = "v1.35.0";
/// Enough for any message of Helm; the rest of a longer one helps nobody.
const WORDS_BYTES: u64 = 4096;
/// Nothing listens on the discard port: Go's HTTP client, told to go through it, reaches nobody. Charts can make Helm fetch
/// (remote references in `values.schema.json`).
const NO_WAY_OUT: &str = "http://127.0.0.1:9";

/// The `helm` of `PATH`.
pub(super) fn in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("helm")).find(|helm| helm.is_file())
}

pub(super) struct Run<'a> {
    pub(super) helm: &'a Path,
    pub(super) limits: &'a Limits,
    pub(super) work_dir: &'a Path,
    pub(super) request: &'a RenderRequest,
}

impl Run<'_> {
    /// Renders the chart.
    pub(super) async fn template(&self, files: &[SourceFile]) -> Result<Vec<u8>, RenderError> {
        let folder = self.prepare(files)?;
        let mut child = self.command(folder.path()).spawn().map_err(RenderError::Run)?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(RenderError::Run(std::io::Error::other("it has no output")));
        };
        let run = async {
            // The first that fails ends both: a Helm that has too much to say would never finish saying it.
            let (rendered, words) =
                tokio::try_join!(rendered(stdout, self.limits.output_bytes), words(stderr))?;
            let status = child.wait().await.map_err(RenderError::Run)?;
            if status.success() { Ok(rendered) } else { Err(refusal(&words, folder.path())) }
        };
        // Dropping the child kills it.
        match tokio::time::timeout(self.limits.time, run).await {
            Ok(result) => result,
            Err(_) => Err(RenderError::TimedOut { limit: self.limits.time }),
        }
    }

    fn prepare(&self, files: &[SourceFile]) -> Result<TempDir, RenderError> {
        let failed = |source| RenderError::WorkDir { doing: "preparing to render", source };
        std::fs::create_dir_all(self.work_dir).map_err(failed)?;
        let folder = tempfile::Builder::new().prefix("render-").tempdir_in(self.work_dir).map_err(failed)?;
        for sub in ["home", "chart"] {
            std::fs::create_dir(folder.path().join(sub)).map_err(failed)?;
        }
        files::write_chart(files, &folder.path().join("chart"))?;
        let values = Value::Object(self.request.values.clone());
        std::fs::write(folder.path().join("values.json"), values.to_string()).map_err(failed)?;
        Ok(folder)
    }

    fn command(&self, folder: &Path) -> Command {
        let home = folder.join("home");
        let application = &self.request.application;
        let mut command = Command::new(self.helm);
        command
            .args(["template", &application.name])
            .arg(folder.join("chart"))
            .args(["--namespace", &application.namespace, "--values"])
            .arg(folder.join("values.json"))
            .args(["--include-crds", "--no-hooks", "--kube-version", KUBE_VERSION])
            .current_dir(folder)
            .env_clear()
            .envs([
                ("HOME", &home),
                ("XDG_CACHE_HOME", &home),
                ("XDG_CONFIG_HOME", &home),
                ("XDG_DATA_HOME", &home),
            ])
            .envs([("HELM_CACHE_HOME", &home), ("HELM_CONFIG_HOME", &home), ("HELM_DATA_HOME", &home)])
            .env("HELM_PLUGINS", home.join("plugins"))
            .env("KUBECONFIG", home.join("kubeconfig"))
            .envs([("HTTP_PROXY", NO_WAY_OUT), ("HTTPS_PROXY", NO_WAY_OUT)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

async fn rendered(from: impl AsyncRead + Unpin, limit: usize) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    from.take(limit as u64 + 1).read_to_end(&mut bytes).await.map_err(RenderError::Run)?;
    if bytes.len() <= limit { Ok(bytes) } else { Err(RenderError::OutputTooLarge { limit }) }
}

/// The beginning; the rest is read and forgotten, so that the writer does not wait.
async fn words(mut from: impl AsyncRead + Unpin) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    (&mut from).take(WORDS_BYTES).read_to_end(&mut bytes).await.map_err(RenderError::Run)?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await.map_err(RenderError::Run)?;
    Ok(bytes)
}

/// Helm's own words: from its error on, without the folder of this run and the hint at a flag nobody can set here.
fn refusal(words: &[u8], folder: &Path) -> RenderError {
    let words = String::from_utf8_lossy(words);
    let words = words.find("Error: ").map_or(&*words, |at| &words[at + "Error: ".len()..]);
    let words = words
        .replace("Use --debug flag to render out invalid YAML", "")
        .replace(&format!("{}/", folder.display()), "");
    let words = match words.trim() {
        "" => "helm failed without a word".to_owned(),
        words => words.to_owned(),
    };
    if words.contains("missing in charts/ directory") {
        RenderError::MissingDependencies { words }
    } else {
        RenderError::Helm { words }
    }
}
