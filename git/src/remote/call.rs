//! The bridge between a call of ours and the transport that libgit2 creates in the middle of it.
//!
//! libgit2 knows transports by URL scheme, for the whole process, and hands them nothing but the URL. So two private
//! schemes are registered once, the URL behind them is empty, and what a transport needs travels in a thread-local
//! for the length of the call: libgit2 runs transports on the thread that called it. Addresses and secrets therefore
//! never reach libgit2, its configuration (`insteadOf`) or its messages.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use git2::transport::Transport;

use super::{error::RemoteError, http, ssh};
use crate::config::{Limits, RemoteConfig};

pub(super) const HTTP_URL: &str = "shipper+http://remote/";
pub(super) const SSH_URL: &str = "shipper+ssh://remote/";

/// One fetch, listing or push, as its transports see it.
pub(super) struct Call {
    pub(super) config: RemoteConfig,
    pub(super) http: Option<reqwest::blocking::Client>,
    /// Where the server redirected the first request to, on itself.
    pub(super) base: Mutex<Option<reqwest::Url>>,
    started: Instant,
    received: Mutex<u64>,
    failure: Mutex<Option<RemoteError>>,
}

impl Call {
    pub(super) fn new(config: RemoteConfig, http: Option<reqwest::blocking::Client>) -> Arc<Self> {
        Arc::new(Self {
            config,
            http,
            base: Mutex::new(None),
            started: Instant::now(),
            received: Mutex::new(0),
            failure: Mutex::new(None),
        })
    }

    pub(super) fn url(&self) -> String {
        self.config.url.to_string()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Time left of the whole call, or the error that none is.
    pub(super) fn remaining(&self) -> Result<Duration, RemoteError> {
        let total = self.limits().total;
        match total.checked_sub(self.started.elapsed()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(RemoteError::Timeout { url: self.url(), what: "total", limit: total }),
        }
    }

    /// The error for a wait that ended without an answer: whichever limit was the one that ended it.
    pub(super) fn timed_out(&self) -> RemoteError {
        match self.remaining() {
            Ok(_) => RemoteError::Timeout { url: self.url(), what: "idle", limit: self.limits().idle },
            Err(error) => error,
        }
    }

    /// Counts bytes of the server against the limit.
    pub(super) fn count(&self, bytes: usize) -> Result<(), RemoteError> {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        *received = received.saturating_add(bytes as u64);
        if *received > self.limits().max_bytes {
            return Err(RemoteError::TooLarge { url: self.url(), limit: self.limits().max_bytes });
        }
        Ok(())
    }

    /// Keeps the first typed failure, because libgit2 passes on only text.
    pub(super) fn fail(&self, error: RemoteError) -> git2::Error {
        let text = error.to_string();
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        git2::Error::new(git2::ErrorCode::GenericError, git2::ErrorClass::Net, text)
    }

    /// [`Call::fail`] for the inside of a stream.
    pub(super) fn fail_io(&self, error: RemoteError) -> std::io::Error {
        std::io::Error::other(self.fail(error).message().to_owned())
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(super) fn take_failure(&self) -> Option<RemoteError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Call>>> = const { RefCell::new(None) };
}

/// Runs `work` with `call` in reach of the transports that libgit2 creates during it.
pub(super) fn with_call<T>(call: &Arc<Call>, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<Arc<Call>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let previous = self.0.take();
            CURRENT.with(|current| *current.borrow_mut() = previous);
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.borrow_mut().replace(Arc::clone(call))));
    work()
}

fn current() -> Result<Arc<Call>, git2::Error> {
    CURRENT
        .with(|current| current.borrow().clone())
        .ok_or_else(|| git2::Error::from_str("this scheme is for shipper's own calls only"))
}

/// Makes the two schemes known to libgit2, once.
pub(super) fn register() -> Result<(), git2::Error> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| {
        // SAFETY: `register` must not run beside the creation of another transport. `OnceLock` makes this the only
        // registration, and every transport of this crate is created after it: all calls pass through here first.
        #[expect(unsafe_code, reason = "git2 marks the registration of a transport as unsafe")]
        let done = unsafe {
            git2::transport::register("shipper+http", |remote| {
                Transport::smart(remote, true, http::HttpTransport::new(current()?))
            })
            .and_then(|()| {
                git2::transport::register("shipper+ssh", |remote| {
                    Transport::smart(remote, false, ssh::SshTransport::new(current()?))
                })
            })
        };
        done.map_err(|e| e.message().to_owned())
    })
    .clone()
    .map_err(|text| git2::Error::from_str(&text))
}
