//! The fleet repository: a disposable bare object store, snapshots without a work tree, commits built in memory,
//! fetch, and push as compare-and-swap.
//!
//! Everything here blocks. Daemons call it from threads that may block, never from an async task.
//! A [`Store`] belongs to one thread at a time; a [`Snapshot`] opened from it is independent and may move to another.

mod ancestry;
mod cache;
mod changes;
mod commit;
mod config;
mod diff;
mod history;
mod layout;
mod merge;
mod pack;
mod path;
mod remote;
mod snapshot;
mod store;
mod url;
mod watch;

pub use commit::{CommitBuilder, CommitError, CommitMeta, Identity, Signer, SigningFailed};
pub use config::{Credentials, Limits, RemoteConfig, Secret, SshOptions};
pub use diff::{Change, Side, diff};
pub use git2::Oid;
pub use history::{BlobVersion, PathHistory};
pub use merge::Merged;
pub use remote::{PushOutcome, RemoteError};
pub use snapshot::{CommitSignature, Entry, Mode, ReadError, Snapshot};
pub use store::{Ancestry, Heads, Store, StoreError};
pub use url::{RepositoryUrl, SshUrl, UrlError};
pub use watch::{LocalWatch, WatchError, watch_local};
