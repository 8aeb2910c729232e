//! Reading the head of an HTTP answer: is it Git that speaks, and if not, what does the server want us to do?

use std::io::Read;
use std::time::Duration;

use reqwest::blocking::Response;
use reqwest::{StatusCode, Url, header};

use super::call::Call;
use super::error::RemoteError;

/// How much of a refusal is shown, in bytes.
const EXCERPT: u64 = 300;

fn text(response: &Response, name: header::HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

/// Passes an answer of the expected content type, and nothing else: a login page is not an empty repository.
pub(super) fn accept(call: &Call, response: Response, wanted: &str) -> Result<Response, RemoteError> {
    let content_type = text(&response, header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(wanted) {
        return Err(RemoteError::NotGit { url: call.url(), content_type });
    }
    match response.content_length() {
        Some(length) if length > call.limits().max_bytes => {
            Err(RemoteError::TooLarge { url: call.url(), limit: call.limits().max_bytes })
        }
        _ => Ok(response),
    }
}

/// The error for an answer that is no success.
pub(super) fn refusal(call: &Call, response: Response) -> RemoteError {
    let url = call.url();
    let status = response.status();
    let retry_after = retry_after(&response);
    let exhausted = text(&response, header::HeaderName::from_static("x-ratelimit-remaining"));
    let limited = match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::SERVICE_UNAVAILABLE => retry_after.is_some(),
        StatusCode::FORBIDDEN => retry_after.is_some() || exhausted.as_deref() == Some("0"),
        _ => false,
    };
    if limited {
        return RemoteError::RateLimited { url, retry_after };
    }
    if status.is_redirection() {
        return RemoteError::Redirected { url, to: target(&response) };
    }
    match status {
        StatusCode::UNAUTHORIZED => RemoteError::Unauthorized { url },
        StatusCode::NOT_FOUND | StatusCode::GONE => RemoteError::NotFound { url },
        StatusCode::FORBIDDEN => RemoteError::Forbidden { url, reason: excerpt(response) },
        _ => RemoteError::Status { url, status: status.as_u16(), reason: excerpt(response) },
    }
}

fn target(response: &Response) -> String {
    let location = text(response, header::LOCATION).unwrap_or_default();
    let Ok(mut url) = Url::parse(&location).or_else(|_| response.url().join(&location)) else {
        return "an unreadable address".to_owned();
    };
    url.set_query(None);
    // Fails only where there is no user information to hide.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.to_string()
}

fn excerpt(response: Response) -> String {
    if !text(&response, header::CONTENT_TYPE).is_some_and(|t| t.starts_with("text/plain")) {
        return "no reason given".to_owned();
    }
    let mut bytes = Vec::new();
    let _ = response.take(EXCERPT).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Seconds, or a date measured against the server's own clock.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = text(response, header::RETRY_AFTER)?;
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let now = date(&text(response, header::DATE)?)?;
    let wait = date(value)?.duration_since(now);
    Some(Duration::try_from(wait).unwrap_or_default())
}
