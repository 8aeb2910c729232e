//! Runs the pipelines of a Gitea, as its own runner does: it is registered there, takes a job as Gitea hands it out, with the token that
//! Gitea made for it, runs its steps with bash, and reports how they ended. It knows `run` and `env` of steps, and expressions that name a
//! value; anything else fails the job.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};
use shipper_core::yaml;
use tokio::process::Command;

use super::Gitea;
use crate::eventually::within;
use crate::scratch::Scratch;

/// Everything happens between two jobs, pushes among them.
const JOB: Duration = Duration::from_secs(60);

/// A runner for one repository.
#[derive(Debug)]
pub struct Runner {
    service: String,
    server: String,
    client: Client,
    uuid: String,
    token: String,
    /// Where the programs are that pipelines use, besides those of the machine.
    programs: PathBuf,
}

/// How a job ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether all its steps went well.
    pub success: bool,
    /// What they printed.
    pub output: String,
}

impl Runner {
    /// Registers one for jobs that run on `docker`.
    ///
    /// # Errors
    /// When Gitea refuses.
    pub async fn register(gitea: &Gitea, repository: &str, programs: &Path) -> Result<Self> {
        let path = format!("/repos/{repository}/actions/runners/registration-token");
        let registration = gitea.administer(reqwest::Method::POST, &path, &Value::Null).await?;
        let mut runner = Self {
            service: format!("{}/api/actions/runner.v1.RunnerService", gitea.url()),
            server: gitea.url().to_owned(),
            client: Client::new(),
            uuid: String::new(),
            token: String::new(),
            programs: programs.to_owned(),
        };
        let asked =
            json!({"name": "test", "token": registration["token"], "version": "0", "labels": ["docker"]});
        let answer = runner.call("Register", &asked).await?;
        let told = |name: &str| answer["runner"][name].as_str().map(str::to_owned).context("not registered");
        (runner.uuid, runner.token) = (told("uuid")?, told("token")?);
        Ok(runner)
    }

    /// Waits for a job, runs it, and reports it.
    ///
    /// # Errors
    /// When none comes within a minute, or one has something that this runner does not know.
    pub async fn run_one(&self) -> Result<Ended> {
        let task = within(JOB, async || {
            let answer = self.call("FetchTask", &json!({"tasksVersion": "0"})).await?;
            answer.get("task").cloned().context("there is no job")
        });
        let task = task.await.map_err(anyhow::Error::msg)?;
        let ended = self.run(&task).await;
        let success = ended.as_ref().is_ok_and(|ended| ended.success);
        let result = if success { "RESULT_SUCCESS" } else { "RESULT_FAILURE" };
        let at = jiff::Timestamp::now().to_string();
        let state =
            json!({"id": task["id"], "result": result, "startedAt": at, "stoppedAt": at, "steps": []});
        self.call("UpdateTask", &json!({"state": state})).await?;
        ended
    }

    async fn run(&self, task: &Value) -> Result<Ended> {
        let workflow = STANDARD.decode(task["workflowPayload"].as_str().context("no workflow")?)?;
        let workflow = yaml::read_documents(&workflow).map_err(|error| anyhow::anyhow!("{error}"))?;
        let workflow = workflow.into_iter().next().context("an empty workflow")?;
        let known = json!({"github": task["context"], "vars": task["vars"], "secrets": task["secrets"]});
        let job = task["context"]["job"].as_str().context("no job")?;
        let steps = workflow["jobs"][job]["steps"].as_array().context("no steps")?;
        let workspace = Scratch::new("pipeline")?;
        let mut ended = Ended { success: true, output: String::new() };
        for step in steps {
            let unknown = step
                .as_object()
                .context("no step")?
                .keys()
                .find(|key| !["name", "run", "env"].contains(&key.as_str()));
            ensure!(unknown.is_none(), "a step with {unknown:?} cannot be run here: {step}");
            let script = resolve(step["run"].as_str().context("a step without run")?, &known)?;
            let mut command = self.prepare(&task["context"], workspace.path());
            for (name, value) in step["env"].as_object().into_iter().flatten() {
                command.env(name, resolve(value.as_str().context("no text")?, &known)?);
            }
            let output = command.arg("-c").arg(script).output().await.context("cannot run bash")?;
            ended.output.push_str(&String::from_utf8_lossy(&output.stdout));
            ended.output.push_str(&String::from_utf8_lossy(&output.stderr));
            if !output.status.success() {
                ended.success = false;
                break;
            }
        }
        Ok(ended)
    }

    /// The shell of a step, with the variables that Gitea's runner sets and nothing of this machine but its programs.
    fn prepare(&self, context: &Value, workspace: &Path) -> Command {
        let text = |name: &str| context[name].as_str().unwrap_or_default().to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
            .current_dir(workspace)
            .env_clear()
            .env("PATH", format!("{}:{path}", self.programs.display()))
            .env("HOME", workspace)
            .env("GITHUB_WORKSPACE", workspace)
            .envs([("CI", "true"), ("GITHUB_ACTIONS", "true"), ("GITEA_ACTIONS", "true")])
            .env("GITHUB_SERVER_URL", &self.server)
            .env("GITHUB_API_URL", format!("{}/api/v1", self.server));
        for name in [
            "actor",
            "base_ref",
            "event_name",
            "head_ref",
            "job",
            "ref",
            "ref_name",
            "repository",
            "sha",
            "workflow",
        ] {
            command.env(format!("GITHUB_{}", name.to_uppercase()), text(name));
        }
        command
    }

    async fn call(&self, method: &str, body: &Value) -> Result<Value> {
        let request = self.client.post(format!("{}/{method}", self.service)).json(body);
        let request = request.header("x-runner-uuid", &self.uuid).header("x-runner-token", &self.token);
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "{method}: {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

/// Replaces `${{ name.of.a.value }}`.
fn resolve(text: &str, known: &Value) -> Result<String> {
    let mut parts = text.split("${{");
    let mut resolved = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").context("an expression without end")?;
        let found = name.trim().split('.').fold(known, |value, key| &value[key]);
        match found {
            Value::String(text) => resolved.push_str(text),
            Value::Number(number) => resolved.push_str(&number.to_string()),
            _ => bail!("nothing is known of {name} in {text}"),
        }
        resolved.push_str(rest);
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_nobody_knows_is_no_empty_text() {
        let known = json!({"github": {"token": "t", "event": {"number": 12}}});
        assert_eq!(resolve("a ${{ github.token }}-${{github.event.number}} b", &known).unwrap(), "a t-12 b");
        assert!(resolve("${{ vars.SHIPPER_HUB }}", &known).is_err());
        assert!(resolve("${{ github.token", &known).is_err());
    }
}
