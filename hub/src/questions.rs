//! Questions that people ask the loop: why an application is as it is ([`Why`]), what is in its records ([`Details`](crate::details::Details)),
//! what was rendered of releases ([`Renderings`](crate::rendered::Renderings)), whether a commit has been decided on ([`Decided`]).
//! The HTTP side asks, the loop answers on its next turn.

use shipper_core::AppKey;
use shipper_core::why::Why;
use shipper_git::Oid;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// Questions that wait at most; with more, askers are sent away.
const MOST: usize = 64;

/// Whether what was said of an application last rests on a commit of `main`, or one that descends from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Which application.
    pub application: AppKey,
    /// Which commit.
    pub commit: Oid,
}

/// A question and where its answer goes: `None` = the application is not known.
#[derive(Debug)]
pub struct Question<T = Why, Q = AppKey> {
    /// What is asked, or of which application.
    pub about: Q,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Option<T>>,
}

/// Where questions are asked and taken.
#[derive(Debug)]
pub struct Questions<T = Why, Q = AppKey> {
    asked: Mutex<VecDeque<Question<T, Q>>>,
    wake: Notify,
}

impl<T, Q> Default for Questions<T, Q> {
    fn default() -> Self {
        Self { asked: Mutex::default(), wake: Notify::new() }
    }
}

impl<T, Q> Questions<T, Q> {
    /// Asks; `None` = too many questions wait already.
    pub fn ask(&self, about: Q) -> Option<oneshot::Receiver<Option<T>>> {
        let (answer, receiver) = oneshot::channel();
        let mut asked = self.asked();
        // Who gave up does not stand in the way of others.
        asked.retain(|question| !question.answer.is_closed());
        if asked.len() >= MOST {
            return None;
        }
        asked.push_back(Question { about, answer });
        drop(asked);
        self.wake.notify_one();
        Some(receiver)
    }

    /// Waits until something is asked. Nothing is lost when the future is dropped.
    pub async fn next(&self) -> Vec<Question<T, Q>> {
        self.wake.notified().await;
        self.asked().drain(..).collect()
    }

    fn asked(&self) -> MutexGuard<'_, VecDeque<Question<T, Q>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_of_questions_is_turned_away_and_those_who_gave_up_make_room() {
        let questions = Questions::<Why>::default();
        let app = || AppKey::new("web", "app");
        let waiting: Vec<_> = (0..MOST).map(|_| questions.ask(app()).unwrap()).collect();
        assert!(questions.ask(app()).is_none());
        drop(waiting);
        let kept = questions.ask(app());
        assert!(kept.is_some());
        assert_eq!(questions.next().await.len(), 1);
    }
}
