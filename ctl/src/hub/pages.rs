//! Lists come in pages, as large as the hub gives them.

use serde::de::DeserializeOwned;
use shipper_core::api::{ALWAYS_GIVEN, MAX_LIMIT, Page};

use super::{Hub, HubError};

impl Hub {
    /// Every item of a list, page by page.
    pub(super) fn all<T: DeserializeOwned>(
        &self,
        path: &str,
        filter: &[(&str, &str)],
    ) -> Result<Vec<T>, HubError> {
        self.some(path, filter, usize::MAX)
    }

    /// The first items of a list, at most `most`.
    pub(super) fn some<T: DeserializeOwned>(
        &self,
        path: &str,
        filter: &[(&str, &str)],
        most: usize,
    ) -> Result<Vec<T>, HubError> {
        let ask = |limit: u32, next: Option<&str>| -> Result<Page<T>, HubError> {
            let limit = limit.to_string();
            let mut query = [filter, &[("limit", limit.as_str())]].concat();
            query.extend(next.map(|next| ("continue", next)));
            self.ask(path, &query)
        };
        let mut limit = u32::try_from(most).unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT);
        let mut page = match ask(limit, None) {
            // A hub of an earlier version has no pages of that size.
            Err(HubError::Asked { .. }) if limit > ALWAYS_GIVEN => {
                limit = ALWAYS_GIVEN;
                ask(limit, None)?
            }
            first => first?,
        };
        let mut items = Vec::new();
        loop {
            items.append(&mut page.items);
            match page.next {
                Some(more) if items.len() < most => page = ask(limit, Some(&more))?,
                _ => {
                    items.truncate(most);
                    return Ok(items);
                }
            }
        }
    }
}
