//! Rendered objects made ready for a cluster.
//!
//! The hub turns what Helm (or a folder) rendered into *normalised manifests*, the file that is committed and applied:
//! namespaces filled in, labels set, release-scoped objects suffixed, references to them rewritten. The agent reads the same
//! file back as [`Manifests`].

mod cluster_scope;
pub mod compare;
mod held;
mod images;
mod key;
mod normalise;
mod order;
mod parse;
mod pods;
mod refs;
mod scope;
mod secret;
mod selector;
mod service;
pub mod values;

pub use held::files_of;
pub use images::{ContainerKey, images};
pub use key::ObjectKey;
pub use normalise::{Context, Keys, RenderProblem, normalise};
pub use order::install_rank;
pub use parse::{ManifestObject, Manifests, ParseError};
pub use scope::Scope;
pub use service::{ServicePort, TargetPort, service_ports};
