//! A pull request that is open, for a pipeline that comments on it and says whether it may be merged.

use reqwest::Method;
use serde_json::{Value, json};
use shipper_git::{RepositoryUrl, Secret};

use super::api::{Api, ApiError};
use super::comment;
use super::host::{Host, Kind};

/// Longest description of a status that every host takes, in characters.
const MAX_DESCRIPTION: usize = 140;

/// Why nothing can be said on a pull request.
#[derive(Debug, thiserror::Error)]
pub enum PullRequestError {
    /// The kind of host is not known.
    #[error(
        "it is not known what kind of Git host {repository} is on; say it with SHIPPER_GIT_HOST: github, gitlab, gitea or forgejo"
    )]
    UnknownHost {
        /// The repository.
        repository: String,
    },
    /// There is no token.
    #[error("there is no token for {host}; put one into {variables}")]
    NoToken {
        /// The host.
        host: String,
        /// Where one is looked for.
        variables: String,
    },
    /// Which one is not known.
    #[error(
        "no pipeline says here which pull request is meant (CI_MERGE_REQUEST_IID, or GITHUB_REF=refs/pull/12/…); say it with --post=NUMBER"
    )]
    NoNumber,
    /// The host.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// What is said of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be merged.
    Success,
    /// It must not be merged.
    Failure,
    /// Nothing could be found out.
    Error,
}

/// A pull request that is open.
#[derive(Debug)]
pub struct PullRequest {
    host: Host,
    token: Secret,
    number: u64,
    /// Whether this is a job of its pipeline, which the host shows by itself.
    is_job: bool,
}

impl PullRequest {
    /// The pull request of that number, or of the pipeline that this runs in. `setting`: the environment.
    ///
    /// # Errors
    /// When host, token or number are not known.
    pub fn of(
        repository: &RepositoryUrl,
        number: Option<u64>,
        setting: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, PullRequestError> {
        let said =
            setting("SHIPPER_GIT_HOST").or_else(|| host_of_pipeline(setting).filter(|_| number.is_none()));
        let is_job = number.is_none();
        let number = number.or_else(|| of_pipeline(setting)).ok_or(PullRequestError::NoNumber)?;
        let unknown = || PullRequestError::UnknownHost { repository: repository.to_string() };
        let host = Host::of(repository, said.as_deref()).ok_or_else(unknown)?;
        let no_token = || PullRequestError::NoToken {
            host: host.base.clone(),
            variables: host.kind.variables().join(" or "),
        };
        let token = host.token(setting).ok_or_else(no_token)?;
        Ok(Self { host, token, number, is_job })
    }

    /// The reference under which the host has its newest commit.
    pub fn head(&self) -> String {
        match self.host.kind {
            Kind::GitHub | Kind::Gitea => format!("refs/pull/{}/head", self.number),
            Kind::GitLab => format!("refs/merge-requests/{}/head", self.number),
        }
    }

    /// Makes the one comment that begins with `mark`, or brings it up to date; where it is.
    ///
    /// # Errors
    /// When the host does not answer, or does not want to.
    pub fn comment(&self, mark: &str, body: &str) -> Result<String, PullRequestError> {
        Ok(comment::keep(&self.api()?, self.number, mark, body)?)
    }

    /// Sets a status on a commit of it, or on the newest. In a pipeline of GitLab its job is the status, and nothing is done. `link`: where there
    /// is more to read.
    ///
    /// # Errors
    /// When the host does not answer, or does not want to.
    pub fn status(
        &self,
        commit: Option<&str>,
        context: &str,
        (verdict, description): (Verdict, &str),
        link: Option<&str>,
    ) -> Result<(), PullRequestError> {
        let at_gitlab = self.host.kind == Kind::GitLab;
        if at_gitlab && self.is_job {
            return Ok(());
        }
        let api = self.api()?;
        let repository = self.host.repository();
        let commit = match commit {
            Some(commit) => commit.to_owned(),
            None => {
                let (pulls, newest) =
                    if at_gitlab { ("merge_requests", "/sha") } else { ("pulls", "/head/sha") };
                let url = format!("{repository}/{pulls}/{}", self.number);
                let answer = api.ask(Method::GET, &url, None)?;
                let commit = answer.pointer(newest).and_then(Value::as_str);
                commit.ok_or_else(|| api.unusable(&url, newest))?.to_owned()
            }
        };
        let state = match verdict {
            Verdict::Success => "success",
            Verdict::Failure | Verdict::Error if at_gitlab => "failed",
            Verdict::Failure => "failure",
            Verdict::Error => "error",
        };
        let description: String = description.chars().take(MAX_DESCRIPTION).collect();
        let mut status = json!({"context": context, "state": state, "description": description});
        if let Some(link) = link {
            status["target_url"] = link.into();
        }
        api.ask(Method::POST, &format!("{repository}/statuses/{commit}"), Some(&status))?;
        Ok(())
    }

    fn api(&self) -> Result<Api<'_>, ApiError> {
        Api::of(&self.host, &self.token)
    }
}

/// What pipelines say of the pull request that they run for: GitLab's by itself, those of GitHub, Gitea and Forgejo as a reference.
fn of_pipeline(setting: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |text: &str| text.parse().ok();
    setting("CI_MERGE_REQUEST_IID").as_deref().and_then(number).or_else(|| {
        let reference = setting("GITHUB_REF")?;
        number(reference.strip_prefix("refs/pull/")?.split('/').next()?)
    })
}

/// What pipelines say of the host that they run on, so that one need not be asked that answers nobody without a token. GitHub's own
/// variables are set by others too.
fn host_of_pipeline(setting: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let hosts = [("GITEA_ACTIONS", "gitea"), ("FORGEJO_ACTIONS", "forgejo"), ("GITLAB_CI", "gitlab")];
    let here = hosts.into_iter().find(|(name, _)| setting(name).is_some());
    here.map(|(_, host)| host.to_owned())
}
