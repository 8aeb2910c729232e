//! What the loop is asked beyond the status: strategies, environments, commits. A loop that is busy is not waited for: what it said last
//! is shown until it answers, so that an open page neither stands still nor loses a part of itself.

use crate::access::View;
use crate::details::Details;
use shipper_core::AppKey;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// How long a page waits for the loop.
const PATIENCE: Duration = Duration::from_millis(150);
/// How long it waits where nothing was said before.
const FIRST: Duration = Duration::from_secs(2);
/// Applications whose last answer is kept.
const KEPT: usize = 256;

/// What is known.
pub type Known = Arc<Details>;

/// The last answers.
#[derive(Debug, Default)]
pub struct Answers(Mutex<BTreeMap<AppKey, Known>>);

impl Answers {
    fn get(&self, app: &AppKey) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(app).cloned()
    }

    fn put(&self, app: &AppKey, known: Known) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= KEPT && !answers.contains_key(app) {
            // Any of them: a page that is open asks again at once.
            answers.pop_first();
        }
        answers.insert(app.clone(), known);
    }
}

/// What is in the records, or what was there when the loop last said.
pub async fn ask(view: &View, app: &AppKey) -> Known {
    let Some(answers) = view.answers(app) else { return Known::default() };
    let last = answers.get(app);
    let patience = if last.is_some() { PATIENCE } else { FIRST };
    let answer = match view.ask_details(app) {
        Some(answer) => timeout(patience, answer).await.ok().and_then(Result::ok).flatten(),
        None => None,
    };
    match answer {
        Some(details) => {
            let known = Arc::new(details);
            answers.put(app, known.clone());
            known
        }
        None => last.unwrap_or_default(),
    }
}
