//! What the tests of the pages are made with: a hub without a socket, and pages as people read them.
//!
//! - [`told`]: what the hub is told.

mod told;

pub(super) use told::*;

use crate::access::AccessSettings;
use crate::clock::Clock;
use crate::details::Details;
use crate::http::router;
use crate::http::tokens::Tokens;
use crate::rendered::{Renderings, Wanted};
use crate::shared::{Settings, Shared};
use crate::standing::Takeover;
use crate::store::MemoryStore;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use shipper_core::protocol::HubStatus;
use shipper_core::status::ApplicationStatus;
use shipper_core::why::Why;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

/// A hub, asked without a socket.
pub(in crate::ui) struct Hub {
    pub(in crate::ui) shared: Arc<Shared>,
    pub(in crate::ui) router: Router,
}

/// What it answered.
pub(in crate::ui) struct Answer {
    pub(in crate::ui) status: StatusCode,
    pub(in crate::ui) headers: HeaderMap,
    pub(in crate::ui) text: String,
}

impl Answer {
    /// What a person reads: without tags, with entities as characters.
    pub(in crate::ui) fn read(&self) -> String {
        let mut text = String::new();
        let mut inside = false;
        for c in self.text.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => text.push(c),
                _ => {}
            }
        }
        let entities = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#34;", "\""),
            ("&#39;", "'"),
            ("&#60;", "<"),
            ("&#62;", ">"),
            ("&#38;", "&"),
            ("&amp;", "&"),
        ];
        entities.iter().fold(text, |text, (from, to)| text.replace(from, to))
    }
}

/// One that everybody may read, and that knows nothing yet.
pub(in crate::ui) async fn hub() -> Hub {
    let settings = Settings {
        clock: Clock::system(),
        heartbeat: Duration::from_secs(10),
        tokens: Tokens::none(),
        access: AccessSettings::open(),
        webhook_secret: None,
        takeover: Takeover::default(),
    };
    let shared = Shared::start(Arc::new(MemoryStore::default()), settings).await.unwrap();
    Hub { router: router(shared.clone()), shared }
}

impl Hub {
    pub(in crate::ui) async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(in crate::ui) async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// A fleet with these clusters, all of which are said to be offline: no agent of theirs was ever heard.
    pub(in crate::ui) fn clusters(&self, names: &[String]) {
        let clusters: Vec<Value> = names
            .iter()
            .map(|name| json!({"name": name, "region": "eu", "liveness": "unknown", "problems": []}))
            .collect();
        let status = json!({
            "version": "1.2.3", "source": "c0ffee00112233", "epoch": 1, "generation": 7, "conditions": [], "problems": [],
            "lookedAt": Timestamp::now(), "clusters": clusters,
        });
        self.shared.hub.publish(serde_json::from_value::<HubStatus>(status).unwrap());
    }

    pub(in crate::ui) fn publish(&self, status: &Value) {
        self.shared.statuses.publish(serde_json::from_value::<ApplicationStatus>(status.clone()).unwrap());
    }

    /// Answers why.
    pub(in crate::ui) fn answer_why(&self, why: &Value) {
        let (shared, why) = (self.shared.clone(), serde_json::from_value::<Why>(why.clone()).unwrap());
        tokio::spawn(async move {
            loop {
                for question in shared.questions.next().await {
                    let _ = question.answer.send(Some(why.clone()));
                }
            }
        });
    }

    /// Answers what was rendered, in every cluster the same.
    pub(in crate::ui) fn answer_rendered(&self, rendered: Renderings) {
        self.answer_wanted(move |_| rendered.clone());
    }

    /// Answers what was rendered, by what is wanted.
    pub(in crate::ui) fn answer_wanted(&self, rendered: impl Fn(&Wanted) -> Renderings + Send + 'static) {
        let shared = self.shared.clone();
        tokio::spawn(async move {
            loop {
                for question in shared.rendered.next().await {
                    let _ = question.answer.send(Some(rendered(&question.about)));
                }
            }
        });
    }

    /// Answers what is asked of the loop.
    pub(in crate::ui) fn answer_details(&self, details: Details) {
        self.answer_details_of(Arc::new(Mutex::new(details)));
    }

    /// The same with what is in there when it is asked.
    pub(in crate::ui) fn answer_details_of(&self, details: Arc<Mutex<Details>>) {
        let shared = self.shared.clone();
        tokio::spawn(async move {
            loop {
                for question in shared.details.next().await {
                    let _ = question.answer.send(Some(details.lock().unwrap().clone()));
                }
            }
        });
    }
}
