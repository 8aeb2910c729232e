//! Who owns which field: the sets of server-side apply, and merging by them.

mod apply;
mod managed;
mod merge;
mod set;
mod walk;

pub(crate) use apply::apply;
pub(crate) use managed::{Actor, record_update};
