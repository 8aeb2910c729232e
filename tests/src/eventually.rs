//! Waiting for a condition of the outside world.

use std::fmt::Display;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Calls `check` until it returns `Ok`, and returns what it returned.
///
/// # Panics
/// When `deadline` has passed; the message ends with the error of the last attempt.
#[track_caller]
pub fn eventually<T, E, F, C>(deadline: Duration, check: C) -> impl Future<Output = T>
where
    E: Display,
    F: Future<Output = Result<T, E>>,
    C: FnMut() -> F,
{
    let caller = std::panic::Location::caller();
    async move {
        match within(deadline, check).await {
            Ok(value) => value,
            #[expect(clippy::panic, reason = "this is an assertion")]
            Err(last) => panic!("{caller}: not so within {deadline:?}: {last}"),
        }
    }
}

/// As [`eventually`], for callers who handle the last error themselves.
///
/// # Errors
/// The error of the last attempt, once `deadline` has passed.
pub async fn within<T, E, F, C>(deadline: Duration, mut check: C) -> Result<T, String>
where
    E: Display,
    F: Future<Output = Result<T, E>>,
    C: FnMut() -> F,
{
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    let mut last = String::from("the first attempt did not finish");
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, check()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => last = format!("{error:#}"),
            Err(_) => return Err(last),
        }
        // A check that waits for nothing is done within any time that is left, be it none.
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(last);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A check that never waits is always done before a timer is looked at.
    #[tokio::test]
    async fn the_deadline_holds_for_checks_that_wait_for_nothing() {
        let failed = within(Duration::from_millis(50), async || Err::<(), _>("not yet"));
        let ended = tokio::time::timeout(Duration::from_secs(10), failed).await.expect("it ends");
        assert_eq!(ended, Err("not yet".to_owned()));
    }

    /// And for those that never end.
    #[tokio::test]
    async fn the_deadline_holds_for_checks_that_never_end() {
        let never =
            within(Duration::from_millis(50), async || std::future::pending::<Result<(), String>>().await);
        let ended = tokio::time::timeout(Duration::from_secs(10), never).await.expect("it ends");
        assert_eq!(ended, Err("the first attempt did not finish".to_owned()));
    }
}
