//! One HTTP request, bounded in time and size.

use super::ChartError;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Client, StatusCode, Url, redirect};
use std::time::Duration;

/// As many as a release of a chart on a Git host needs, and some.
const REDIRECTS: usize = 5;

#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client,
}

pub(super) enum Answer {
    New {
        bytes: Vec<u8>,
        /// Of the answer, to ask with next time.
        etag: Option<String>,
    },
    /// What has the ETag asked with is still what there is.
    Unchanged,
}

impl Fetcher {
    pub(super) fn new(time: Duration) -> Result<Self, ChartError> {
        let follow = redirect::Policy::custom(|attempt| {
            if attempt.previous().len() > REDIRECTS {
                attempt.error("too many redirects")
            } else if unusable(attempt.url()).is_some() {
                attempt.error("redirected to an address that cannot be used")
            } else {
                attempt.follow()
            }
        });
        let client = Client::builder()
            .user_agent(concat!("shipper/", env!("CARGO_PKG_VERSION")))
            .redirect(follow)
            .referer(false)
            .connect_timeout(Duration::from_secs(10).min(time))
            .timeout(time)
            .build()
            .map_err(ChartError::Client)?;
        Ok(Self { client })
    }

    pub(super) async fn get(
        &self,
        url: &Url,
        etag: Option<&str>,
        limit: usize,
    ) -> Result<Answer, ChartError> {
        let failed =
            |source: reqwest::Error| ChartError::Fetch { url: url.to_string(), source: source.without_url() };
        let too_large = || ChartError::TooLarge { url: url.to_string(), limit };
        let mut request = self.client.get(url.clone());
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let mut response = request.send().await.map_err(failed)?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
            status if !status.is_success() => {
                return Err(ChartError::Status { url: url.to_string(), status: status.as_u16() });
            }
            _ => {}
        }
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Answer::New { bytes, etag })
    }
}

/// An address relative to a repository's, which is a folder whether or not it ends in a slash.
pub(super) fn join(repo_url: &str, relative: &str) -> Result<Url, ChartError> {
    let refused = |url: &str, reason| ChartError::Url { url: without_password(url), reason };
    if repo_url.starts_with("oci://") || relative.starts_with("oci://") {
        return Err(refused(
            repo_url,
            "charts of OCI registries are not supported yet; use a repository with an index.yaml",
        ));
    }
    let mut base = Url::parse(repo_url).map_err(|_| refused(repo_url, "it is no URL"))?;
    if !base.path().ends_with('/') {
        let folder = format!("{}/", base.path());
        base.set_path(&folder);
    }
    let url = base.join(relative).map_err(|_| refused(relative, "it is no URL"))?;
    match unusable(&base).or_else(|| unusable(&url)) {
        None => Ok(url),
        Some(reason) => Err(refused(url.as_str(), reason)),
    }
}

fn unusable(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Some("only http and https are used");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("credentials do not belong into an address that is committed");
    }
    None
}

fn without_password(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) if url.password().is_some() => {
            // Fails only for addresses that have no password.
            let _ = url.set_password(Some("***"));
            url.to_string()
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_relative_to_the_repository() {
        let joined = |repo: &str, relative: &str| join(repo, relative).map(|url| url.to_string());
        assert_eq!(
            joined("https://a.example/charts", "index.yaml").unwrap(),
            "https://a.example/charts/index.yaml"
        );
        assert_eq!(
            joined("https://a.example/charts/", "x/y.tgz").unwrap(),
            "https://a.example/charts/x/y.tgz"
        );
        assert_eq!(joined("https://a.example", "http://b.example/y.tgz").unwrap(), "http://b.example/y.tgz");
    }

    #[test]
    fn other_addresses_are_refused() {
        for (repo, relative, words) in [
            ("oci://a.example/charts", "index.yaml", "OCI"),
            ("https://a.example", "oci://b.example/x", "OCI"),
            ("file:///etc", "index.yaml", "only http and https"),
            ("https://a.example", "file:///etc/passwd", "only http and https"),
            ("charts", "index.yaml", "no URL"),
            ("https://user:secret@a.example", "index.yaml", "credentials"),
        ] {
            let message = join(repo, relative).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
