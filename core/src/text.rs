//! Characters that do something to a terminal, or to who reads, instead of standing in a line.

/// Whether the character acts, or hides: control characters (C0, DEL, C1), those that turn the direction of writing around, and those
/// that nobody sees.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, fillers of Hangul, a separator of Mongolian.
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}'
            // Directions.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Without any width.
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            // Annotations, and tags that spell text which is not seen.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
