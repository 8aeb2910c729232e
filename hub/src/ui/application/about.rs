//! What every page on one application begins with, and the page that is shown where there is no such application.

use crate::access::{Gate, View};
use crate::ui::answer::{Notice, Path};
use crate::ui::frame::Frame;
use crate::ui::words::application;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use shipper_core::AppKey;
use shipper_core::status::ApplicationStatus;
use std::sync::Arc;

/// The application that the address of a page names.
pub struct About {
    /// Who asks.
    pub view: View,
    /// What is around the page.
    pub frame: Frame,
    /// Its name.
    pub key: AppKey,
    /// How it is.
    pub status: Arc<ApplicationStatus>,
}

impl FromRequestParts<Gate> for About {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Response> {
        let view = View::from_request_parts(parts, gate).await?;
        let Path((namespace, name)) = Path::<(String, String)>::from_request_parts(parts, gate).await?;
        let key = AppKey::new(namespace, name);
        let frame = Frame::of(&view, &parts.headers, &parts.uri, &key);
        match view.get(&key) {
            Some(status) => Ok(Self { view, frame, key, status }),
            None => Err(unknown(frame, &view, &key)),
        }
    }
}

/// The page that names those that may have been meant.
pub(in crate::ui) fn unknown(frame: Frame, view: &View, key: &AppKey) -> Response {
    let message = match view.looked_at() {
        Some(_) => format!(
            "There is no applications/{}/{}.yaml on main, as far as the hub has read it. Push it, and this page appears.",
            key.namespace, key.name
        ),
        None => "The hub has not read the repository yet. This page appears once it has.".to_owned(),
    };
    let wanted = key.name.to_lowercase();
    let near = |app: &AppKey| {
        let name = app.name.to_lowercase();
        name.contains(&wanted) || wanted.contains(&name)
    };
    let all = view.list();
    let nearest = all.iter().map(|status| &status.application).filter(|app| near(app)).take(5);
    let nearest = nearest.map(|app| (app.to_string(), application(app))).collect();
    Notice { frame, title: format!("{key} is not known"), message, nearest }.page(StatusCode::NOT_FOUND)
}
