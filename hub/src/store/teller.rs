//! What follows when a transaction is durable: it goes into the view in memory, and who waits for it is answered. All in its order, and beside
//! the writer, which writes the next one meanwhile.

use super::intake::Answer;
use super::view::{News, View};
use super::{Write, Written};
use tokio::sync::mpsc;

/// What is durable and not told yet.
#[derive(Debug)]
pub(super) enum Durable {
    /// What this hub stored.
    Own(Vec<Write>, Vec<Written>, Vec<Answer>),
    /// What others did.
    Others(Vec<News>),
}

/// Takes what is durable into the view, and answers who waits for it; until there is nobody who writes.
pub(super) async fn tell(view: View, mut untold: mpsc::Receiver<Durable>) {
    while let Some(durable) = untold.recv().await {
        match durable {
            Durable::Others(news) => view.learn(&news),
            Durable::Own(writes, written, answers) => {
                view.remember(&writes, &written);
                for (answer, written) in answers.into_iter().zip(written) {
                    // Whoever asked may have given up waiting; it is stored all the same.
                    let _ = answer.send(Ok(written));
                }
            }
        }
    }
}
