//! A Chromium without a window, driven over WebDriver, that remembers what it asked for and what it complained of.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shipper_tests::eventually::eventually;
use shipper_tests::process::{Process, Spec};
use shipper_tests::scratch::Scratch;

use super::webdriver::Session;

/// Set to `required` where a missing browser is a failure.
const VARIABLE: &str = "SHIPPER_TESTS_BROWSER";
const STARTING: Duration = Duration::from_secs(60);
/// Everything that axe-core holds to be a fault by the levels A and AA, and its best practices.
const LOOK: &str = "
    const done = arguments[0];
    axe.run(document, {resultTypes: ['violations']}).then(
        found => done(found.violations.map(one => one.id + ': ' + one.help + ': ' +
            one.nodes.map(node => node.target.join(' ') + ' ' + node.html.slice(0, 160) + ' ' + node.failureSummary).join(' | '))),
        error => done([String(error)]));";

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub fn word(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A key that is no character.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    Tab,
    Enter,
}

impl Key {
    /// The character that WebDriver takes for it.
    fn code(self) -> char {
        match self {
            Self::Tab => '\u{E004}',
            Self::Enter => '\u{E007}',
        }
    }
}

/// A browser. It ends with the test.
pub struct Browser {
    session: Session,
    origin: String,
    axe: String,
    _process: Process,
    _scratch: Scratch,
}

impl Browser {
    /// Starts one for the pages below `origin`; nothing where there is no browser on this machine, which is said loudly.
    pub async fn start(test: &str, origin: &str) -> Option<Self> {
        shipper_tests::init();
        match (program("chromium"), program("chromedriver")) {
            (Some(chromium), Some(driver)) => Some(Self::run(origin, chromium, driver).await.unwrap()),
            _ => {
                let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
                assert!(
                    !required,
                    "{VARIABLE}=required, and there is no browser (Debian: apt-get install chromium chromium-driver)"
                );
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED: {test} needs chromium and chromedriver, and they are not installed"
                );
                None
            }
        }
    }

    async fn run(origin: &str, chromium: PathBuf, driver: PathBuf) -> Result<Self> {
        let axe = shipper_toolchain::axe_core(&mut std::io::stderr())?;
        let axe = std::fs::read_to_string(&axe)?;
        let scratch = Scratch::new("browser")?;
        let process = Spec::new("chromedriver", driver, scratch.path()).args(["--port=0"]).start()?;
        let port = eventually(STARTING, || async {
            process.ensure_running()?;
            let log = process.log();
            let said = log.split("started successfully on port ").nth(1).context("not yet")?;
            let port: u16 = said.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().parse()?;
            anyhow::Ok(port)
        })
        .await;
        let server = format!("http://127.0.0.1:{port}");
        let profile = format!("--user-data-dir={}", scratch.join("profile").display());
        // The sandbox of the browser needs rights that containers mostly do not give.
        let arguments = json!([
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--lang=en-US",
            profile,
        ]);
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let session = Session::start(&server, &wanted).await?;
        Ok(Self { session, origin: origin.to_owned(), axe, _process: process, _scratch: scratch })
    }

    /// Opens a page of the hub.
    pub async fn open(&self, path: &str) {
        self.session.open(&format!("{}{path}", self.origin)).await.unwrap();
    }

    /// Opens a page of another hub.
    pub async fn open_at(&self, url: &str) {
        self.session.open(url).await.unwrap();
    }

    /// Sets what the system of the person says: its theme, and how wide the window is in pixels.
    pub async fn wear(&self, theme: Theme, width: u32) {
        let features = json!([{"name": "prefers-color-scheme", "value": theme.word()}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features})).await;
        let height = if width < 500 { 844 } else { 900 };
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics).await;
    }

    /// What axe-core finds.
    pub async fn faults(&self) -> Vec<String> {
        self.session.run(&self.axe).await.unwrap();
        serde_json::from_value(self.session.run_until_called(LOOK).await.unwrap()).unwrap()
    }

    /// Runs a script in the page.
    pub async fn run_script(&self, script: &str) -> Value {
        self.session.run(script).await.unwrap()
    }

    /// Presses a key, for whatever has the focus.
    pub async fn press(&self, key: Key) {
        self.session.press(&[key.code()]).await.unwrap();
    }

    /// Types characters, for whatever has the focus.
    pub async fn type_text(&self, text: &str) {
        self.session.press(&text.chars().collect::<Vec<_>>()).await.unwrap();
    }

    /// Lets the pages use the clipboard, as a person does who is asked.
    pub async fn allow_clipboard(&self) {
        let permissions = json!(["clipboardReadWrite", "clipboardSanitizedWrite"]);
        let granted = json!({"origin": self.origin, "permissions": permissions});
        self.devtools("Browser.grantPermissions", &granted).await;
    }

    /// What is on the clipboard.
    pub async fn clipboard(&self) -> String {
        let read = "const done = arguments[0]; navigator.clipboard.readText().then(done, error => done(String(error)));";
        self.session.run_until_called(read).await.unwrap().as_str().unwrap_or_default().to_owned()
    }

    /// What a person reads on the page.
    pub async fn text(&self) -> String {
        self.run_script("return document.body.innerText").await.as_str().unwrap().to_owned()
    }

    /// What a screen reader says by itself when it changes: each part as how soon it is said, and what it says now.
    pub async fn followed_aloud(&self) -> Vec<(String, String)> {
        let tree = self.devtools("Accessibility.getFullAXTree", &json!({})).await;
        let nodes = tree["nodes"].as_array().unwrap();
        let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let live = |node: &Value| {
            let property = items(&node["properties"]).into_iter().find(|one| one["name"] == "live")?;
            Some(property["value"]["value"].as_str()?.to_owned())
        };
        let says = |node: &Value| {
            let children = items(&node["childIds"]);
            let inner = nodes.iter().filter(|one| children.contains(&one["nodeId"]));
            inner.filter_map(|one| one["name"]["value"].as_str()).collect::<String>()
        };
        nodes.iter().filter_map(|node| Some((live(node)?, says(node)))).collect()
    }

    /// Warnings and errors on the console since it was last asked, among them everything that the policy stopped.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.session.log("browser").await.unwrap();
        let bad = entries.iter().filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        bad.map(|entry| entry["message"].to_string()).collect()
    }

    /// Requests to anybody but the hub since it was last asked, and how many went to the hub.
    pub async fn strangers(&self) -> (Vec<String>, usize) {
        let entries = self.session.log("performance").await.unwrap();
        let messages =
            entries.iter().filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok());
        let sent = messages.filter(|message| message["message"]["method"] == "Network.requestWillBeSent");
        let addresses = sent
            .filter_map(|message| message["message"]["params"]["request"]["url"].as_str().map(str::to_owned));
        let (own, others): (Vec<String>, Vec<String>) =
            addresses.partition(|url| url.starts_with(&format!("{}/", self.origin)));
        let inner =
            |url: &String| ["data:", "about:", "chrome:"].iter().any(|scheme| url.starts_with(scheme));
        (others.into_iter().filter(|url| !inner(url)).collect(), own.len())
    }

    /// The page as it looks, from top to bottom, as WebP: a quarter of what PNG takes, so that the book can show all pages.
    pub async fn picture(&self) -> Vec<u8> {
        let size = self
            .run_script(
                "return [document.documentElement.clientWidth, document.documentElement.scrollHeight]",
            )
            .await;
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let shot = json!({"format": "webp", "quality": 80, "captureBeyondViewport": true, "clip": clip});
        let shot = self.devtools("Page.captureScreenshot", &shot).await;
        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }

    /// Closes it. Without this it ends all the same, but not at once.
    pub async fn end(self) {
        self.session.end().await.unwrap();
    }

    async fn devtools(&self, method: &str, parameters: &Value) -> Value {
        self.session.devtools(method, parameters).await.unwrap()
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file())
}
