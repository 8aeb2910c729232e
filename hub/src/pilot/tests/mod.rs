//! The loop over real bare repositories.

pub(crate) mod bed;
mod charts;
mod clusters;
mod measured;
mod missing;
mod standing;

use crate::pilot::PilotConfig;
use crate::rendered::{Rendered, Wanted};
use crate::shared::Shared;
use crate::store::MemoryStore;
use bed::{Bed, CLUSTER, Hub, MAIN, MANIFESTS, STATE, application, bare, file, key};
use shipper_core::api::{ApplicationSummary, Commit, RolloutState};
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::status::{ApplicationStatus, Liveness, WaitingFor};
use shipper_core::why::Rule;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn cluster(name: &str) -> String {
    CLUSTER.replace("NAME", name)
}

fn image(tag: &str) -> String {
    MANIFESTS.replace("web:1", &format!("web:{tag}"))
}

/// One cluster and one application.
fn one() -> Bed {
    let mut bed = Bed::new();
    bed.commit(&[
        ("clusters/a.yaml", Some(&cluster("a"))),
        ("apps/web/all.yaml", Some(MANIFESTS)),
        (&file("shop"), Some(&application("shop", "apps/web"))),
    ]);
    bed
}

fn has_releases(count: usize) -> impl Fn(&ApplicationStatus) -> bool {
    move |status| {
        status.releases.len() == count && status.clusters.iter().all(|c| c.target_generation.is_some())
    }
}

fn reason(status: &ApplicationStatus, kind: ConditionType) -> Option<(Status, Reason)> {
    status.conditions.iter().find(|c| c.kind == kind).map(|c| (c.status, c.reason))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_application_becomes_records_and_targets() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;

    let files = bed.files();
    let release = bed.releases("shop").remove(0);
    let rendered = &files[&format!("releases/web/shop/{}/manifests.yaml", release.name)];
    assert!(rendered.contains(release.name.as_str()));
    assert_eq!(&files[&format!("clusters/a/web/shop/{}.yaml", release.name)], rendered);
    let target = bed.target("a", "shop").unwrap();
    assert_eq!((target.releases[0].capacity, target.releases[0].traffic), (100, Some(100)));

    let state = bed.state().unwrap();
    let snapshot = bed.people.snapshot(state).unwrap();
    let trailers = snapshot.trailers().unwrap();
    assert!(trailers.contains(&("Shipper-Source".into(), bed.head.unwrap().to_string())), "{trailers:?}");
    assert_eq!(snapshot.parents().unwrap(), [], "the first rendering and its target are one commit");
    let told = |shared: &Shared| shared.commits.borrow().as_deref() == Some(state.to_string().as_str());
    hub.until("the commit told to agents", |shared| told(shared).then_some(())).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_folder_is_a_new_release_and_anything_else_is_no_push() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let target = bed.target("a", "shop").unwrap();
    hub.report("a", 1, &target).await;
    hub.app("shop", |status| status.releases[0].complete.is_some()).await;

    let before = bed.state();
    let notes = bed.commit(&[("notes.md", Some("nothing"))]);
    hub.follows(notes).await;
    assert_eq!(bed.state(), before);

    let mut told = hub.shared.timeline.listen();
    bed.commit(&[("apps/web/all.yaml", Some(&image("2")))]);
    hub.app("shop", has_releases(2)).await;
    let releases = bed.releases("shop");
    assert_eq!(releases[1].source, bed.head.unwrap().to_string());
    assert!(bed.files()[&format!("releases/web/shop/{}/manifests.yaml", releases[1].name)].contains("web:2"));
    assert_eq!(bed.target("a", "shop").unwrap().releases.len(), 2);

    // What is new in it is asked of the loop, which reads the images from what was rendered.
    let details = hub.shared.details.ask(key("shop")).unwrap().await.unwrap().unwrap();
    let images: Vec<Vec<String>> =
        releases.iter().map(|one| details.images[&one.name].values().cloned().collect()).collect();
    assert_eq!(images, [["example.com/web:1"], ["example.com/web:2"]]);
    // So is what was rendered, for whoever compares them.
    let names = releases.iter().map(|one| one.name.clone()).collect();
    let wanted = Wanted { application: key("shop"), releases: names, cluster: None };
    let rendered = hub.shared.rendered.ask(wanted.clone()).unwrap().await.unwrap().unwrap();
    for (release, image) in releases.iter().zip(["web:1", "web:2"]) {
        let Rendered::Manifests(bytes) = &rendered[&release.name] else { panic!("{rendered:?}") };
        assert!(String::from_utf8_lossy(bytes).contains(image));
    }
    // A cluster that the application is not in gets none of it.
    let elsewhere = Wanted { cluster: Some("b".into()), ..wanted };
    let rendered = hub.shared.rendered.ask(elsewhere).unwrap().await.unwrap().unwrap();
    assert!(rendered.values().all(|one| *one == Rendered::Nothing), "{rendered:?}");

    // The timeline says whose commit it was.
    let mut entry = told.recv().await.unwrap().entry.event.clone();
    while entry.reason != "Created" {
        entry = told.recv().await.unwrap().entry.event.clone();
    }
    let [author, subject] = ["Ann", "Change the fleet"].map(|text| Some(text.to_owned()));
    assert_eq!(entry.commit, Some(Commit { id: bed.head.unwrap().to_string(), author, subject }));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_keeps_its_last_good_version_and_holds_nobody_up() {
    let mut bed = one();
    bed.commit(&[
        (&file("shop"), Some("kind: [")),
        (&file("other"), Some(&application("other", "apps/web"))),
        (&file("new"), Some("not an object")),
    ]);
    // A hub that never saw the good version finds it in history.
    let hub = Hub::start(bed.config()).await;
    hub.app("other", has_releases(1)).await;
    hub.app("shop", |status| {
        has_releases(1)(status)
            && reason(status, ConditionType::Valid) == Some((Status::False, Reason::InvalidFile))
    })
    .await;
    hub.app("new", |status| status.releases.is_empty()).await;
    let problems = hub.shared.hub.get().problems;
    assert!(problems.iter().any(|p| p.file == file("shop") && p.line.is_some()), "{problems:?}");
    assert!(bed.releases("new").is_empty());

    bed.commit(&[(&file("shop"), Some(&application("shop", "apps/web")))]);
    hub.app("shop", |status| {
        reason(status, ConditionType::Valid) == Some((Status::True, Reason::AsExpected))
    })
    .await;
    assert_eq!(bed.releases("shop").len(), 1);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_that_is_missing_makes_no_release_until_it_is_there() {
    let mut bed = one();
    let named = format!("{}    strategyRef: careful\n", application("shop", "apps/web"));
    bed.commit(&[(&file("shop"), Some(&named))]);
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", |status| {
        reason(status, ConditionType::ReleaseSynced) == Some((Status::False, Reason::StrategyNotFound))
    })
    .await;
    let strategy = "apiVersion: shipper.dev/v1alpha1\nkind: Strategy\nmetadata: {name: careful}\nspec:\n  steps:\n  - {name: full, capacity: {contender: 100, incumbent: 0}, traffic: {contender: 100, incumbent: 0}}\n";
    bed.commit(&[("strategies/careful.yaml", Some(strategy))]);
    hub.app("shop", has_releases(1)).await;
    assert_eq!(bed.releases("shop")[0].strategy.steps[0].name, "full");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rewritten_history_changes_nothing_until_it_is_accepted() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let (old, state) = (bed.head.unwrap(), bed.state());

    let new = bed.make(
        None,
        &[("clusters/a.yaml", Some(&cluster("a"))), (&file("late"), Some(&application("late", "apps/web")))],
    );
    bed.push(MAIN, new, Some(old));
    let refused = |shared: &crate::shared::Shared| {
        let condition = shared.hub.get().conditions.first()?.clone();
        (condition.reason == Reason::HistoryRewritten).then_some(condition.message)
    };
    let message = hub.until("the refusal", refused).await;
    assert!(message.contains(&old.to_string()), "{message}");
    assert!(message.contains(&format!("--accept-history {new}")), "{message}");
    assert_eq!(bed.state(), state);
    assert!(hub.shared.statuses.get(&key("late")).is_none());
    hub.stop().await;

    // A hub that starts anew, with nothing kept, refuses it as well.
    std::fs::remove_dir_all(bed.path("hub")).unwrap();
    let hub = Hub::take_over(bed.config()).await;
    hub.until("the refusal after a restart", refused).await;
    assert_eq!(bed.state(), state);

    hub.control.accept(new);
    hub.app("late", |_| true).await;
    hub.follows(new).await;
    hub.until("the new beginning in Git", |shared| {
        let status = shared.hub.get();
        (status.conditions.first()?.reason == Reason::AsExpected && status.generation > 1).then_some(())
    })
    .await;
    assert!(bed.files()["state.yaml"].contains(&new.to_string()));
    assert_eq!(bed.releases("shop").len(), 1, "what is missing on the new main is not removed");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_started_with_a_new_beginning_follows_it_for_good() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    hub.stop().await;
    let late =
        [("clusters/a.yaml", Some(cluster("a"))), (&file("late"), Some(application("late", "apps/web")))];
    let late: Vec<_> = late.iter().map(|(path, text)| (*path, text.as_deref())).collect();
    let new = bed.make(None, &late);
    bed.push(MAIN, new, bed.head);
    bed.head = Some(new);

    std::fs::remove_dir_all(bed.path("hub")).unwrap();
    let hub = Hub::take_over(PilotConfig { accept_history: Some(new), ..bed.config() }).await;
    hub.app("late", |_| true).await;
    hub.follows(new).await;
    hub.until("the new beginning in Git", |shared| (shared.hub.get().generation > 1).then_some(())).await;
    hub.stop().await;
    assert_eq!(bed.fleet_state().source, new.to_string());

    std::fs::remove_dir_all(bed.path("hub")).unwrap();
    let hub = Hub::take_over(bed.config()).await;
    let next = bed.commit(&[("apps/web/all.yaml", Some(MANIFESTS))]);
    hub.follows(next).await;
    hub.app("late", has_releases(1)).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x5_a_rewritten_state_branch_goes_on_in_an_epoch_whose_every_commit_says_so() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    hub.stop().await;
    let (state, files) = (bed.state(), bed.files());
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).collect();
    let rewritten = bed.make(None, &files);
    bed.push(STATE, rewritten, state);

    std::fs::remove_dir_all(bed.path("hub")).unwrap();
    let hub = Hub::take_over(PilotConfig { accept_history: Some(rewritten), ..bed.config() }).await;
    hub.until("the new epoch", |shared| (shared.hub.get().epoch == 2).then_some(())).await;
    let first = bed.fleet_state();
    assert_eq!((first.epoch, first.supersedes), (2, Some(rewritten.to_string())));

    // An agent that was away sees a later commit first, also of a hub that knows of nothing.
    bed.commit(&[("apps/web/all.yaml", Some(&image("2")))]);
    hub.app("shop", has_releases(2)).await;
    hub.stop().await;
    std::fs::remove_dir_all(bed.path("hub")).unwrap();
    let hub = Hub::take_over(bed.config()).await;
    bed.commit(&[("apps/web/all.yaml", Some(&image("3")))]);
    hub.app("shop", |status| status.releases.iter().any(|release| release.generation == 3)).await;
    hub.stop().await;
    let last = bed.fleet_state();
    assert!(last.generation > first.generation + 1);
    assert_eq!(
        (last.epoch, last.supersedes),
        (3, Some(rewritten.to_string())),
        "it took over from another database"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_whose_agent_never_reports_goes_offline() {
    let bed = one();
    let hub = Hub::start_with(bed.config(), Duration::from_millis(200)).await;
    hub.app("shop", |status| {
        has_releases(1)(status) && status.clusters.iter().all(|c| c.liveness == Liveness::Offline)
    })
    .await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_race_is_read_and_planned_again() {
    let mut bed = one();
    // Another writer of the state branch is faster, once.
    let other = Bed::new();
    let store = shipper_git::Store::open(&bed.path("other"), bed.people.config().clone()).unwrap();
    let rival = Bed { people: store, ..other };
    let state =
        "apiVersion: shipper.dev/v1alpha1\nkind: FleetState\nepoch: 1\ngeneration: 41\nsource: SOURCE\n"
            .replace("SOURCE", &bed.head.unwrap().to_string());
    let (pushes, rival) = (Arc::new(AtomicUsize::new(0)), Mutex::new(rival));
    let mut config = bed.config();
    let counted = pushes.clone();
    config.before_push = Some(Arc::new(move || {
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            let rival = rival.lock().unwrap();
            let commit = rival.make(None, &[("state.yaml", Some(&state)), ("clusters/a/keep", Some("x"))]);
            rival.push(STATE, commit, None);
        }
    }));
    let hub = Hub::start(config).await;
    hub.app("shop", has_releases(1)).await;
    assert!(pushes.load(Ordering::SeqCst) >= 2);
    let files = bed.files();
    assert!(files.contains_key("clusters/a/keep"), "the other writer's commit is built upon, not replaced");
    assert!(files["state.yaml"].contains("generation: 42"), "{}", files["state.yaml"]);
    assert!(bed.target("a", "shop").is_some());
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_without_its_data_goes_on_from_git_alone() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    hub.stop().await;
    let decided = |bed: &mut Bed| {
        let mut files = bed.files();
        files.remove("state.yaml");
        files
    };
    let before = decided(&mut bed);
    std::fs::remove_dir_all(bed.path("hub")).unwrap();

    let hub = Hub::take_over(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    assert_eq!(decided(&mut bed), before, "nothing is decided anew");
    bed.commit(&[("apps/web/all.yaml", Some(&image("2")))]);
    hub.app("shop", has_releases(2)).await;
    let names: Vec<_> = bed.releases("shop").into_iter().map(|release| release.generation).collect();
    assert_eq!(names, [1, 2]);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_may_live_in_a_repository_of_its_own() {
    let mut bed = one();
    let remote = bare(&bed.path("state.git"));
    let mut config = bed.config();
    config.state_repository = Some(remote.clone());
    let hub = Hub::start(config).await;
    hub.app("shop", has_releases(1)).await;
    assert_eq!(bed.state(), None, "people's repository stays unwritten");
    let store = shipper_git::Store::open(&bed.path("reader"), remote).unwrap();
    assert!(store.remote_heads().unwrap().contains_key(STATE));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_away_keeps_the_view_and_is_followed_when_it_is_back() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let (here, away) = (bed.path("fleet.git"), bed.path("away.git"));
    std::fs::rename(&here, &away).unwrap();
    hub.until("the outage", |shared| {
        let status = shared.hub.get();
        (status.conditions.first()?.reason == Reason::RepositoryUnreachable && status.source.is_some())
            .then_some(())
    })
    .await;
    assert!(hub.shared.statuses.get(&key("shop")).is_some());
    std::fs::rename(&away, &here).unwrap();
    let commit = bed.commit(&[("apps/web/all.yaml", Some(&image("2")))]);
    hub.follows(commit).await;
    hub.app("shop", has_releases(2)).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_was_paused_before_its_push_loses_and_goes_on() {
    let mut bed = one();
    let (first, mut second) = (bed.config(), bed.config());
    second.data_dir = bed.path("second");
    let (reached, at_push) = channel();
    let (resume, resumed) = channel::<()>();
    let resumed = Mutex::new(resumed);
    // Holds at the first push; the ends of the channels that are gone let every later one pass.
    second.before_push = Some(Arc::new(move || {
        let _ = reached.send(());
        let _ = resumed.lock().unwrap().recv();
    }));
    let store: Arc<MemoryStore> = Arc::default();
    let two = Hub::on(store.clone(), second).await;
    tokio::task::spawn_blocking(move || at_push.recv().unwrap()).await.unwrap();
    let one = Hub::on(store, first).await;
    one.app("shop", has_releases(1)).await;
    let before = bed.state();
    drop(resume);
    two.app("shop", has_releases(1)).await;
    assert_eq!(two.shared.metrics.lost_races.get(), 1);
    assert_eq!(bed.state(), before, "what the other hub decided stands, and there is nothing to add");

    for round in 2..=5_u64 {
        bed.commit(&[("apps/web/all.yaml", Some(&image(&format!("round-{round}"))))]);
        for hub in [&one, &two] {
            hub.app("shop", |status| status.releases.iter().any(|r| r.generation == round)).await;
        }
        let generations: Vec<_> = bed.releases("shop").iter().map(|release| release.generation).collect();
        assert_eq!(generations, (1..=round).collect::<Vec<_>>(), "no release was made twice");
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_applications_share_commits_and_one_of_them_moves_alone() {
    let mut bed = many(300);
    let hub = Hub::start(bed.config()).await;
    for n in 0..300 {
        hub.app(&format!("app-{n}"), has_releases(1)).await;
    }
    let pushes = hub.shared.metrics.pushes.get();
    assert!(pushes < 100, "{pushes} pushes for 300 applications");

    let before = bed.state().unwrap();
    bed.commit(&[("apps/7/all.yaml", Some(&image("2")))]);
    hub.app("app-7", has_releases(2)).await;
    let after = bed.state().unwrap();
    let (old, new) = (bed.people.snapshot(before).unwrap(), bed.people.snapshot(after).unwrap());
    assert_eq!(new.parents().unwrap(), [before], "one commit has the release, its manifests and its target");
    let changed = shipper_git::diff(&new, Some(old.root_tree()), Some(new.root_tree())).unwrap();
    assert!(
        changed.iter().all(|change| change.path == "state.yaml" || change.path.contains("/web/app-7/")),
        "{changed:?}"
    );
    hub.stop().await;
}

/// What concerns more applications than go into a turn is followed when all of them are planned, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_concerns_everybody_goes_in_turns_and_counts_when_all_had_theirs() {
    let mut bed = many(60);
    let hub = Hub::start(PilotConfig { turn: 7, ..bed.config() }).await;
    for n in 0..60 {
        hub.app(&format!("app-{n}"), has_releases(1)).await;
    }
    let block = "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: freeze}\nspec: {message: an incident, author: {type: user, name: jo}}\n";
    let commit = bed.commit(&[("blocks/freeze.yaml", Some(block))]).to_string();
    let followed = |shared: &Shared| (shared.hub.get().source.as_ref() == Some(&commit)).then_some(());
    hub.until("the commit is followed", followed).await;
    let blocked = hub.shared.statuses.list(None);
    let blocked = blocked.iter().filter(|status| status.waiting.state == WaitingFor::Blocked).count();
    assert_eq!(blocked, 60);
    hub.stop().await;
}

/// [A5] What runs is complete, and the application says at a look that what `main` asks for after it is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a5_a_complete_application_whose_next_manifests_are_not_there_says_so() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let target = bed.target("a", "shop").unwrap();
    hub.report("a", 1, &target).await;
    let state = |status: &ApplicationStatus| ApplicationSummary::of(status).state;
    hub.app("shop", |status| state(status) == RolloutState::Complete).await;

    let broken = bed.commit(&[(&file("shop"), Some(&application("shop", "apps/elsewhere")))]);
    hub.app("shop", |status| state(status) == RolloutState::OutOfSync).await;
    hub.follows(broken).await;
    let status = hub.shared.statuses.get(&key("shop")).unwrap();
    assert_eq!(status.waiting.state, WaitingFor::WaitingForInstallation);
    assert!(status.waiting.message.contains("there is no \"apps/elsewhere\" on main"), "{status:?}");
    assert!(status.contender_status().unwrap().complete.is_some());

    bed.commit(&[("apps/elsewhere/all.yaml", Some(&image("2")))]);
    hub.app("shop", |status| has_releases(2)(status) && state(status) == RolloutState::RollingOut).await;
    hub.stop().await;
}

/// So many applications in one cluster, each of a folder of its own.
fn many(count: usize) -> Bed {
    let mut bed = Bed::new();
    let mut files = vec![("clusters/a.yaml".to_owned(), cluster("a"))];
    for n in 0..count {
        files.push((file(&format!("app-{n}")), application(&format!("app-{n}"), &format!("apps/{n}"))));
        files.push((format!("apps/{n}/all.yaml"), MANIFESTS.to_owned()));
    }
    let edits: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).collect();
    bed.commit(&edits);
    bed
}

/// [A5] [B1] [B4] The loop says why, of what it would decide now, and a block on main is among it.
#[tokio::test(flavor = "multi_thread")]
async fn the_loop_says_why_and_what_a_block_stops() {
    let mut bed = one();
    let hub = Hub::start(bed.config()).await;
    hub.app("shop", has_releases(1)).await;
    let block = "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: freeze}\nspec: {message: an incident, author: {type: user, name: jo}}\n";
    bed.commit(&[("blocks/freeze.yaml", Some(block)), ("apps/web/all.yaml", Some(&image("2")))]);
    hub.app("shop", |status| status.waiting.state == WaitingFor::Blocked).await;
    let before = bed.state();

    let why = hub.shared.questions.ask(key("shop")).unwrap().await.unwrap().unwrap();
    assert_eq!(why.source, bed.head.unwrap().to_string());
    let of = |rule| why.decisions.iter().filter(move |because| because.rule == rule);
    assert!(of(Rule::B1).any(|because| because.objects == ["rollout-blocks-global/freeze"]), "{why:?}");
    assert!(of(Rule::A5).any(|because| because.because.len() == 1), "a cluster: {why:?}");
    assert_eq!(bed.state(), before, "asking writes nothing");
    assert!(hub.shared.questions.ask(key("gone")).unwrap().await.unwrap().is_none());

    let blocks = hub.shared.blocks.get().statuses(hub.shared.clock.now());
    assert_eq!(blocks[0].applications, [key("shop")]);
    bed.commit(&[("blocks/freeze.yaml", None)]);
    hub.app("shop", has_releases(2)).await;
    hub.stop().await;
}
