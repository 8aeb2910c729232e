//! From what is to be measured to a reading.

use super::measuring::Measuring;
use super::{AskError, http, job, prometheus, secret};
use shipper_core::analysis::Reading;
use shipper_core::intent::{Auth, Measure};

/// Asks once.
///
/// # Errors
/// There is no answer, or none that could be judged.
pub(super) async fn ask(measuring: &Measuring) -> Result<Reading, AskError> {
    match &measuring.analysis.measure {
        Measure::Prometheus(query) => {
            let (client, credentials) = client(measuring, query.auth.as_ref()).await?;
            prometheus::ask(&client, &credentials, query).await
        }
        Measure::Http(check) => {
            let (client, credentials) = client(measuring, check.auth.as_ref()).await?;
            http::ask(&client, &credentials, &check.url).await
        }
        Measure::Job(run) => job::ask(measuring, run).await,
    }
}

async fn client(
    measuring: &Measuring,
    auth: Option<&Auth>,
) -> Result<(reqwest::Client, secret::Credentials), AskError> {
    let Some(auth) = auth else { return Ok((measuring.tools.web.clone(), secret::Credentials::None)) };
    // Read for every sample, so that a changed Secret needs nothing else.
    let found = secret::read(&measuring.tools.api, &measuring.app.namespace, &auth.secret_ref.name).await?;
    let client = match &found.authorities {
        Some(pem) => http::client(Some(pem))?,
        None => measuring.tools.web.clone(),
    };
    Ok((client, found.credentials))
}
