//! What runs a real node: kubelet and kube-proxy, built like the control plane, and the container runtime with its plugins and
//! `nft`, which come from packages of the distribution.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::tool::Tool;
use crate::{cache, packages};

/// A container runtime, its network plugins, what programs the addresses of Services, and the libraries of these. What the
/// last two need from the base system is there wherever apt-get is.
const PACKAGES: [&str; 13] = [
    "containerd",
    "runc",
    "containernetworking-plugins",
    "nftables",
    "libnftables1",
    "libnftnl11",
    "libxtables12",
    "libjansson4",
    "libedit2",
    "libbsd0",
    "libmd0",
    "libmnl0",
    "libseccomp2",
];
const UNPACKED: &str = "system";

/// A directory that holds all of it. Nothing is installed into the system.
#[derive(Debug, Clone)]
pub struct NodeTools {
    directory: PathBuf,
}

impl NodeTools {
    /// Finds all of it, building and unpacking what is missing; see [`crate::Toolchain::find_or_build`].
    ///
    /// # Errors
    /// As [`crate::Toolchain::find_or_build`], and when the packages cannot be had.
    pub fn find_or_build(progress: &mut dyn Write) -> Result<Self, Error> {
        let directory = cache::node_directory(&PACKAGES)?;
        for tool in Tool::NODE {
            cache::find_or_build(&directory, tool, progress)?;
        }
        packages::unpack(&directory, UNPACKED, &PACKAGES, progress)?;
        Ok(Self { directory })
    }

    /// The directory that holds it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path of one of [`Tool::NODE`].
    #[must_use]
    pub fn path(&self, tool: Tool) -> PathBuf {
        self.directory.join(tool.name())
    }

    /// A file of the packages, by its path in the system that they would be installed to.
    #[must_use]
    pub fn unpacked(&self, path: &str) -> PathBuf {
        self.directory.join(UNPACKED).join(path)
    }

    /// Where the programs of the packages are, for `PATH`.
    #[must_use]
    pub fn programs(&self) -> [PathBuf; 2] {
        ["usr/bin", "usr/sbin"].map(|path| self.unpacked(path))
    }

    /// Where their libraries are, for `LD_LIBRARY_PATH`.
    #[must_use]
    pub fn libraries(&self) -> [PathBuf; 2] {
        let machine = format!("{}-linux-gnu", std::env::consts::ARCH);
        ["usr/lib", "lib"].map(|path| self.unpacked(path).join(&machine))
    }
}
