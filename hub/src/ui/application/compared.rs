//! *Compare releases*: any two releases of an application, in what was asked for and in what was rendered, object by object as
//! `shipperctl diff` has it; without overrides, or as one of its clusters gets them, which is `shipperctl diff --cluster`.

use super::aside::aside;
use super::choice::{self, Choice};
use super::difference::{self, Difference};
use super::objects::{self, Objects};
use super::overrides::Overrides;
use super::{About, records};
use crate::rendered::Wanted;
use crate::ui::answer::{self, Query};
use crate::ui::frame::Frame;
use crate::ui::words::{application, cut, list};
use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use shipper_core::command::Command;
use shipper_core::status::ApplicationStatus;
use shipper_core::suggest::nearest;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a name that nobody knows.
const NAME: usize = 80;
/// Clusters that are named where another one was meant.
const MEANT: usize = 5;

/// Which releases are asked for, and in which cluster; empty = without overrides.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    cluster: String,
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
    cluster: Option<ClusterName>,
    overrides: Option<Overrides>,
    difference: Option<Difference>,
    objects: Option<Objects>,
    command: Command,
    /// The same two without overrides.
    link: String,
}

impl Page {
    /// The same two in a cluster.
    fn within(&self, cluster: &ClusterName) -> String {
        choice::within(&self.link, cluster)
    }
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
    let cluster = Some(asked.cluster.trim()).filter(|name| !name.is_empty()).map(ClusterName::from);
    let wrong = wrong(&status, &from, &to).or_else(|| elsewhere(&status, cluster.as_ref()?));
    let choice = Choice::of(&status, from.as_str(), to.as_str());
    let mut page = Page {
        frame,
        address: application(&key),
        choice: None,
        names: None,
        cluster: cluster.clone(),
        overrides: None,
        difference: None,
        objects: None,
        command: Command::new("shipperctl diff").word(&key),
        wrong,
        link: choice::comparison(&status, &from, &to),
        key,
    };
    if page.wrong.is_some() {
        page.choice = choice.map(|choice| choice.with_clusters(&status, None, &BTreeSet::new()));
        let mut response = answer::page(&page, None);
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    page.command = page.command.word(&from).word(&to);
    if let Some(cluster) = &cluster {
        page.command = page.command.option("--cluster", cluster);
    }
    page.names = Some((from.to_string(), to.to_string()));
    let known = records::ask(&view, &page.key).await;
    let wanted = Wanted {
        application: page.key.clone(),
        releases: vec![from.clone(), to.clone()],
        cluster: cluster.clone(),
    };
    let rendered = objects::ask(&view, wanted.clone()).await;
    let within = cluster.clone();
    let compared = aside(move || {
        let between = |rendered| Objects::between(&wanted, rendered);
        let (objects, images) = rendered.as_ref().map_or_else(|| (Objects::busy(), BTreeMap::new()), between);
        let within = within.as_ref();
        let difference = difference::between(&known, &images, (&from, &to), within);
        (objects, difference, Overrides::of(&known, (&from, &to), within))
    });
    let unknown = || (Objects::busy(), None, Overrides::unknown(cluster.as_ref()));
    let (objects, difference, overrides) = compared.await.unwrap_or_else(unknown);
    page.choice = choice.map(|choice| choice.with_clusters(&status, cluster.as_ref(), &overrides.own));
    (page.objects, page.difference, page.overrides) = (Some(objects), difference, Some(overrides));
    answer::page(&page, Some(&headers))
}

/// Why a cluster shows nothing, and which one may have been meant: only those of the application are known here.
fn elsewhere(status: &ApplicationStatus, cluster: &ClusterName) -> Option<String> {
    let known: Vec<&str> = status.clusters.iter().map(|one| one.cluster.as_str()).collect();
    if known.contains(&cluster.as_str()) {
        return None;
    }
    let meant = match (nearest(cluster.as_str(), known.iter().copied()), known.as_slice()) {
        (Some(name), _) => format!("did you mean {name}?"),
        (None, []) => "it is in no cluster yet.".to_owned(),
        (None, known) => format!("it is in {}.", list(known, MEANT)),
    };
    Some(format!(
        "{} is not in the cluster {}; {meant} Choose one of its clusters, or compare without overrides.",
        status.application,
        cut(cluster.as_str(), NAME)
    ))
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
