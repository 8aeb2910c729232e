//! Kinds of Git hosts: recognised by their name, by what they answer, or by what the person says.

use std::time::Duration;

use shipper_git::{RepositoryUrl, Secret};

use crate::http;

/// How long a host is asked what it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    GitHub,
    GitLab,
    /// Gitea and Forgejo, which have the same API.
    Gitea,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "github" => Some(Self::GitHub),
            "gitlab" => Some(Self::GitLab),
            "gitea" | "forgejo" => Some(Self::Gitea),
            _ => None,
        }
    }

    /// As people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Gitea => "Gitea or Forgejo",
        }
    }

    /// By the name of the host.
    fn of_name(host: &str) -> Option<Self> {
        let has = |words: &[&str]| words.iter().any(|word| host.contains(word));
        if has(&["github"]) {
            Some(Self::GitHub)
        } else if has(&["gitlab"]) {
            Some(Self::GitLab)
        } else if has(&["gitea", "forgejo", "codeberg"]) {
            Some(Self::Gitea)
        } else {
            None
        }
    }

    /// The variables that hold a token for it, the general one first.
    pub(super) fn variables(self) -> &'static [&'static str] {
        match self {
            Self::GitHub => &["SHIPPER_GIT_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"],
            Self::GitLab => &["SHIPPER_GIT_TOKEN", "GITLAB_TOKEN"],
            Self::Gitea => &["SHIPPER_GIT_TOKEN", "GITEA_TOKEN", "FORGEJO_TOKEN"],
        }
    }
}

/// A repository on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) kind: Kind,
    /// Where its pages are, without a slash at the end.
    pub(super) base: String,
    /// Owner and name, `shop/fleet`; on GitLab with all groups.
    pub(super) project: String,
}

impl Host {
    /// The host of a repository. `said`: what the person says it is. A name that says nothing is asked.
    pub(super) fn of(repository: &RepositoryUrl, said: Option<&str>) -> Option<Self> {
        let (base, name, path) = match repository {
            RepositoryUrl::Local(_) => return None,
            RepositoryUrl::Http { url, .. } => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let name = url.host_str()?.to_owned();
                (format!("{}://{name}{port}", url.scheme()), name, url.path().to_owned())
            }
            // Where the pages of a host with SSH are is not in its address; nearly always it is its name.
            RepositoryUrl::Ssh(ssh) => (format!("https://{}", ssh.host), ssh.host.clone(), ssh.path.clone()),
        };
        let project = path.trim_matches('/').trim_end_matches(".git").trim_start_matches("~/").to_owned();
        if !project.contains('/') {
            return None;
        }
        let kind = match said {
            Some(said) => Kind::parse(said)?,
            None => Kind::of_name(&name).or_else(|| ask(&base))?,
        };
        Some(Self { kind, base, project })
    }

    /// Where its API is.
    pub(super) fn api(&self) -> String {
        let base = &self.base;
        match self.kind {
            Kind::GitHub if base == "https://github.com" => "https://api.github.com".to_owned(),
            Kind::GitHub => format!("{base}/api/v3"),
            Kind::GitLab => format!("{base}/api/v4"),
            Kind::Gitea => format!("{base}/api/v1"),
        }
    }

    /// Where in its API the repository is.
    pub(super) fn repository(&self) -> String {
        match self.kind {
            Kind::GitHub | Kind::Gitea => format!("{}/repos/{}", self.api(), self.project),
            Kind::GitLab => format!("{}/projects/{}", self.api(), encode(&self.project)),
        }
    }

    /// Where a person opens a pull request from a branch to `main`.
    pub(super) fn link(&self, branch: &str) -> String {
        let (base, project) = (&self.base, &self.project);
        let branch = encode(branch);
        match self.kind {
            Kind::GitHub => format!("{base}/{project}/compare/main...{branch}?expand=1"),
            Kind::GitLab => format!(
                "{base}/{project}/-/merge_requests/new?merge_request%5Bsource_branch%5D={branch}&merge_request%5Btarget_branch%5D=main"
            ),
            Kind::Gitea => format!("{base}/{project}/compare/main...{branch}"),
        }
    }

    /// The token for it that the environment holds.
    pub(super) fn token(&self, setting: &dyn Fn(&str) -> Option<String>) -> Option<Secret> {
        self.kind.variables().iter().find_map(|name| setting(name)).map(Secret::new)
    }
}

/// What a host answers at the addresses where only one kind has something to say.
fn ask(base: &str) -> Option<Kind> {
    let client = http::client(PATIENCE).ok()?;
    let answers = |path: &str, fits: &dyn Fn(&str) -> bool| {
        let body = client.get(format!("{base}{path}")).send().and_then(reqwest::blocking::Response::text);
        body.is_ok_and(|body| serde_json::from_str::<serde_json::Value>(&body).is_ok() && fits(&body))
    };
    if answers("/api/v1/version", &|body| body.contains("\"version\"")) {
        return Some(Kind::Gitea);
    }
    if answers("/api/v4/version", &|body| body.contains("401") || body.contains("\"revision\"")) {
        return Some(Kind::GitLab);
    }
    answers("/api/v3/meta", &|body| body.contains("verifiable_password_authentication"))
        .then_some(Kind::GitHub)
}

/// A name as one part of a path or of a query.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(url: &str, said: Option<&str>) -> Option<Host> {
        Host::of(&url.parse().unwrap(), said)
    }

    #[test]
    fn hosts_are_known_by_their_address() {
        for (url, link) in [
            (
                "https://github.com/shop/fleet.git",
                "https://github.com/shop/fleet/compare/main...go%2Fon?expand=1",
            ),
            (
                "git@github.com:shop/fleet.git",
                "https://github.com/shop/fleet/compare/main...go%2Fon?expand=1",
            ),
            (
                "https://gitlab.example.com/shop/eu/fleet",
                "https://gitlab.example.com/shop/eu/fleet/-/merge_requests/new?merge_request%5Bsource_branch%5D=go%2Fon&merge_request%5Btarget_branch%5D=main",
            ),
            (
                "ssh://git@codeberg.org/shop/fleet.git",
                "https://codeberg.org/shop/fleet/compare/main...go%2Fon",
            ),
            (
                "http://gitea.lan:3000/shop/fleet.git",
                "http://gitea.lan:3000/shop/fleet/compare/main...go%2Fon",
            ),
        ] {
            assert_eq!(host(url, None).unwrap().link("go/on"), link);
        }
        let said = host("https://git.example.com/shop/fleet.git", Some("forgejo")).unwrap();
        assert_eq!(said.kind, Kind::Gitea);
        assert_eq!(host("/srv/fleet.git", None), None);
        assert_eq!(host("https://git.example.com/shop/fleet.git", Some("sourceforge")), None);
    }
}
