//! What a failed write means: its reason for programs, and whether waiting could heal it [A2].

use crate::api::ApiError;

/// The reason where a Service asks for a cluster IP or a node port that another has.
pub const ADDRESS_TAKEN: &str = "AddressTaken";

/// Reason, and whether waiting could heal it.
pub fn classify(error: &ApiError) -> (&'static str, bool) {
    let ApiError::Refused { code, reason, message, causes, about, .. } = error else {
        return match error {
            ApiError::Timeout { .. } => ("Timeout", true),
            ApiError::Request { .. } => ("Rejected", false),
            _ => ("Unreachable", true),
        };
    };
    match code {
        429 => ("TooManyRequests", true),
        500.. => ("ServerError", true),
        404 if about == "namespaces" || message.starts_with("namespaces ") => ("NamespaceMissing", true),
        404 => ("KindMissing", true),
        403 if causes.iter().any(|cause| cause == "NamespaceTerminating") => ("NamespaceTerminating", true),
        403 if message.contains("exceeded quota") => ("Quota", true),
        403 => ("Forbidden", false),
        401 => ("Unauthorized", true),
        // The object changed hands between look and write; the next look says how it is.
        409 => ("Conflict", true),
        422 if ["IP", "port"]
            .iter()
            .any(|what| message.contains(&format!("provided {what} is already allocated"))) =>
        {
            (ADDRESS_TAKEN, true)
        }
        _ if reason == "Timeout" => ("Timeout", true),
        _ => ("Rejected", false),
    }
}

/// What is said of it.
pub fn message(error: &ApiError) -> String {
    match error {
        ApiError::Refused { message, .. } if !message.is_empty() => message.clone(),
        other => other.to_string(),
    }
}
