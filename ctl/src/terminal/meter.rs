//! How much of something there is, in cells.

const FULL: char = '█';
const EMPTY: char = '░';

/// The full and the empty part of a bar of so many columns. One that lacks something is never full.
pub fn meter(there: u64, wanted: u64, columns: usize) -> [String; 2] {
    let whole = wanted.max(1);
    let filled = usize::try_from(there.min(whole)).unwrap_or(usize::MAX).saturating_mul(columns);
    let filled = filled / usize::try_from(whole).unwrap_or(usize::MAX);
    [FULL.to_string().repeat(filled), EMPTY.to_string().repeat(columns - filled)]
}
