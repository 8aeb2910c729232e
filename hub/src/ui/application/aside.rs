//! Work that takes a processor for a moment, beside the threads that answer: a few at once, so that pages that compare leave room for
//! everything else.

use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long a page waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Comparisons at once: one of large files that have nothing in common takes a processor for seconds.
static ROOM: Semaphore = Semaphore::const_new(2);

/// What the work says; `None` = too much is under way, and nothing was done.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let room = timeout(PATIENCE, ROOM.acquire()).await.ok()?.ok()?;
    // Who asked may be gone before it is done.
    let done = tokio::task::spawn_blocking(move || {
        let _room = room;
        work()
    });
    done.await.ok()
}
