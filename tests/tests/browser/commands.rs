//! The commands that a page hands out are taken from it as a person takes them, and run in a shell, against the real Git and the real
//! clusters of a scene: each does what the page said.

use std::time::Duration;

use anyhow::{Context, ensure};
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::{Options, Scene};

use super::chromium::{Browser, Key, Theme};

const APP: &str = "shop";
const SOON: Duration = Duration::from_secs(90);

/// A person before the page of an application, with a terminal.
struct Person<'a> {
    scene: &'a Scene,
    browser: &'a Browser,
}

impl Person<'_> {
    /// Copies the command that the page offers under this label, once it does, and runs it.
    async fn does(&self, label: &str) -> String {
        let button = format!(
            "const order = [...document.querySelectorAll('.orders li')].find(one => one.firstElementChild.textContent.startsWith({label:?}));
             order?.querySelector('button.copy').focus();
             return order?.querySelector('code').textContent ?? document.querySelector('.orders')?.innerText ?? 'no commands';"
        );
        let line = eventually(SOON, || async {
            let shown = self.browser.run_script(&button).await;
            let line = shown.as_str().unwrap_or_default().to_owned();
            ensure!(line.starts_with("shipperctl "), "{label:?} is not among {line}");
            self.browser.press(Key::Enter).await;
            let copied = self.browser.clipboard().await;
            ensure!(copied == line, "{copied:?} was copied, and not {line:?}");
            anyhow::Ok(line)
        })
        .await;
        self.scene.in_a_shell(&line).await.with_context(|| line.clone()).unwrap();
        self.scene.reached(&format!("{label}: {line}"));
        line
    }

    async fn sees(&self, words: &str) {
        eventually(SOON, || async {
            let text = self.browser.text().await;
            ensure!(text.contains(words), "{words:?} is not in {text}");
            anyhow::Ok(())
        })
        .await;
    }

    async fn until(&self, what: &str, is_so: impl Fn(&ApplicationStatus) -> bool) {
        eventually(SOON, || async {
            let status = self.scene.status(APP).await?;
            ensure!(is_so(&status), "not {what}: {status:?}");
            anyhow::Ok(())
        })
        .await;
    }
}

#[tokio::test]
async fn the_commands_of_a_page_do_what_it_says() {
    let scene = Scene::start(Options::named("commands")).await.unwrap();
    let Some(browser) = Browser::start("the_commands_of_a_page", &scene.hub().url).await else { return };
    browser.wear(Theme::Light, 1280).await;
    browser.allow_clipboard().await;
    let person = Person { scene: &scene, browser: &browser };
    scene.commit(&[(&scene.file(APP), &scene.application(APP))], "The first one").unwrap();
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    browser.open(&format!("/applications/{}/{APP}", scene.namespace)).await;

    // Forward, one step and then over all that is left. The name of the last step has a space in it.
    scene.wait_until(APP, &v1, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    person.sees("Waits for you").await;
    person.does("Promote to 50/50").await;
    scene.wait_until(APP, &v1, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    let line = person.does("Promote to full on").await;
    assert!(line.ends_with("--step 'full on'"), "{line}");
    scene.wait_until(APP, &v1, 2, WaitingFor::None, SOON).await.unwrap();

    // Stop, and go on.
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    person.does("Pause where it is").await;
    person.until("paused", |status| status.waiting.state == WaitingFor::Paused).await;
    person.does("Go on").await;
    person.until("under way", |status| status.waiting.state == WaitingFor::WaitingForCommand).await;

    // Back from the middle of it.
    person.does("Abort").await;
    let is_back = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        move |status: &ApplicationStatus| {
            let withdrawn =
                status.releases.iter().any(|one| one.name.as_str() == from && one.withdrawn.is_some());
            let contender = status.contender.as_ref().is_some_and(|name| name.as_str() == to);
            withdrawn && contender && status.waiting.state == WaitingFor::None
        }
    };
    person.until("taken back", is_back(&v2, &v1)).await;

    // Back from the end of it.
    scene.edit(APP, "tag: v1", "tag: v3").unwrap();
    let v3 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    person.does("Promote to 50/50").await;
    scene.wait_until(APP, &v3, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    person.does("Promote to full on").await;
    scene.wait_until(APP, &v3, 2, WaitingFor::None, SOON).await.unwrap();
    let line = person.does("Roll back").await;
    assert!(line.ends_with(&format!("--to {v1}")), "{line}");
    person.until("rolled back", is_back(&v3, &v1)).await;
    person.sees("is complete").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.end().await;
}
