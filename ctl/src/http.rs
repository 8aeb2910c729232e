//! An HTTP client as this program has it: one provider of cryptography, its own name, and errors that name their cause.

use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder};

const CONNECT: Duration = Duration::from_secs(5);

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

/// The innermost cause, which is the one that helps: "connection refused", not "error sending request".
pub fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { innermost.to_string() }
}
