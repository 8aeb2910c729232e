//! The data directory, which one hub works in at a time.

use super::StoreError;
use crate::notify::lock;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long the lock may linger after its holder let go of it: a program that is being started (such as `helm`) holds what was open when it
/// was forked, until it is executed.
const LINGERS: Duration = Duration::from_secs(1);

/// A directory that is held by this process alone; the system lets go of it however the process ends.
#[derive(Debug)]
pub struct DataDirectory(Mutex<Option<File>>);

impl DataDirectory {
    /// Makes the directory if need be and takes it for this process.
    ///
    /// # Errors
    /// It cannot be used, or another process holds it.
    pub fn hold(directory: &Path) -> Result<Self, StoreError> {
        let at = |source| StoreError::Directory { path: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(at)?;
        let path = directory.join("hub.lock");
        let file = File::create(&path).map_err(at)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(Mutex::new(Some(file)))),
                Err(TryLockError::WouldBlock) if start.elapsed() < LINGERS => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path }),
                Err(TryLockError::Error(source)) => return Err(at(source)),
            }
        }
    }

    /// Lets another process have it.
    pub fn release(&self) {
        lock(&self.0).take();
    }
}
