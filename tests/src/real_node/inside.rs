//! Threads in the network of a node.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// A thread whose sockets are made in the network of a node. What was spawned on it ends when this is dropped.
#[derive(Debug)]
pub struct Inside {
    handle: Handle,
    _end: oneshot::Sender<()>,
}

impl Inside {
    pub(super) fn enter(network: PathBuf) -> Result<Self> {
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel::<()>();
        let entered = move || -> Result<Runtime> {
            enter(&network).with_context(|| format!("cannot enter the network {}", network.display()))?;
            Ok(Builder::new_current_thread().enable_all().build()?)
        };
        thread::Builder::new().name("inside".to_owned()).spawn(move || match entered() {
            Ok(runtime) => {
                let _ = tell.send(Ok(runtime.handle().clone()));
                // An error says that it was dropped, which is what is waited for.
                let _ = runtime.block_on(ended);
            }
            Err(error) => _ = tell.send(Err(error)),
        })?;
        let handle = told.recv().map_err(|_| anyhow!("the thread inside has ended"))??;
        Ok(Self { handle, _end: end })
    }

    /// Where to spawn what is to connect from inside.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

#[cfg(target_os = "linux")]
fn enter(network: &Path) -> Result<()> {
    use std::os::fd::AsFd;

    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

    let file = File::open(network)?;
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}

#[cfg(not(target_os = "linux"))]
fn enter(network: &Path) -> Result<()> {
    File::open(network)?;
    Err(anyhow!("there are no namespaces on this system"))
}
