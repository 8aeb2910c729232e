//! Why a test fails, said once more after the logs of all that it had started: who reads only the end reads that.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

static ONCE: Once = Once::new();

thread_local! {
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on panics are noted, beside what was done with them before.
pub(super) fn note() {
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            SAID.with_borrow_mut(|said| *said = info.to_string());
            before(info);
        }));
    });
}

/// The last panic of this thread.
pub(super) fn last() -> String {
    SAID.with_borrow(String::clone)
}
