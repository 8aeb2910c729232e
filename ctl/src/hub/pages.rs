//! Lists come in pages, as large as the hub gives them.

use serde::de::DeserializeOwned;
use shipper_core::api::{ALWAYS_GIVEN, MAX_LIMIT, Page};

use super::{Hub, HubError};

/// Which items are wanted; `None` = all.
pub(super) type Fits<'f, T> = Option<&'f dyn Fn(&T) -> bool>;

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
        self.fitting(path, filter, most, None)
    }

    /// The first items of a list that fit, at most `most`, for what the hub has no filter.
    pub(super) fn fitting<T: DeserializeOwned>(
        &self,
        path: &str,
        filter: &[(&str, &str)],
        most: usize,
        fits: Fits<'_, T>,
    ) -> Result<Vec<T>, HubError> {
        let ask = |limit: u32, next: Option<&str>| -> Result<Page<T>, HubError> {
            let limit = limit.to_string();
            let mut query = [filter, &[("limit", limit.as_str())]].concat();
            query.extend(next.map(|next| ("continue", next)));
            self.ask(path, &query)
        };
        // Nobody knows how many have to be read until as many fit.
        let mut limit = match fits {
            Some(_) => ALWAYS_GIVEN,
            None => u32::try_from(most).unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT),
        };
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
            items.extend(page.items.into_iter().filter(|item| fits.is_none_or(|fits| fits(item))));
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
