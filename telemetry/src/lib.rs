//! How hub and agent tell what they do: lines of a log ([`log`]), whose fields have the same names everywhere ([`fields`]), and traces
//! from a commit to the objects that are applied for it ([`trace`]).

pub mod fields;
mod json;
pub mod log;
mod send;
pub mod trace;
