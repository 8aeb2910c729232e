//! Style, script and icon, as they are in the program. Their addresses carry a digest of them all, so browsers may keep them for good.

use super::answer::digest;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::LazyLock;

const STYLE: &str = include_str!("assets/shipper.css");
const SCRIPT: &str = include_str!("assets/shipper.js");
const ICON: &str = include_str!("assets/icon.svg");

static VERSION: LazyLock<String> = LazyLock::new(|| digest([STYLE, SCRIPT, ICON].concat().as_bytes()));

/// Where an asset is.
pub fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// Where browsers look for an icon by themselves.
pub async fn icon() -> Redirect {
    Redirect::temporary(&address("icon.svg"))
}

/// One asset. Another version than the present one gets the present one, and is not kept: its page is older than this hub.
pub async fn asset(Path((version, name)): Path<(String, String)>) -> Response {
    let (kind, content) = match name.as_str() {
        "shipper.css" => ("text/css; charset=utf-8", STYLE),
        "shipper.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let keep = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-store" };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], content).into_response()
}
