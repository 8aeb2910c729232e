//! Bars: how much of something is there, of how much is wanted.

use crate::terminal::{BUSY, FAINT, GOOD};

const FULL: char = '█';
const EMPTY: char = '░';

/// A bar of so many columns.
pub(super) fn bar(there: u64, wanted: u64, columns: usize) -> String {
    let whole = wanted.max(1);
    let filled = usize::try_from(there.min(whole)).unwrap_or(usize::MAX).saturating_mul(columns);
    // One that lacks something is never shown full.
    let filled = filled / usize::try_from(whole).unwrap_or(usize::MAX);
    let style = if there >= wanted { GOOD } else { BUSY };
    let (full, empty) = (FULL.to_string().repeat(filled), EMPTY.to_string().repeat(columns - filled));
    format!("{style}{full}{style:#}{FAINT}{empty}{FAINT:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_only_when_nothing_is_lacking() {
        let shown = |there, wanted| anstream::adapter::strip_str(&bar(there, wanted, 10)).to_string();
        assert_eq!(shown(0, 4), "░░░░░░░░░░");
        assert_eq!(shown(399, 400), "█████████░");
        assert_eq!(shown(2, 4), "█████░░░░░");
        assert_eq!(shown(5, 4), "██████████");
        assert_eq!(shown(0, 0), "░░░░░░░░░░");
    }
}
