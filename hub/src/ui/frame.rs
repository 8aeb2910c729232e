//! What every page has around it: the way to the others, the theme, and what concerns everything.

#[cfg(test)]
mod tests;

use super::answer::Query;
use super::assets;
use super::words::{Moment, encode, short};
use crate::access::View;
use crate::access::cookie;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shipper_core::AppKey;
use shipper_core::condition::Status;
use shipper_core::intent::{Problem as FileProblem, Severity};

const COOKIE: &str = "shipper-theme";
/// Problems of files that a page names; of more it says how many.
const PROBLEMS: usize = 5;

/// Dark, light, or as the browser says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the browser says.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The one that the browser's cookie names.
    fn chosen(headers: &HeaderMap) -> Self {
        let word = cookie::value(headers, COOKIE);
        Self::ALL.into_iter().find(|theme| Some(theme.word()) == word).unwrap_or_default()
    }
}

/// What is wrong with everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// For programs and eyes that know it.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// What every page has around it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Address of the style.
    pub style: String,
    /// Address of the script.
    pub script: String,
    /// Address of the icon.
    pub icon: String,
    /// The theme.
    pub theme: Theme,
    /// Which of the pages in the navigation it is; empty = none.
    pub place: &'static str,
    /// Its own address, for the way back from the theme.
    pub back: String,
    /// The stream of its changes; empty = it has none.
    pub changes: String,
    /// What is in the field for searching.
    pub query: String,
    /// What is wrong with everything.
    pub banners: Vec<Banner>,
    /// Version of the hub.
    pub version: String,
    /// The commit of `main` in force, short.
    pub source: Option<String>,
    /// Generation of the state branch.
    pub generation: Option<u64>,
    /// Who is signed in.
    pub signed_in: Option<String>,
    /// When the repository was last read, where that is not lately.
    pub looked_at: Option<Moment>,
}

impl Frame {
    /// The frame of the page at `uri`; `changes` is the query of its stream.
    pub fn new(view: &View, headers: &HeaderMap, uri: &Uri, place: &'static str, changes: &str) -> Self {
        Self::with(view, headers, uri, (place, changes), |_| true)
    }

    /// The frame of a page of one application: the refused files of others are none of its business.
    pub fn of(view: &View, headers: &HeaderMap, uri: &Uri, key: &AppKey) -> Self {
        let topic = format!("?application={}", encode(&key.to_string()));
        let own = format!("applications/{}/{}.", key.namespace, key.name);
        let concerns = |file: &str| file.starts_with(&own) || !file.starts_with("applications/");
        Self::with(view, headers, uri, ("fleet", &topic), concerns)
    }

    fn with(
        view: &View,
        headers: &HeaderMap,
        uri: &Uri,
        (place, changes): (&'static str, &str),
        concerns: impl Fn(&str) -> bool,
    ) -> Self {
        let status = view.status();
        let conditions = status.conditions.iter().filter(|c| c.status == Status::False);
        let mut banners: Vec<Banner> = Vec::new();
        for condition in conditions {
            let banner = Banner { reason: condition.reason.to_string(), message: condition.message.clone() };
            if !banners.contains(&banner) {
                banners.push(banner);
            }
        }
        let problems = status.problems.iter().filter(|problem| problem.severity == Severity::Error);
        banners.extend(refused(problems.filter(|problem| concerns(&problem.file)).collect()));
        if status.looked_at.is_none() {
            let message = "The hub has not read the repository yet. This page fills by itself once it has.";
            banners.push(Banner { reason: "Starting".to_owned(), message: message.to_owned() });
        }
        Self {
            place,
            changes: format!("/changes{changes}"),
            banners,
            version: status.version,
            source: status.source.as_deref().map(short),
            generation: Some(status.generation),
            looked_at: status.looked_at.map(Moment::of),
            signed_in: view.signed_in(),
            ..Self::bare(headers, uri)
        }
    }

    /// The frame of a page that shows nothing of the fleet, and does not change.
    pub fn bare(headers: &HeaderMap, uri: &Uri) -> Self {
        Self {
            style: assets::address("shipper.css"),
            script: assets::address("shipper.js"),
            icon: assets::address("icon.svg"),
            theme: Theme::chosen(headers),
            place: "",
            back: uri.path_and_query().map_or("/", |at| at.as_str()).to_owned(),
            changes: String::new(),
            query: String::new(),
            banners: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            source: None,
            generation: None,
            looked_at: None,
            signed_in: None,
        }
    }

    /// `page` where this is the page of that place, for `aria-current`.
    pub fn current(&self, place: &str) -> &'static str {
        if self.place == place { "page" } else { "false" }
    }
}

/// Files that are refused, the first few of them by name.
fn refused(problems: Vec<&FileProblem>) -> impl Iterator<Item = Banner> {
    let more = problems.len().saturating_sub(PROBLEMS);
    let banner = |message: String| Banner { reason: "InvalidFile".to_owned(), message };
    let more = (more > 0)
        .then(|| banner(format!("{more} more files are refused; shipperctl status names them all")));
    problems.into_iter().take(PROBLEMS).map(move |problem| banner(problem.to_string())).chain(more)
}

/// Which theme, and where to go back to.
#[derive(Clone, Debug, Deserialize)]
pub struct Choice {
    to: Theme,
    #[serde(default)]
    back: String,
}

/// Keeps the theme in a cookie and goes back, so that the switch needs no script.
pub async fn choose_theme(Query(choice): Query<Choice>) -> Response {
    let back = cookie::back(&choice.back).to_owned();
    let cookie = format!("{COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", choice.to.word());
    (StatusCode::SEE_OTHER, [(header::LOCATION, back), (header::SET_COOKIE, cookie)]).into_response()
}
