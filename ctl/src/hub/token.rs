//! The token with which the hub is read: from a file or the environment, never from the command line, where others see it. It is sent to
//! the hub that was named; an answer that leads to another host takes it along to nobody.

use std::fs;

use reqwest::blocking::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};

use super::HubError;
use crate::cli::Global;

/// Holds a token itself.
const VARIABLE: &str = "SHIPPER_TOKEN";

/// A read token, as it is sent; it is never shown.
#[derive(Clone)]
pub(super) struct Token(HeaderValue);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The one that the command line or the environment names; `None` = there is none. A file that is named comes first.
    pub(super) fn of(global: &Global) -> Result<Option<Self>, HubError> {
        let (place, text) = match (&global.token_file, std::env::var(VARIABLE)) {
            (Some(file), _) => {
                let place = file.display().to_string();
                match fs::read_to_string(file) {
                    Ok(text) => (place, text),
                    Err(error) => return Err(HubError::Token { place, reason: error.to_string() }),
                }
            }
            (None, Ok(text)) if !text.trim().is_empty() => (VARIABLE.to_owned(), text),
            (None, _) => return Ok(None),
        };
        match text.trim() {
            "" => Err(HubError::Token { place, reason: "it is empty".to_owned() }),
            token => match HeaderValue::from_str(&format!("Bearer {token}")) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    Ok(Some(Self(value)))
                }
                Err(_) => Err(HubError::Token {
                    place,
                    reason: "it is more than one line of plain text".to_owned(),
                }),
            },
        }
    }
}

/// The request with the token, where there is one.
pub(super) fn with(request: RequestBuilder, token: Option<&Token>) -> RequestBuilder {
    match token {
        Some(Token(value)) => request.header(AUTHORIZATION, value.clone()),
        None => request,
    }
}
