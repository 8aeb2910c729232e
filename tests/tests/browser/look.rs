//! A page as people see it, in both themes and on a phone: nothing that axe-core finds, and nothing that is out of sight. Where they are
//! asked for, pictures are written for the book.

use std::path::Path;

use super::chromium::{Browser, Theme};

/// Set to a directory of the repository where pictures are to be written.
const PICTURES: &str = "SHIPPER_TESTS_PICTURES";
const DESK: u32 = 1280;
const PHONE: u32 = 390;

/// How wide the page is, and what sticks out of it.
const WIDTHS: &str = "
    const all = [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth);
    const innermost = all.filter(one => !all.some(other => other !== one && one.contains(other)));
    return [document.documentElement.scrollWidth, innermost.slice(0, 5).map(one => `${one.localName}.${one.className} in ${one.parentElement.localName}.${one.parentElement.className}`)];";

/// Width of the window, and theme.
pub type Look = (u32, Theme);

/// Both themes, on a desk and on a phone.
pub const LOOKS: [Look; 4] =
    [(DESK, Theme::Light), (DESK, Theme::Dark), (PHONE, Theme::Light), (PHONE, Theme::Dark)];

/// What is wrong with the page that is open, which the browser shows in this look; `name`: that of its picture, where it has one.
pub async fn faults(browser: &Browser, name: &str, (width, theme): Look) -> Vec<String> {
    let mut wrong = browser.faults().await;
    let page = browser.run_script(WIDTHS).await;
    if page[0].as_u64() > Some(u64::from(width)) {
        wrong.push(format!("the page is wider than its window: {page}"));
    }
    let cut = "return [...document.querySelectorAll('.wide')].filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel)";
    let cut = browser.run_script(cut).await;
    if cut.as_array().is_none_or(|cut| !cut.is_empty()) {
        wrong.push(format!("a part is out of sight: {cut}"));
    }
    let pictures = std::env::var_os(PICTURES).filter(|path| !path.is_empty() && !name.is_empty());
    if let Some(directory) = pictures {
        let size = if width == DESK { "" } else { "-phone" };
        let file = format!("ui-{name}{size}-{}.webp", theme.word());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        std::fs::write(root.join(directory).join(file), browser.picture().await).unwrap();
    }
    wrong.into_iter().map(|fault| format!("{theme:?} {width}: {fault}")).collect()
}
