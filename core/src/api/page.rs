//! Lists come in pages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Items of a page where nobody says how many.
pub const DEFAULT_LIMIT: u32 = 100;
/// Items of a page at most: what is told in a line of each of ten thousand applications is a few pages.
pub const MAX_LIMIT: u32 = 5000;

/// Items of a page that hubs of every version give.
pub const ALWAYS_GIVEN: u32 = 500;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// What to ask for as `continue` to get the next page; absent = this is the last.
    #[serde(rename = "continue", default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The only page.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}
