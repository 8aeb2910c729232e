//! What was on the screen when, and the picture of it: an SVG whose frames are shown one after the other by CSS, each line of text in it
//! once however many frames show it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::num::NonZero;
use std::time::Duration;

use vt100::{Color, Parser};

/// Size of the screen.
pub(super) const ROWS: u16 = 32;
pub(super) const COLUMNS: u16 = 124;
/// How fast is typed.
const KEY: Duration = Duration::from_millis(32);
/// How long a line that was typed is looked at, and what a command said.
const READ: Duration = Duration::from_millis(500);
const REST: Duration = Duration::from_millis(2200);
/// Nobody looks at a screen on which nothing happens for longer.
const LONGEST: Duration = Duration::from_millis(1500);
/// Size of a character, in pixels.
const WIDTH: f64 = 7.8;
const HEIGHT: u32 = 18;
const MARGIN: u32 = 14;
const BAR: u32 = 30;

/// What is shown, and for how long.
pub(super) struct Film {
    screen: Parser,
    frames: Vec<(Vec<String>, Duration)>,
    at: Duration,
}

/// No screen is empty.
fn size(length: u16) -> NonZero<u16> {
    NonZero::new(length).unwrap_or(NonZero::<u16>::MIN)
}

impl Film {
    pub(super) fn new() -> Self {
        Self { screen: Parser::new(size(ROWS), size(COLUMNS), 0), frames: Vec::new(), at: Duration::ZERO }
    }

    /// A person types a line, and looks at it once more.
    pub(super) fn type_line(&mut self, line: &str) {
        self.screen.process(b"\x1b[1;34m~/fleet $\x1b[0m ");
        for key in line.chars() {
            self.screen.process(key.to_string().as_bytes());
            self.frame(KEY);
        }
        self.frame(READ);
        self.screen.process(b"\r\n");
        self.frame(KEY);
        self.at = Duration::ZERO;
    }

    /// The program writes, so long after it began.
    pub(super) fn shows(&mut self, bytes: &[u8], at: Duration) {
        self.lasts(at);
        self.screen.process(bytes);
        self.frame(Duration::ZERO);
    }

    /// The program ends.
    pub(super) fn ends(&mut self, at: Duration) {
        self.lasts(at);
    }

    /// What it said is read. A picture that was drawn in place is left below the screen's end.
    pub(super) fn rest(&mut self) {
        if let Some((_, time)) = self.frames.last_mut() {
            *time += REST;
        }
        if self.screen.screen().cursor_position().1 > 0 {
            self.screen.process(b"\r\n");
        }
    }

    /// The newest frame stands until then.
    fn lasts(&mut self, at: Duration) {
        if let Some((_, time)) = self.frames.last_mut() {
            *time += at.saturating_sub(self.at).min(LONGEST);
        }
        self.at = at;
    }

    fn frame(&mut self, time: Duration) {
        let rows: Vec<String> = (0..ROWS).map(|row| self.row(row)).collect();
        match self.frames.last_mut() {
            Some((last, shown)) if *last == rows => *shown += time,
            _ => self.frames.push((rows, time)),
        }
    }

    /// A row as the parts of a `text` element.
    fn row(&self, row: u16) -> String {
        let (mut text, mut run, mut style, mut begins) = (String::new(), String::new(), String::new(), 0);
        for column in 0..COLUMNS {
            let Some(cell) = self.screen.screen().cell(row, column) else { continue };
            if cell.is_wide_continuation() {
                continue;
            }
            let own = class(cell);
            let shown = if cell.has_contents() { cell.contents() } else { " " };
            if own != style && !run.is_empty() {
                part(&mut text, &run, &style, begins);
                run.clear();
            }
            if run.is_empty() {
                (style, begins) = (own, column);
            }
            run.push_str(shown);
        }
        part(&mut text, &run, &style, begins);
        text
    }

    /// The picture.
    pub(super) fn svg(&self) -> String {
        let whole: f64 = self.frames.iter().map(|(_, time)| time.as_secs_f64()).sum();
        let (width, screen) = (f64::from(COLUMNS) * WIDTH + f64::from(2 * MARGIN), u32::from(ROWS) * HEIGHT);
        let height = screen + BAR + 2 * MARGIN;
        let mut known: HashMap<&str, usize> = HashMap::new();
        let (mut lines, mut frames, mut times) = (String::new(), String::new(), String::new());
        let mut passed = 0.0;
        for (number, (rows, time)) in self.frames.iter().enumerate() {
            let _ = write!(
                times,
                "{:.3}%{{transform:translateY(-{}px)}}",
                passed / whole * 100.0,
                number as u32 * height
            );
            passed += time.as_secs_f64();
            let _ = write!(frames, "<g transform=\"translate(0 {})\">", number as u32 * height);
            for (row, text) in rows.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
                let next = known.len();
                let line = *known.entry(text).or_insert_with(|| {
                    let _ = write!(lines, "<text id=\"l{next}\">{text}</text>");
                    next
                });
                let _ = write!(frames, "<use href=\"#l{line}\" y=\"{}\"/>", (row as u32 + 1) * HEIGHT);
            }
            frames.push_str("</g>");
        }
        let last = (self.frames.len().saturating_sub(1)) as u32 * height;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
xml:space=\"preserve\" aria-label=\"A terminal: shipperctl shows the fleet, promotes a release, a broken one is watched and taken back\">\n\
<style>text{{font:13px ui-monospace,'SF Mono','Cascadia Mono',Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace;white-space:pre;fill:#d6deeb}}\
.b{{font-weight:700}}.d{{opacity:.6}}.c1,.c9{{fill:#ff7b85}}.c2,.c10{{fill:#7fd69a}}.c3,.c11{{fill:#ffc06b}}.c4,.c12{{fill:#8fa5ff}}\
@keyframes f{{{times}}}#f{{animation:f {whole:.2}s step-end infinite}}\
@media (prefers-reduced-motion:reduce){{#f{{animation:none;transform:translateY(-{last}px)}}}}</style>\n\
<rect width=\"{width}\" height=\"{height}\" rx=\"9\" fill=\"#0f1720\"/>\
<circle cx=\"20\" cy=\"18\" r=\"5.5\" fill=\"#ff5f57\"/><circle cx=\"38\" cy=\"18\" r=\"5.5\" fill=\"#febc2e\"/><circle cx=\"56\" cy=\"18\" r=\"5.5\" fill=\"#28c840\"/>\n\
<defs>{lines}<clipPath id=\"s\"><rect width=\"{width}\" height=\"{screen_height}\"/></clipPath></defs>\n\
<g transform=\"translate({MARGIN} {top})\"><g clip-path=\"url(#s)\"><g id=\"f\">{frames}</g></g></g>\n</svg>\n",
            screen_height = screen + HEIGHT / 2,
            top = BAR,
        )
    }
}

/// How a cell looks, as classes.
fn class(cell: &vt100::Cell) -> String {
    let mut classes = Vec::new();
    if let Color::Idx(colour) = cell.fgcolor() {
        classes.push(format!("c{colour}"));
    }
    classes.extend(cell.bold().then(|| "b".to_owned()));
    classes.extend(cell.dim().then(|| "d".to_owned()));
    classes.join(" ")
}

/// Adds a run of characters of one look. Where it begins is said, so that no font moves what follows.
fn part(text: &mut String, run: &str, style: &str, begins: u16) {
    let kept = run.trim_end();
    if kept.is_empty() {
        return;
    }
    let escaped = kept.replace('&', "&amp;").replace('<', "&lt;");
    let class = if style.is_empty() { String::new() } else { format!(" class=\"{style}\"") };
    let _ = write!(
        text,
        "<tspan x=\"{:.1}\" textLength=\"{:.1}\"{class}>{escaped}</tspan>",
        f64::from(begins) * WIDTH,
        kept.chars().count() as f64 * WIDTH
    );
}
