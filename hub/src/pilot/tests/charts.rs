//! Charts of a repository that goes on while the fleet does.

use super::bed::{Bed, Hub, MANIFESTS, file};
use super::{cluster, has_releases};
use crate::render::tests::helm;
use crate::render::tests::repository::{Repository, archive_of};
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
