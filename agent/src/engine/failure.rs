//! What a failed write means: its reason for programs, and whether waiting could heal it [A2].

use crate::api::ApiError;
use shipper_core::catalogue::Trouble;

/// Reason, and whether waiting could heal it.
pub fn classify(error: &ApiError) -> (Trouble, bool) {
    let ApiError::Refused { code, reason, message, causes, about, .. } = error else {
        return match error {
            ApiError::Timeout { .. } => (Trouble::Timeout, true),
            ApiError::Request { .. } => (Trouble::Rejected, false),
            _ => (Trouble::Unreachable, true),
        };
    };
    match code {
        429 => (Trouble::TooManyRequests, true),
        500.. => (Trouble::ServerError, true),
        404 if about == "namespaces" || message.starts_with("namespaces ") => {
            (Trouble::NamespaceMissing, true)
        }
        404 => (Trouble::KindMissing, true),
        403 if causes.iter().any(|cause| cause == "NamespaceTerminating") => {
            (Trouble::NamespaceTerminating, true)
        }
        403 if message.contains("exceeded quota") => (Trouble::Quota, true),
        403 => (Trouble::Forbidden, false),
        401 => (Trouble::Unauthorized, true),
        // The object changed hands between look and write; the next look says how it is.
        409 => (Trouble::Conflict, true),
        422 if ["IP", "port"]
            .iter()
            .any(|what| message.contains(&format!("provided {what} is already allocated"))) =>
        {
            (Trouble::AddressTaken, true)
        }
        _ if reason == "Timeout" => (Trouble::Timeout, true),
        _ => (Trouble::Rejected, false),
    }
}

/// What is said of it.
pub fn message(error: &ApiError) -> String {
    match error {
        ApiError::Refused { message, .. } if !message.is_empty() => message.clone(),
        other => other.to_string(),
    }
}
