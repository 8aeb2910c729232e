//! Charts of a repository that goes on while the fleet does.

use super::bed::{Bed, Hub, MANIFESTS, file, key};
use super::{cluster, has_releases};
use crate::render::tests::helm;
use crate::render::tests::repository::{Repository, archive_of};
use crate::rendered::{Rendered, Wanted};
use shipper_core::state::WithdrawalReason;

/// An Application that takes `shop` in this range from a repository.
fn from_chart(url: &str, range: &str, more: &str) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: web}}\nspec:\n  template:\n    \
         chart: {{name: shop, version: '{range}', repoUrl: '{url}'{more}}}\n"
    )
}

/// The versions that the releases have, oldest first.
fn versions(bed: &mut Bed) -> Vec<String> {
    let releases = bed.releases("shop").into_iter();
    releases.filter_map(|release| release.environment.chart?.version).collect()
}

/// [R3] A range means what it meant when the block was first written: a revert brings back exactly what ran, whatever the repository has by
/// then. Another `resolve` asks for a new look.
#[tokio::test(flavor = "multi_thread")]
async fn r3_a_revert_brings_back_the_version_that_ran() {
    if helm().is_none() {
        return;
    }
    let repository = Repository::start().await;
    let publish = |versions: &[&str]| {
        let urls: Vec<_> = versions.iter().map(|version| format!("shop-{version}.tgz")).collect();
        for (version, url) in versions.iter().zip(&urls) {
            repository.put(&format!("/charts/{url}"), &archive_of(version, MANIFESTS));
        }
        let listed: Vec<_> =
            versions.iter().zip(&urls).map(|(version, url)| (*version, url.as_str(), "")).collect();
        repository.index(&listed);
    };
    publish(&["1.0.0"]);
    let first = from_chart(&repository.url, "~1", "");
    let mut bed = Bed::new();
    bed.commit(&[("clusters/a.yaml", Some(&cluster("a"))), (&file("shop"), Some(&first))]);
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let target = bed.target("a", "shop").unwrap();
    hub.report("a", 1, &target).await;
    hub.app("shop", |status| status.releases[0].complete.is_some()).await;

    publish(&["1.0.0", "1.1.0"]);
    bed.commit(&[(&file("shop"), Some(&from_chart(&repository.url, ">=1", "")))]);
    hub.app("shop", has_releases(2)).await;
    assert_eq!(versions(&mut bed), ["1.0.0", "1.1.0"]);

    let back = bed.commit(&[(&file("shop"), Some(&first))]);
    hub.follows(back).await;
    let releases = bed.releases("shop");
    let withdrawn = releases[1].withdrawn.as_ref().map(|withdrawn| withdrawn.reason);
    assert_eq!(withdrawn, Some(WithdrawalReason::Returned), "~1 is what it was: 1.0.0");
    assert_eq!(versions(&mut bed), ["1.0.0", "1.1.0"]);

    bed.commit(&[(&file("shop"), Some(&from_chart(&repository.url, "~1", ", resolve: again")))]);
    hub.app("shop", has_releases(3)).await;
    assert_eq!(versions(&mut bed), ["1.0.0", "1.1.0", "1.1.0"]);
    hub.stop().await;
}

/// What a cluster is shown of a release is what overrides make of it there: beside its target, or, before its turn, by its values.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_compared_in_a_cluster_is_what_it_has_or_gets() {
    if helm().is_none() {
        return;
    }
    let application = "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: web}\nspec:\n  template:\n    \
        chart: {path: charts/shop}\n    values: {tag: plain}\n    \
        overrides: [{clusters: {names: [a, b]}, values: {tag: special}}]\n    \
        strategy: {steps: [{name: first, clusters: {names: [a]}, capacity: {contender: 100}}, {name: all, capacity: {contender: 100}}]}\n";
    let mut bed = Bed::new();
    bed.commit(&[
        ("charts/shop/Chart.yaml", Some("apiVersion: v2\nname: shop\nversion: 1.0.0\n")),
        ("charts/shop/templates/all.yaml", Some(&MANIFESTS.replace("web:1", "web:{{ .Values.tag }}"))),
        ("clusters/a.yaml", Some(&cluster("a"))),
        ("clusters/b.yaml", Some(&cluster("b"))),
        ("clusters/c.yaml", Some(&cluster("c"))),
        (&file("shop"), Some(application)),
    ]);
    let hub = Hub::start(bed.config()).await;
    let status = hub.app("shop", |status| {
        status.releases.len() == 1
            && status.clusters.iter().any(|cluster| cluster.target_generation.is_some())
    });
    status.await;
    let release = bed.releases("shop").remove(0).name;
    let files = bed.files();
    let beside = |name: &str| format!("clusters/{name}/web/shop/{release}.yaml");
    assert!(files.contains_key(&beside("a")) && !files.contains_key(&beside("b")), "{:?}", files.keys());
    for (name, image) in
        [(Some("a"), "special"), (Some("b"), "special"), (Some("c"), "plain"), (None, "plain")]
    {
        let wanted = Wanted {
            application: key("shop"),
            releases: vec![release.clone()],
            cluster: name.map(Into::into),
        };
        let rendered = hub.shared.rendered.ask(wanted).unwrap().await.unwrap().unwrap();
        let Rendered::Manifests(bytes) = &rendered[&release] else { panic!("{name:?}: {rendered:?}") };
        assert!(String::from_utf8_lossy(bytes).contains(&format!("web:{image}")), "{name:?}: {rendered:?}");
    }
    hub.stop().await;
}
