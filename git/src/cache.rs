//! How much libgit2 keeps of what it has read: by itself up to 256 MiB for each process, of which nothing is read twice here once a
//! commit has been followed.

use std::sync::Once;

/// Bytes of trees and commits kept over all stores, as they are in the repository: what one commit over many folders looks up again and
/// again. Parsed, and with what libgit2 keeps beside them, the small trees of a fleet take several times as much memory.
const KEPT: isize = 512 << 10;

/// Sets the limit, once; before any repository is opened.
pub(crate) fn limit() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        // SAFETY: it sets one word that libgit2 reads when it caches an object. `Once` makes this the only write, and every repository of
        // this crate is opened after it.
        #[expect(unsafe_code, reason = "git2 marks the setting of global options as unsafe")]
        let set = unsafe { git2::opts::set_cache_max_size(KEPT) };
        if let Err(error) = set {
            tracing::warn!(%error, "libgit2 keeps as much as it likes");
        }
    });
}
