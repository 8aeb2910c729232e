//! Hub and agents reach the repository over SSH with a key.

use shipper_core::status::WaitingFor;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release};

#[tokio::test]
async fn a_rollout_over_ssh() {
    let scene = Scene::start(Options { ssh: true, ..Options::named("ssh") }).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.promote(APP, &v2, "full on").unwrap();
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
    floor.assert_held(&scene, 4);
}
