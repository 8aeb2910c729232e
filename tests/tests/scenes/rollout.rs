//! A chart application through three releases, moved by commits alone [C1, C2, C5, C6, M1, M7, R7].

use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release, full_on, half, staging};

/// TestRolloutVanguardMultipleReplicas.
#[tokio::test]
async fn three_releases_step_by_step() {
    let scene = Scene::start(Options::named("rollout")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;

    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(&scene, &v1, &v2).await;
    half(&scene, &v1, &v2).await;
    full_on(&scene, &v1, &v2).await;

    scene.edit(APP, "tag: v2", "tag: v3").unwrap();
    let v3 = scene.contender_after(APP, &v2, SOON).await.unwrap();
    // From here on nothing of the first is left: these see exactly two releases.
    staging(&scene, &v2, &v3).await;
    half(&scene, &v2, &v3).await;
    full_on(&scene, &v2, &v3).await;

    floor.assert_held(&scene, 4);
    for release in [&v2, &v3] {
        assert_eq!(scene.steps(APP, release).unwrap(), [0, 1, 2]);
    }
    scene.ensure_one_line().unwrap();
}
