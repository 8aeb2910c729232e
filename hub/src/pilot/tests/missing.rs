//! Removal and rewritten history over real bare repositories [X1 to X5].

use super::bed::{Bed, CLUSTER, Hub, MAIN, MANIFESTS, STATE, application, file, key};
use super::{has_releases, one, reason};
use crate::shared::Shared;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{AcceptedBranch, AcceptedHistory};
use shipper_core::protocol::RefusedHistory;
use shipper_core::state::{AppRecord, StateObject, paths};
use shipper_git::Oid;

fn cluster(name: &str) -> String {
    CLUSTER.replace("NAME", name)
}

fn present(shared: &Shared, wanted: Reason) -> Option<String> {
    let conditions = shared.hub.get().conditions;
    let found = conditions.into_iter().find(|c| c.kind == ConditionType::Present && c.reason == wanted);
    found.map(|condition| condition.message)
}

fn refused(shared: &Shared) -> Option<(String, RefusedHistory)> {
    let status = shared.hub.get();
    let condition = status.conditions.first().filter(|c| c.reason == Reason::HistoryRewritten)?;
    Some((condition.message.clone(), status.refused?))
}

/// What `shipperctl repository accept` commits, on the newest main.
fn accept(bed: &mut Bed, refused: &RefusedHistory) -> Oid {
    let mut history = AcceptedHistory::default();
    history.put(AcceptedBranch {
        branch: refused.branch.clone(),
        commit: refused.commit.clone(),
        supersedes: refused.supersedes.clone(),
    });
    let text = String::from_utf8(history.to_yaml().unwrap()).unwrap();
    bed.commit(&[("accepted-history.yaml", Some(&text))])
}

fn record(bed: &mut Bed, name: &str) -> AppRecord {
    AppRecord::from_yaml(bed.files()[&paths::app_record(&key(name))].as_bytes()).unwrap()
}

/// [X1] A commit that takes several away removes nothing; one that names one of them by its trailer removes that one; a revert keeps the
/// other.
#[tokio::test(flavor = "multi_thread")]
async fn x1_of_many_that_are_missing_only_the_confirmed_is_removed() {
    let mut bed = one();
    bed.commit(&[(&file("other"), Some(&application("other", "apps/web")))]);
    let hub = Hub::start(bed.config()).await;
    for (sequence, name) in [(1, "shop"), (2, "other")] {
        hub.app(name, has_releases(1)).await;
        let target = bed.target("a", name).unwrap();
        hub.report("a", sequence, &target).await;
        hub.app(name, |status| status.releases[0].complete.is_some()).await;
    }
    let before = (bed.target("a", "shop"), bed.target("a", "other"));
    bed.commit(&[(&file("shop"), None), (&file("other"), None)]);
    let message = hub.until("the loud condition", |shared| present(shared, Reason::ManyMissing)).await;
    assert!(message.contains("2 applications (web/other, web/shop)"), "{message}");
    hub.app("shop", |status| {
        reason(status, ConditionType::Present) == Some((Status::False, Reason::MissingOnMain))
    })
    .await;
    assert_eq!((bed.target("a", "shop"), bed.target("a", "other")), before, "absence deletes nothing");

    bed.confirm("web/shop");
    hub.app("shop", |status| {
        reason(status, ConditionType::Present) == Some((Status::False, Reason::Removing))
    })
    .await;
    hub.until("the other one alone", |shared| present(shared, Reason::MissingOnMain)).await;
    bed.commit(&[(&file("other"), Some(&application("other", "apps/web")))]);
    hub.app("other", |status| reason(status, ConditionType::Present).is_none()).await;
    assert_eq!(bed.target("a", "other"), before.1);

    let tombstone = bed.target("a", "shop").unwrap();
    assert!(tombstone.absent && tombstone.releases.iter().all(|release| release.absent));
    hub.report("a", 3, &tombstone).await;
    hub.until("the end", |shared| shared.statuses.get(&key("shop")).is_none().then_some(())).await;
    assert_eq!((bed.target("a", "shop"), bed.releases("shop").len()), (None, 0));
    let counters = record(&mut bed, "shop");
    assert_eq!((counters.generation, counters.missing), (1, None));

    // Once more: no name is used twice.
    bed.commit(&[(&file("shop"), Some(&application("shop", "apps/web")))]);
    hub.app("shop", has_releases(1)).await;
    let again = bed.releases("shop").remove(0);
    assert!(again.name.as_str().ends_with("-1") && again.generation == 2, "{}", again.name);
    assert!(bed.target("a", "shop").unwrap().generation > tombstone.generation);
    hub.stop().await;
}

/// [X1] What counts is a trailer since the file was last there, wherever the hub was meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn x1_an_old_trailer_confirms_nothing_and_a_restart_forgets_nothing() {
    let mut bed = one();
    bed.confirm("web/shop");
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let target = bed.target("a", "shop").unwrap();
    hub.report("a", 1, &target).await;
    hub.app("shop", |status| status.releases[0].complete.is_some()).await;
    bed.commit(&[(&file("shop"), None)]);
    hub.until("the condition", |shared| present(shared, Reason::MissingOnMain)).await;
    let since = record(&mut bed, "shop").missing.unwrap();
    assert_eq!((since.source, since.removal), (bed.head.unwrap().to_string(), None));
    hub.stop().await;

    bed.confirm("web/shop");
    bed.commit(&[("notes.md", Some("later"))]);
    std::fs::remove_dir_all(bed.path("hub")).unwrap();
    let hub = Hub::take_over(bed.config()).await;
    hub.app("shop", |status| {
        reason(status, ConditionType::Present) == Some((Status::False, Reason::Removing))
    })
    .await;
    hub.stop().await;
}

/// [X2, X4] A cluster that is missing stays in force until a commit confirms it; then its agent is refused and it has no targets any more.
#[tokio::test(flavor = "multi_thread")]
async fn x2_x4_a_missing_cluster_waits_for_its_trailer() {
    let mut bed = one();
    bed.commit(&[("clusters/b.yaml", Some(&cluster("b")))]);
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", |status| has_releases(1)(status) && status.clusters.len() == 2).await;
    let before = bed.target("b", "shop").unwrap();
    let gone = bed.commit(&[("clusters/b.yaml", None)]);
    let message = hub.until("the condition", |shared| present(shared, Reason::MissingOnMain)).await;
    assert!(message.contains("shipperctl remove --cluster b"), "{message}");
    hub.follows(gone).await;
    assert_eq!(bed.target("b", "shop"), Some(before));
    assert!(hub.shared.hub.get().clusters.iter().any(|cluster| cluster.name.as_str() == "b"));
    // Nothing new comes to it.
    bed.commit(&[(&file("late"), Some(&application("late", "apps/web")))]);
    hub.app("late", has_releases(1)).await;
    assert!(bed.target("b", "late").is_none());

    let confirmed = bed.confirm("b");
    hub.until("the refusal", |shared| shared.tokens.removed(&"b".into())).await;
    hub.app("shop", |status| status.clusters.len() == 1).await;
    assert_eq!(bed.target("b", "shop"), None, "no tombstone: what it has stays as it is");
    let removed = bed.fleet_state().removed_clusters;
    assert_eq!(removed[&shipper_core::ClusterName::from("b")].commit, confirmed.to_string());
    hub.stop().await;

    // Another hub, which never saw it, refuses it as well; until the file is back.
    std::fs::remove_dir_all(bed.path("hub")).unwrap();
    let hub = Hub::take_over(bed.config()).await;
    hub.until("the refusal again", |shared| shared.tokens.removed(&"b".into())).await;
    bed.commit(&[("clusters/b.yaml", Some(&cluster("b")))]);
    hub.until("peace", |shared| shared.tokens.removed(&"b".into()).is_none().then_some(())).await;
    hub.until("the state to say so", |shared| (shared.hub.get().state.is_some()).then_some(())).await;
    hub.stop().await;
}

/// [X3] A rewritten main is accepted by a commit on it, which names what it supersedes; the hub needs no restart and no flag.
#[tokio::test(flavor = "multi_thread")]
async fn x3_a_rewritten_main_is_accepted_by_a_commit() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let (old, state) = (bed.head.unwrap(), bed.state());
    let new = bed.make(
        None,
        &[("clusters/a.yaml", Some(&cluster("a"))), (&file("late"), Some(&application("late", "apps/web")))],
    );
    bed.push(MAIN, new, Some(old));
    bed.head = Some(new);
    let (message, history) = hub.until("the refusal", refused).await;
    assert!(message.contains(&format!("shipperctl repository accept {new}")), "{message}");
    assert_eq!(
        (history.commit.clone(), history.supersedes.clone()),
        (new.to_string(), vec![old.to_string()])
    );

    // One that supersedes something else is about another day.
    let other = RefusedHistory { supersedes: vec![new.to_string()], ..history.clone() };
    let head = accept(&mut bed, &other).to_string();
    hub.until("the refusal of that", |shared| refused(shared).filter(|(_, now)| now.commit == head)).await;
    assert_eq!(bed.state(), state, "nothing changes anywhere");

    let accepted = accept(&mut bed, &history);
    hub.follows(accepted).await;
    hub.app("late", |_| true).await;
    hub.app("shop", |status| {
        reason(status, ConditionType::Present) == Some((Status::False, Reason::MissingOnMain))
    })
    .await;
    hub.until("peace", |shared| shared.hub.get().refused.is_none().then_some(())).await;
    hub.stop().await;
    assert_eq!(bed.fleet_state().source, accepted.to_string());
    assert_eq!(bed.releases("shop").len(), 1, "what is missing on the new main is not removed");
    assert!(!bed.target("a", "shop").unwrap().absent);

    // For good, also without the hub's data.
    std::fs::remove_dir_all(bed.path("hub")).unwrap();
    let hub = Hub::take_over(bed.config()).await;
    let next = bed.commit(&[("notes.md", Some("on"))]);
    hub.follows(next).await;
    hub.stop().await;
}

/// [X3] A hub that is stopped remembers what it followed: a main that went back meanwhile is not followed.
#[tokio::test(flavor = "multi_thread")]
async fn x3_a_main_that_went_back_while_the_hub_was_stopped_is_refused() {
    let mut bed = one();
    let older = bed.head.unwrap();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let newer = bed.commit(&[("notes.md", Some("nothing that the state branch would name"))]);
    hub.follows(newer).await;
    hub.stop().await;
    bed.push(MAIN, older, Some(newer));
    let hub = Hub::start(bed.config()).await;
    let (message, history) = hub.until("the refusal", refused).await;
    assert!(message.contains("restore from a backup"), "{message}");
    assert_eq!(history.supersedes, [newer.to_string()]);
    bed.push(MAIN, newer, Some(older));
    hub.until("peace", |shared| shared.hub.get().refused.is_none().then_some(())).await;
    hub.stop().await;
}

/// [X5] A state branch restored from a backup is noticed by a hub that knows of nothing, by what agents follow; once accepted it goes on
/// in an epoch above theirs, with counters above all that were used.
#[tokio::test(flavor = "multi_thread")]
async fn x5_a_restored_state_branch_is_noticed_by_what_agents_follow() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let backup = bed.state().unwrap();
    let target = bed.target("a", "shop").unwrap();
    hub.report("a", 1, &target).await;
    hub.app("shop", |status| status.releases[0].complete.is_some()).await;
    hub.stop().await;
    let lost = bed.state().unwrap();
    let standing = bed.fleet_state();
    let counter = record(&mut bed, "shop").target_generation;

    bed.push(STATE, backup, Some(lost));
    std::fs::remove_dir_all(bed.path("hub")).unwrap();
    let hub = Hub::take_over(bed.config()).await;
    hub.report_at("a", &target, lost, (standing.epoch, standing.generation)).await;
    bed.commit(&[("apps/web/all.yaml", Some(&MANIFESTS.replace("web:1", "web:2")))]);
    let (message, history) = hub.until("the refusal", refused).await;
    assert!(message.contains(&lost.to_string()) && message.contains("cluster a"), "{message}");
    assert_eq!(history.branch, STATE);
    assert_eq!(history.supersedes, [lost.to_string()]);

    accept(&mut bed, &history);
    hub.until("the new epoch", |shared| (shared.hub.get().epoch > standing.epoch).then_some(())).await;
    hub.app("shop", has_releases(2)).await;
    hub.stop().await;
    let taken_over = bed.fleet_state();
    assert_eq!(taken_over.supersedes, Some(lost.to_string()));
    assert!(taken_over.generation > standing.generation);
    assert!(bed.target("a", "shop").unwrap().generation > counter + 1000);
}

/// [X5] A hub with its data directory notices it alone, and an agent of another repository stops nobody.
#[tokio::test(flavor = "multi_thread")]
async fn x5_a_hub_with_its_data_notices_a_restored_state_branch_itself() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let backup = bed.state().unwrap();
    bed.commit(&[("apps/web/all.yaml", Some(&MANIFESTS.replace("web:1", "web:2")))]);
    hub.app("shop", has_releases(2)).await;
    let target = bed.target("a", "shop").unwrap();
    let (reported, present) = (bed.state().unwrap(), bed.fleet_state());
    hub.report_at("a", &target, reported, (present.epoch, present.generation)).await;
    hub.report_at("stranger", &target, bed.head.unwrap(), (9, 9)).await;
    let next = bed.commit(&[("notes.md", Some("on"))]);
    hub.follows(next).await;
    hub.stop().await;
    let lost = bed.state().unwrap();

    bed.push(STATE, backup, Some(lost));
    let hub = Hub::start(bed.config()).await;
    let (message, history) = hub.until("the refusal", refused).await;
    assert!(message.contains("restore from a backup"), "{message}");
    assert_eq!((history.branch.as_str(), history.supersedes), (STATE, vec![lost.to_string()]));
    bed.push(STATE, lost, Some(backup));
    hub.until("peace", |shared| shared.hub.get().refused.is_none().then_some(())).await;
    hub.stop().await;
}

/// [R3] A version that a range was resolved to is in the record while its release is rendered, and stays what it is.
#[tokio::test(flavor = "multi_thread")]
async fn r3_a_release_takes_the_pin_that_the_record_has() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    hub.stop().await;
    let chart = "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: web}\nspec:\n  template:\n    chart: {name: shop, version: '~1', repoUrl: 'http://127.0.0.1:1/'}\n";
    bed.commit(&[(&file("shop"), Some(chart))]);
    // Another hub resolved it a moment ago, and was killed while it rendered.
    let written = r#"{"name": "shop", "version": "~1", "repoUrl": "http://127.0.0.1:1/"}"#;
    let pinned = r#"{"name": "shop", "version": "1.2.3", "repoUrl": "http://127.0.0.1:1/"}"#;
    let mut shop = record(&mut bed, "shop");
    let pin = shipper_core::state::ChartPin {
        written: serde_json::from_str(written).unwrap(),
        chart: serde_json::from_str(pinned).unwrap(),
    };
    shop.pin = Some(pin.into());
    let text = String::from_utf8(shop.to_yaml().unwrap()).unwrap();
    let state = bed.state();
    let mut fleet = bed.fleet_state();
    fleet.generation += 1;
    let fleet = String::from_utf8(fleet.to_yaml().unwrap()).unwrap();
    let commit =
        bed.make(state, &[(&paths::app_record(&key("shop")), Some(&text)), ("state.yaml", Some(&fleet))]);
    bed.push(STATE, commit, state);
    let hub = Hub::start(bed.config()).await;
    // The repository is away: only the exact version is asked for, not what the range means now.
    hub.app("shop", |status| {
        status.conditions.iter().any(|c| c.kind == ConditionType::Rendered && c.message.contains("shop-"))
            || status.conditions.iter().any(|c| c.reason == Reason::Rendering)
    })
    .await;
    assert_eq!(record(&mut bed, "shop").pin, shop.pin);
    hub.stop().await;
}
