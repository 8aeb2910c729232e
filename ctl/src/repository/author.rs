//! Who commits: whom `git commit` would name here.

use std::path::Path;

use git2::{Config, Repository};
use jiff::Zoned;
use shipper_git::Identity;

use super::RepositoryError;

/// The author: `given` if there is one, else what git's environment and configuration say in the work tree at `directory`,
/// or for the user.
///
/// # Errors
/// When nobody is named.
pub fn author(
    given: Option<&(String, String)>,
    directory: Option<&Path>,
    now: &Zoned,
) -> Result<Identity, RepositoryError> {
    let (name, email) = match given {
        Some(given) => given.clone(),
        None => {
            let config = directory
                .and_then(|path| Repository::open(path).ok())
                .and_then(|repository| repository.config().ok())
                .or_else(|| Config::open_default().ok());
            let setting = |variable: &str, key: &str| {
                std::env::var(variable)
                    .ok()
                    .filter(|value| !value.is_empty())
                    .or_else(|| config.as_ref().and_then(|config| config.get_string(key).ok()))
                    .ok_or(RepositoryError::NoAuthor)
            };
            (setting("GIT_AUTHOR_NAME", "user.name")?, setting("GIT_AUTHOR_EMAIL", "user.email")?)
        }
    };
    Ok(Identity {
        name,
        email,
        seconds: now.timestamp().as_second(),
        offset_minutes: now.offset().seconds() / 60,
    })
}

/// `Name <mail>` in its parts.
///
/// # Errors
/// When it is of another form; the message says which.
pub fn parse_author(text: &str) -> Result<(String, String), String> {
    text.trim()
        .strip_suffix('>')
        .and_then(|text| text.split_once('<'))
        .map(|(name, email)| (name.trim().to_owned(), email.trim().to_owned()))
        .filter(|(name, email)| !name.is_empty() && !email.is_empty())
        .ok_or_else(|| "write it as \"Name <mail>\"".to_owned())
}
