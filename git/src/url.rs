//! Where a repository is: a strict grammar, so that no URL can smuggle an option into a command line, a control
//! character into a request, or a password into an error message.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use reqwest::Url;

use crate::config::{Credentials, Secret};

/// Why a string is not the address of a repository.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UrlError {
    /// Nothing was given.
    #[error("the repository URL is empty")]
    Empty,
    /// A control character or a space is inside.
    #[error("the repository URL contains a control character or a space; remove it")]
    Character,
    /// A part begins with a dash and would be read as an option.
    #[error("{part} of the repository URL begins with '-', which is not allowed")]
    LeadingDash {
        /// `host`, `user` or `path`.
        part: &'static str,
    },
    /// The scheme is none of file, http, https, ssh.
    #[error("repository URL scheme {scheme:?} is not supported; use https, ssh, http, file or a path")]
    Scheme {
        /// The scheme as written.
        scheme: String,
    },
    /// The URL does not parse.
    #[error("the repository URL is malformed: {reason}")]
    Malformed {
        /// What is wrong, without the URL itself.
        reason: String,
    },
    /// A query or fragment is present.
    #[error("the repository URL has a query or fragment; give credentials apart from the URL")]
    QueryOrFragment,
}

/// The address of a repository. `Display` never shows a password or token.
#[derive(Clone, PartialEq, Eq)]
pub enum RepositoryUrl {
    /// A directory on this machine.
    Local(PathBuf),
    /// Smart HTTP; the URL carries no user information.
    Http {
        /// The URL without user information.
        url: Url,
        /// What the user information said, if there was any.
        credentials: Credentials,
    },
    /// OpenSSH.
    Ssh(SshUrl),
}

/// The parts of an SSH address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshUrl {
    /// Login name; the one ssh would choose if absent.
    pub user: Option<String>,
    /// Host name or address, without brackets.
    pub host: String,
    /// Port; ssh's own default if absent.
    pub port: Option<u16>,
    /// Path as the server sees it.
    pub path: String,
}

impl FromStr for RepositoryUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(UrlError::Character);
        }
        if text.starts_with('-') {
            return Err(UrlError::LeadingDash { part: "path" });
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" => http(text),
                "ssh" | "git+ssh" | "ssh+git" => ssh(&format!("ssh://{rest}")),
                "file" => file(text),
                _ => Err(UrlError::Scheme { scheme: scheme.to_owned() }),
            };
        }
        if let Some((helper, _)) = text.split_once("::") {
            return Err(UrlError::Scheme { scheme: helper.to_owned() });
        }
        match text.split_once(':') {
            Some((host, path)) if !host.contains('/') => scp_like(host, path),
            _ => Ok(Self::Local(PathBuf::from(text))),
        }
    }
}

fn parse(text: &str) -> Result<Url, UrlError> {
    if text.contains(char::is_whitespace) {
        return Err(UrlError::Character);
    }
    Url::parse(text).map_err(|e| UrlError::Malformed { reason: e.to_string() })
}

fn decoded(part: &str) -> Result<String, UrlError> {
    let bytes = percent_decode(part.as_bytes());
    let text = String::from_utf8(bytes).map_err(|_| UrlError::Character)?;
    if text.chars().any(char::is_control) { Err(UrlError::Character) } else { Ok(text) }
}

fn percent_decode(bytes: &[u8]) -> Vec<u8> {
    let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        let pair = (bytes.get(i + 1).copied().and_then(hex), bytes.get(i + 2).copied().and_then(hex));
        if let (b'%', (Some(high), Some(low))) = (b, pair) {
            out.push(high * 16 + low);
            i += 3;
        } else {
            out.push(b);
            i += 1;
        }
    }
    out
}

fn http(text: &str) -> Result<RepositoryUrl, UrlError> {
    let mut url = parse(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::QueryOrFragment);
    }
    let user = decoded(url.username())?;
    let password = url.password().map(decoded).transpose()?;
    let credentials = match (user.is_empty(), password) {
        (true, None) => Credentials::None,
        (_, password) => Credentials::Basic { user, password: Secret::new(password.unwrap_or_default()) },
    };
    // Both fail only for URLs without a host, which http does not allow.
    let stripped = url.set_username("").and_then(|()| url.set_password(None));
    if stripped.is_err() || url.host_str().is_none_or(str::is_empty) {
        return Err(UrlError::Malformed { reason: "no host".to_owned() });
    }
    Ok(RepositoryUrl::Http { url, credentials })
}

fn file(text: &str) -> Result<RepositoryUrl, UrlError> {
    let url = parse(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::QueryOrFragment);
    }
    if url.host_str().is_some_and(|h| !h.is_empty() && h != "localhost") {
        return Err(UrlError::Malformed { reason: "file:// names another host".to_owned() });
    }
    Ok(RepositoryUrl::Local(PathBuf::from(decoded(url.path())?)))
}

fn ssh(text: &str) -> Result<RepositoryUrl, UrlError> {
    let url = parse(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::QueryOrFragment);
    }
    if url.password().is_some() {
        return Err(UrlError::Malformed { reason: "ssh takes keys, not a password in the URL".to_owned() });
    }
    let user = decoded(url.username())?;
    let path = decoded(url.path())?;
    // As in git: /~user/… is relative to that user's home.
    let path = if path.starts_with("/~") { path[1..].to_owned() } else { path };
    let host = decoded(url.host_str().unwrap_or_default())?;
    checked_ssh((!user.is_empty()).then_some(user), &host, url.port(), path)
}

fn scp_like(login: &str, path: &str) -> Result<RepositoryUrl, UrlError> {
    let (user, host) = match login.split_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, login),
    };
    checked_ssh(user, host, None, path.to_owned())
}

fn checked_ssh(
    user: Option<String>,
    host: &str,
    port: Option<u16>,
    path: String,
) -> Result<RepositoryUrl, UrlError> {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let malformed = |reason: &str| Err(UrlError::Malformed { reason: reason.to_owned() });
    for (part, value) in [("host", host.as_str()), ("user", user.as_deref().unwrap_or("x")), ("path", &path)]
    {
        if value.starts_with('-') {
            return Err(UrlError::LeadingDash { part });
        }
        if value.is_empty() {
            return malformed(&format!("no {part}"));
        }
    }
    if !host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:%".contains(c)) {
        return malformed("the host has characters that no host name has");
    }
    let name = user.as_deref().unwrap_or_default();
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-+@".contains(c)) {
        return malformed("the user has characters that no login name has");
    }
    Ok(RepositoryUrl::Ssh(SshUrl { user, host, port, path }))
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Http { url, .. } => write!(f, "{url}"),
            Self::Ssh(SshUrl { user, host, port, path }) => {
                f.write_str("ssh://")?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                if host.contains(':') {
                    write!(f, "[{host}]")?;
                } else {
                    f.write_str(host)?;
                }
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                if !path.starts_with('/') {
                    f.write_str("/")?;
                }
                f.write_str(path)
            }
        }
    }
}

impl fmt::Debug for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoryUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<RepositoryUrl>().unwrap().to_string()
    }

    #[test]
    fn every_form_is_understood() {
        assert_eq!("/srv/fleet.git".parse(), Ok(RepositoryUrl::Local("/srv/fleet.git".into())));
        assert_eq!("file:///srv/my%20fleet".parse(), Ok(RepositoryUrl::Local("/srv/my fleet".into())));
        assert_eq!(shown("git@host.example:team/fleet.git"), "ssh://git@host.example/team/fleet.git");
        let RepositoryUrl::Ssh(ssh) = "ssh://git@[::1]:2222/~me/fleet".parse().unwrap() else { panic!() };
        assert_eq!((ssh.host.as_str(), ssh.port, ssh.path.as_str()), ("::1", Some(2222), "~me/fleet"));
    }

    #[test]
    fn passwords_and_tokens_are_never_shown() {
        let url: RepositoryUrl = "https://me:s3cr%20et@git.example/fleet.git".parse().unwrap();
        assert!(!format!("{url} {url:?}").contains("s3cr"));
        let RepositoryUrl::Http { credentials: Credentials::Basic { user, password }, .. } = url else {
            panic!()
        };
        assert_eq!((user.as_str(), password.reveal()), ("me", "s3cr et"));
        assert!(!shown("https://token@git.example/fleet.git").contains("token"));
    }

    #[test]
    fn smuggling_is_refused() {
        for bad in [
            "",
            "-oProxyCommand=x",
            "ssh://-oProxyCommand=x/repo",
            "-x@host:repo",
            "git@-host:repo",
            "host:-path",
            "ext::sh -c true",
            "git://host/repo",
            "https://host/repo?private_token=x",
            "https://host/re\npo",
            "ssh://host/re%0apo",
            "a b@host:x",
            "file://elsewhere/srv",
        ] {
            assert!(bad.parse::<RepositoryUrl>().is_err(), "{bad:?} was accepted");
        }
    }
}
