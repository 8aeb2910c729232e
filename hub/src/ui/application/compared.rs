//! *Compare releases*: any two releases of an application, in what was asked for and in what was rendered, object by object as
//! `shipperctl diff` has it.

use super::choice::{self, Choice};
use super::difference::{self, Difference};
use super::objects::{self, Objects};
use super::{About, records};
use crate::ui::answer::{self, Query};
use crate::ui::frame::Frame;
use crate::ui::words::{application, cut};
use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use shipper_core::command::Command;
use shipper_core::status::ApplicationStatus;
use shipper_core::{AppKey, ReleaseName};
use std::collections::BTreeMap;

/// Characters of a name that nobody knows.
const NAME: usize = 80;

/// Which releases are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

#[derive(Template)]
#[template(path = "compared.html")]
struct Page {
    frame: Frame,
    key: AppKey,
    address: String,
    choice: Option<Choice>,
    /// Why nothing is compared, and what to do.
    wrong: Option<String>,
    /// From which release to which.
    names: Option<(String, String)>,
    difference: Option<Difference>,
    objects: Option<Objects>,
    command: Command,
}

/// The page.
pub async fn page(about: About, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    let About { view, frame, key, status } = about;
    let usual = choice::usual(&status);
    let named = |asked: &str, usual: Option<&ReleaseName>| match asked.trim() {
        "" => usual.cloned().unwrap_or_else(|| ReleaseName::from("")),
        name => ReleaseName::from(name),
    };
    let (from, to) = (
        named(&asked.from, usual.as_ref().map(|(from, _)| from)),
        named(&asked.to, usual.as_ref().map(|(_, to)| to)),
    );
    let wrong = wrong(&status, &from, &to);
    let mut page = Page {
        frame,
        address: application(&key),
        choice: Choice::of(&status, from.as_str(), to.as_str()),
        names: None,
        difference: None,
        objects: None,
        command: Command::new("shipperctl diff").word(&key),
        key,
        wrong,
    };
    if page.wrong.is_some() {
        let mut response = answer::page(&page, None);
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let known = records::ask(&view, &page.key).await;
    let (objects, images) = objects::ask(&view, &page.key, &from, &to).await;
    page.difference = difference::between(&known, &images, &from, &to);
    page.command = page.command.word(&from).word(&to);
    page.objects = Some(objects);
    page.names = Some((from.to_string(), to.to_string()));
    answer::page(&page, Some(&headers))
}

/// Why nothing can be compared: a link may be older than what is kept.
fn wrong(status: &ApplicationStatus, from: &ReleaseName, to: &ReleaseName) -> Option<String> {
    let app = &status.application;
    if status.releases.len() < 2 {
        let none = if status.releases.is_empty() { "no release yet" } else { "only one release" };
        return Some(format!(
            "{app} has {none}: there is nothing to compare. A commit that changes its template makes the next one."
        ));
    }
    let known: BTreeMap<&ReleaseName, ()> =
        status.releases.iter().map(|release| (&release.name, ())).collect();
    let unknown: Vec<String> = [from, to]
        .into_iter()
        .filter(|name| !known.contains_key(name))
        .map(|name| cut(name.as_str(), NAME))
        .collect();
    let oldest = status.releases.last().map(|release| release.name.as_str()).unwrap_or_default();
    match unknown.as_slice() {
        [] => None,
        names => Some(format!(
            "{} is not known, or not any more: of {app} the hub keeps what revisionHistoryLimit says, back to {oldest}. Choose two of those \
             that are kept; older ones are in the history of the branch shipper/state.",
            names.join(" and ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use crate::details::Details;
    use crate::rendered::Rendered;
    use crate::ui::support::{hub, records, rollout, two};
    use axum::http::StatusCode;
    use serde_json::{Value, json};

    fn manifests(suffix: &str, image: &str, key: &str) -> Rendered {
        let name = format!("shop-{suffix}");
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, labels: {{shipper.dev/release: {name}}}}}\n\
             spec: {{template: {{spec: {{containers: [{{name: web, image: \"{image}\"}}]}}}}}}\n---\n\
             apiVersion: v1\nkind: Secret\nmetadata: {{name: keys-{suffix}}}\ndata: {{token: {key}}}\n"
        );
        Rendered::Manifests(text.into_bytes())
    }

    /// A third release, older than the incumbent.
    fn with_a_third() -> Value {
        let mut status = rollout("web/shop");
        let mut third = status["releases"][1].clone();
        (third["name"], third["version"]) = (json!("shop-first-0"), json!("shop 0.9.0"));
        status["releases"].as_array_mut().unwrap().push(third);
        status
    }

    #[tokio::test]
    async fn any_two_releases_are_compared_object_by_object_with_secrets_hidden() {
        let hub = hub().await;
        hub.clusters(&two());
        hub.publish(&with_a_third());
        let environment = json!({"values": {"image": {"tag": "2"}}});
        hub.answer_details(Details { releases: records(&environment), ..Details::default() });
        hub.answer_rendered(
            [
                ("shop-new-0".into(), manifests("new-0", "shop:2", "bmV3")),
                ("shop-old-0".into(), manifests("old-0", "shop:1", "b2xk")),
                ("shop-first-0".into(), manifests("first-0", "shop:<0>", "Zmlyc3Q=")),
            ]
            .into(),
        );
        let application = hub.get("/applications/web/shop").await;
        assert!(application.text.contains("action=\"/applications/web/shop/diff\""), "{}", application.text);
        for (query, from, to) in [
            ("", "shop:1", "shop:2"),
            ("?from=&to=", "shop:1", "shop:2"),
            ("?from=shop-first-0&to=shop-old-0", "shop:<0>", "shop:1"),
            ("?from=shop-new-0&to=shop-first-0", "shop:2", "shop:<0>"),
        ] {
            let page = hub.get(&format!("/applications/web/shop/diff{query}")).await;
            assert_eq!(page.status, StatusCode::OK);
            let read = page.read();
            let at =
                |text: &str| read.find(text).unwrap_or_else(|| panic!("{query}: {text:?} is not in {read}"));
            assert!(at(&format!("image: {from}")) < at(&format!("image: {to}")), "{read}");
            assert!(
                read.contains("token: (hidden, after)") && read.contains("Deployment shop-<release> changed"),
                "{read}"
            );
            for secret in ["bmV3", "b2xk", "Zmlyc3Q"] {
                assert!(!page.text.contains(secret), "{query}: {secret} is in {read}");
            }
        }
        let shared = hub.get("/applications/web/shop/diff?from=shop-first-0&to=shop-old-0").await;
        assert!(
            shared.text.contains("<option value=\"shop-first-0\" selected>shop 0.9.0 (shop-first-0)"),
            "{}",
            shared.text
        );
        assert!(shared.read().contains("shipperctl diff web/shop shop-first-0 shop-old-0"));
        let one = hub.get("/applications/web/shop/diff?from=shop-old-0&to=shop-old-0").await;
        assert!(one.read().contains("This is one release"), "{}", one.read());
    }

    #[tokio::test]
    async fn a_link_to_a_release_that_is_gone_says_what_to_do() {
        let hub = hub().await;
        hub.clusters(&two());
        hub.publish(&rollout("web/shop"));
        let page = hub.get("/applications/web/shop/diff?from=shop-gone-0&to=shop-new-0").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        for part in
            ["shop-gone-0 is not known, or not any more", "revisionHistoryLimit", "shipper/state", "<option"]
        {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        let mut alone = rollout("web/alone");
        alone["releases"] = json!([alone["releases"][0]]);
        hub.publish(&alone);
        assert!(
            !hub.get("/applications/web/alone").await.text.contains("/applications/web/alone/diff\" aria")
        );
        let page = hub.get("/applications/web/alone/diff").await;
        assert!(page.status == StatusCode::NOT_FOUND && page.read().contains("has only one release"));
        assert_eq!(hub.get("/applications/web/shopp/diff").await.status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn what_cannot_be_compared_says_why() {
        for (rendered, said) in [
            (Rendered::Overridden, "shop-old-0 has different values in every cluster"),
            (Rendered::TooLarge, "compare it in a terminal"),
            (Rendered::Nothing, "shop-old-0 was not rendered"),
        ] {
            let hub = hub().await;
            hub.clusters(&two());
            hub.publish(&rollout("web/shop"));
            hub.answer_details(Details { releases: records(&json!({})), ..Details::default() });
            hub.answer_rendered(
                [
                    ("shop-new-0".into(), manifests("new-0", "shop:2", "bmV3")),
                    ("shop-old-0".into(), rendered),
                ]
                .into(),
            );
            let page = hub.get("/applications/web/shop/diff").await;
            assert!(
                page.read().contains(said) && page.read().contains("shipperctl diff web/shop"),
                "{}",
                page.read()
            );
        }
    }
}
