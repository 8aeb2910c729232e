//! Credentials for HTTP, from where git itself takes them: the helpers a person has configured; else the token that the environment holds
//! for the host of the fleet repository, as a pipeline has one.

use std::io::Write;
use std::process::{Command, Stdio};

use shipper_git::{Credentials, RepositoryUrl, Secret};

/// The user that goes with a token; hosts that have several kinds of tokens tell them apart by themselves.
const USER: &str = "x-access-token";

/// What git's credential helpers know for the address, or else `token`. Nothing where there is neither, or no answer without asking a
/// person: then the server says what it misses.
pub(super) fn known(url: &RepositoryUrl, token: Option<&Secret>) -> Credentials {
    let RepositoryUrl::Http { url, credentials: Credentials::None } = url else { return Credentials::None };
    let token = || token.map(|token| Credentials::Basic { user: USER.to_owned(), password: token.clone() });
    ask(url.as_str()).or_else(token).unwrap_or_default()
}

fn ask(url: &str) -> Option<Credentials> {
    let mut git = Command::new("git")
        .args(["credential", "fill"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    git.stdin.take()?.write_all(format!("url={url}\n\n").as_bytes()).ok()?;
    let output = git.wait_with_output().ok().filter(|output| output.status.success())?;
    let answer = String::from_utf8(output.stdout).ok()?;
    let field = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let (user, password) = (field("username")?, field("password")?);
    let known = !user.is_empty() && !password.is_empty();
    known.then(|| Credentials::Basic { user: user.to_owned(), password: Secret::new(password) })
}
