//! HTTP with limits: no redirects, because credentials belong to the host they were given for, and no endless answers.

use super::AskError;
use super::secret::Credentials;
use crate::targets::chain;
use reqwest::{Certificate, Client, RequestBuilder, Response, redirect};
use shipper_core::analysis::Reading;
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
/// Most that is read of an answer, in bytes.
pub(super) const LARGEST: usize = 1 << 20;

/// A client that trusts these authorities besides the system's.
///
/// # Errors
/// The authorities are not PEM.
pub(super) fn client(authorities: Option<&[u8]>) -> Result<Client, AskError> {
    let mut builder = Client::builder()
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(1)
        .user_agent(concat!("shipper-agent/", env!("CARGO_PKG_VERSION")));
    for certificate in authorities
        .map(Certificate::from_pem_bundle)
        .transpose()
        .map_err(AskError::Client)?
        .into_iter()
        .flatten()
    {
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(AskError::Client)
}

/// Gets a URL.
///
/// # Errors
/// No answer, or too large a one. Any status is an answer.
pub(super) async fn ask(client: &Client, credentials: &Credentials, url: &str) -> Result<Reading, AskError> {
    let (status, body) = send(client.get(url), credentials).await?;
    Ok(Reading::Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Sends a request and reads the answer.
///
/// # Errors
/// No answer, or too large a one.
pub(super) async fn send(
    request: RequestBuilder,
    credentials: &Credentials,
) -> Result<(u16, Vec<u8>), AskError> {
    let request = match credentials {
        Credentials::None => request,
        Credentials::Token(token) => request.bearer_auth(token),
        Credentials::Basic(user, password) => request.basic_auth(user, Some(password)),
    };
    let response = request.send().await.map_err(|error| unreachable(&error))?;
    Ok((response.status().as_u16(), read(response).await?))
}

async fn read(mut response: Response) -> Result<Vec<u8>, AskError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > LARGEST {
            return Err(AskError::TooLarge { limit: LARGEST });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unreachable(error: &reqwest::Error) -> AskError {
    AskError::Unreachable(chain(error))
}
