//! An HTTP client as this program has it: one provider of cryptography, its own name, and errors that name their cause.

use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder};
use reqwest::redirect::Policy;

const CONNECT: Duration = Duration::from_secs(5);
/// Variables that name a proxy for plain HTTP.
const PROXIES: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// What every client is made from.
pub fn builder() -> ClientBuilder {
    // An error says that another caller installed it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder().connect_timeout(CONNECT).user_agent(concat!("shipperctl/", env!("CARGO_PKG_VERSION")))
}

/// A client whose requests end after a while.
///
/// # Errors
/// When the system's certificates cannot be used.
pub fn client(total: Duration) -> Result<Client, reqwest::Error> {
    builder().timeout(total).build()
}

/// Whether an address is reached without TLS, as long as it leads nowhere else: there is no proxy before it either, which may have TLS.
pub fn is_plain(url: &str) -> bool {
    let proxied = PROXIES.iter().any(|name| std::env::var_os(name).is_some());
    url.starts_with("http://") && !proxied
}

/// The same for such an address. It does not read the system's certificates, which takes longer than a hub nearby does to answer; where it
/// is sent on to a place with TLS, it stays.
///
/// # Errors
/// When no client can be made.
pub fn plain(total: Duration) -> Result<Client, reqwest::Error> {
    let on = Policy::custom(|attempt| match attempt.url().scheme() {
        "http" => Policy::default().redirect(attempt),
        _ => attempt.stop(),
    });
    builder().timeout(total).tls_certs_only([]).redirect(on).build()
}

/// The innermost cause, which is the one that helps: "connection refused", not "error sending request".
pub fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { innermost.to_string() }
}
