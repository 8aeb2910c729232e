//! Hubs without a common database: one acts, the other stands by [A6].

use super::bed::{Hub, key};
use super::{has_releases, image, one};
use crate::pilot::PilotConfig;
use crate::shared::Shared;
use shipper_core::condition::{ConditionType, Reason};
use shipper_core::standing::Standing;
use std::time::Duration;

fn stands_by(hub: &Hub) -> bool {
    hub.shared.stand.get().is_some_and(|standing| !standing.may_act())
}

/// [A6] The second hub on a repository writes nothing and says nothing of applications; it takes over in a new epoch once the fleet's
/// agents ask it; the first then stands by, whatever it still believes.
#[tokio::test(flavor = "multi_thread")]
async fn a6_one_of_two_hubs_acts_and_the_other_takes_over_when_agents_ask_it() {
    let mut bed = one();
    let first = Hub::start(bed.config()).await;
    first.app("shop", has_releases(1)).await;
    let store = bed.fleet_state().store;
    assert_eq!(store.as_deref(), Some(first.shared.stand.own()));

    let second = Hub::start(PilotConfig { data_dir: bed.path("second"), ..bed.config() }).await;
    let acting = |shared: &Shared| {
        let conditions = shared.hub.get().conditions;
        conditions.into_iter().find(|condition| condition.kind == ConditionType::Acting)
    };
    assert_eq!(second.until("standing by", acting).await.reason, Reason::StandsBy);
    let changed = bed.commit(&[("apps/web/all.yaml", Some(&image("2")))]);
    second.follows(changed).await;
    first.app("shop", has_releases(2)).await;
    assert!(second.shared.statuses.list(None).is_empty());
    assert_eq!((bed.fleet_state().store, bed.fleet_state().epoch), (store, 1));

    first.stop().await;
    assert!(second.shared.stand.ask("a".into(), Some(Duration::from_secs(40))));
    second.shared.hints.give(None);
    second.app("shop", has_releases(2)).await;
    second.until("the new epoch", |shared| (shared.hub.get().epoch == 2).then_some(())).await;
    assert_eq!(bed.fleet_state().store.as_deref(), Some(second.shared.stand.own()));
    assert_eq!(second.shared.stand.get(), Some(Standing::Acts));

    let first = Hub::start(bed.config()).await;
    first.until("standing by", |shared| shared.stand.get().filter(|standing| !standing.may_act())).await;
    bed.commit(&[("apps/web/all.yaml", Some(&image("3")))]);
    let generation =
        |status: &shipper_core::status::ApplicationStatus| status.releases.iter().any(|r| r.generation == 3);
    second.app("shop", generation).await;
    assert!(stands_by(&first) && first.shared.statuses.get(&key("shop")).is_none());
    assert_eq!(bed.fleet_state().epoch, 2);
    first.stop().await;
    second.stop().await;
}

/// [A6] A hub that acted and finds that another took over drops what it said, and what it had planned.
#[tokio::test(flavor = "multi_thread")]
async fn a6_a_hub_that_was_taken_over_from_stands_by_at_once() {
    let mut bed = one();
    let first = Hub::start(bed.config()).await;
    first.app("shop", has_releases(1)).await;
    let second = Hub::take_over(PilotConfig { data_dir: bed.path("second"), ..bed.config() }).await;
    second.app("shop", has_releases(1)).await;
    first.until("standing by", |shared| shared.stand.get().filter(|standing| !standing.may_act())).await;
    first.until("nothing said", |shared| shared.statuses.list(None).is_empty().then_some(())).await;
    assert!(first.shared.stand.refusal().is_some());
    let state = bed.fleet_state();
    assert_eq!((state.epoch, state.store.as_deref()), (2, Some(second.shared.stand.own())));
    assert_eq!(state.supersedes, None, "it descends from what was there");
    first.stop().await;
    second.stop().await;
}
