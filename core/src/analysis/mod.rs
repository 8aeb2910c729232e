//! Analysis, as far as it is thinking: placeholders, conditions, and what a reading is worth [A4].
//!
//! The hub checks and fills in, the agent asks and judges each reading, the hub judges the samples
//! ([`gates`](crate::plan)). Whatever cannot be judged is [`Unknown`](crate::report::Outcome::Unknown), never a pass.

mod expression;
mod judge;
mod placeholders;
#[cfg(test)]
mod tests;

pub use expression::{Expression, ExpressionError};
pub use judge::{Reading, Series, judge, wanted};
pub use placeholders::{Names, PlaceholderError, check, fill};
