//! Bars: how much of something is there, of how much is wanted.

use crate::terminal::{BUSY, FAINT, GOOD, meter};

/// A bar of so many columns.
pub(super) fn bar(there: u64, wanted: u64, columns: usize) -> String {
    let [full, empty] = meter(there, wanted, columns);
    let style = if there >= wanted { GOOD } else { BUSY };
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
