//! Refusals of the API server: what a client gets as a `Status` object.
//!
//! The wording and the details follow the real server, because clients (and people) branch on them.

use serde_json::{Value, json};

use crate::resource::Resource;

/// A refused request. `Display` is the server's message.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason such as `NotFound`; empty when the server gives none.
    pub reason: String,
    /// What a person reads.
    pub message: String,
    /// The `details` object, or null.
    pub details: Value,
}

/// One field that failed validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// `FieldValueRequired`, `FieldValueInvalid`, …
    pub reason: &'static str,
    /// Path of the field, `spec.selector`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Cause {
    /// A field that must be set.
    pub fn required(field: impl Into<String>, text: &str) -> Self {
        let message =
            if text.is_empty() { "Required value".to_owned() } else { format!("Required value: {text}") };
        Self { reason: "FieldValueRequired", field: field.into(), message }
    }

    /// A field whose value is not allowed.
    pub fn invalid(field: impl Into<String>, value: &Value, text: &str) -> Self {
        let message = format!("Invalid value: {value}: {text}");
        Self { reason: "FieldValueInvalid", field: field.into(), message }
    }
}

impl ApiError {
    fn new(code: u16, reason: &str, message: impl Into<String>, details: Value) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details }
    }

    fn about(resource: &Resource, name: &str) -> Value {
        let mut details = json!({"name": name, "kind": resource.plural});
        if !resource.group.is_empty() {
            details["group"] = json!(resource.group);
        }
        details
    }

    /// 404 for an object.
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(404, "NotFound", message, Self::about(resource, name))
    }

    /// 404 for a path that the server does not serve.
    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource", json!({}))
    }

    /// 409 for creating what exists.
    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message, Self::about(resource, name))
    }

    /// 409 for a stale `resourceVersion` or a failed precondition.
    pub fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self::new(409, "Conflict", message, Self::about(resource, name))
    }

    /// 409 of an object that was changed since it was read.
    pub fn modified(resource: &Resource, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409 of server-side apply; `causes` are (manager, field) pairs, sorted by manager.
    pub fn apply_conflict(causes: &[(String, String)]) -> Self {
        let list: Vec<Value> = causes
            .iter()
            .map(|(manager, field)| {
                json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": field})
            })
            .collect();
        let plural = if causes.len() == 1 { "conflict" } else { "conflicts" };
        let mut message = format!("Apply failed with {} {plural}: ", causes.len());
        if let [(manager, field)] = causes {
            message.push_str(&format!("conflict with {manager}: {field}"));
        } else {
            let mut last = "";
            for (manager, field) in causes {
                if manager != last {
                    message.push_str(if last.is_empty() { "" } else { "\n" });
                    message.push_str(&format!("conflicts with {manager}:"));
                    last = manager;
                }
                message.push_str(&format!("\n- {field}"));
            }
        }
        Self::new(409, "Conflict", message, json!({"causes": list}))
    }

    /// 422 with every invalid field.
    pub fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        let list: Vec<Value> = causes
            .iter()
            .map(|c| json!({"reason": c.reason, "message": c.message, "field": c.field}))
            .collect();
        let texts: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let text = if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) };
        let kind = if resource.group.is_empty() {
            resource.kind.clone()
        } else {
            format!("{}.{}", resource.kind, resource.group)
        };
        let mut details = json!({"name": name, "kind": resource.kind, "causes": list});
        if !resource.group.is_empty() {
            details["group"] = json!(resource.group);
        }
        Self::new(422, "Invalid", format!("{kind} \"{name}\" is invalid: {text}"), details)
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message, Value::Null)
    }

    /// 403 for an object, for the reason given.
    pub fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", resource.qualified());
        Self::new(403, "Forbidden", message, Self::about(resource, name))
    }

    /// 403 for creating in a namespace that is going away.
    pub fn namespace_terminating(resource: &Resource, name: &str, namespace: &str) -> Self {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut error = Self::forbidden(resource, name, &why);
        error.details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        error
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            json!({}),
        )
    }

    /// 415 for a patch type that the resource does not take.
    pub fn unsupported_media_type(content_type: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: \
             application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml (got {content_type})"
        );
        Self::new(415, "UnsupportedMediaType", message, json!({}))
    }

    /// 410 for a resource version that has been compacted.
    pub fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"), Value::Null)
    }

    /// 410 for a continue token that has been compacted.
    pub fn continue_expired() -> Self {
        Self::new(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. \
             You must start a new list without the continue parameter.",
            Value::Null,
        )
    }

    /// 500 without a reason, as server-side apply reports objects that do not fit the schema.
    pub fn untyped(message: impl Into<String>) -> Self {
        Self::new(500, "", message, Value::Null)
    }

    /// A fault that was asked for: 429, 500, 503 or any other code.
    pub fn injected(code: u16) -> Self {
        let (reason, message) = match code {
            429 => (
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            _ => ("InternalError", "Internal error occurred: injected fault"),
        };
        let details = if code == 429 { json!({"retryAfterSeconds": 1}) } else { json!({}) };
        Self::new(code, reason, message, details)
    }

    /// A denial in the words of an admission webhook.
    pub fn webhook_denied(webhook: &str, message: &str) -> Self {
        let text = format!("admission webhook \"{webhook}\" denied the request: {message}");
        Self::new(403, "Forbidden", text, json!({}))
    }

    /// The `Status` object the server sends.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}
