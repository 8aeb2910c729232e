//! What somebody may write who means harm, wherever they can write: names, values, files, messages, commits. The tests of the terminal
//! and of the pages take it from here, so that what one of them learns to hold the other holds too.

/// All that is thought of, in one text.
pub const HOSTILE: &str = concat!(
    // Ends what it is in, brings scripts of its own in three ways, and asks a template to compute.
    "\"'></pre></textarea></script><script>window.hurt = 1</script><img src=x onerror=\"window.hurt = 1\"><svg onload='window.hurt=1'>{{7*7}}",
    // Clears the screen, colours, rings, moves up, turns writing around, hides, links, begins lines of its own, and ends fences.
    "\u{1b}[2J\u{1b}[31mRED\u{1b}[0m\u{7}\u{9b}5A\u{8d}\u{202e}rtl\u{2066}\u{200b}\u{feff}\u{e0041}\u{1b}]8;;http://evil\u{7}link\u{1b}]8;;\u{7}\r\nFORGED\u{b}\u{c}\t@everyone ````\n</code></details><script>|x|",
    // Has no place where a line could break.
    "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww",
);

/// Whether a character acts or hides wherever it is shown, but for the end of a line. Said here in its own words, so that no test asks
/// the code what it is to hold that code to.
pub fn acts(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Text as a YAML file may hold it, in double quotes, with everything escaped that it does not take as it is.
pub fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        c => format!("\\U{:08x}", u32::from(c)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
