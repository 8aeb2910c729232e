//! Agents and hub are killed beside what goes on [C9].

use std::cell::Cell;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shipper_tests::process::Process;
use shipper_tests::scene::Scene;

/// Milliseconds for which a daemon runs at most before the next is killed, and for which one that was killed is away at most.
const LONGEST: (u64, u64) = (3_000, 2_000);
const SHORTEST: u64 = 100;

/// Does something while agents and hub are killed, one after the other, at moments that differ. All of them run in the end.
pub async fn beside<T>(scene: &Scene, deeds: impl Future<Output = T>) -> T {
    let killed = Cell::new(0);
    let done = tokio::select! {
        () = blows(scene, &killed) => unreachable!("blows do not end"),
        done = deeds => done,
    };
    assert!(killed.get() > 0, "nobody was killed meanwhile");
    for daemon in daemons(scene).filter(|daemon| daemon.pid().is_none()) {
        daemon.start().unwrap();
    }
    done
}

fn daemons(scene: &Scene) -> impl Iterator<Item = &Process> {
    scene.agents.iter().chain([&scene.hub().process])
}

async fn blows(scene: &Scene, killed: &Cell<usize>) {
    let seed = rand::random();
    scene.reached(&format!("the blows are those of seed {seed}"));
    let mut random = StdRng::seed_from_u64(seed);
    let mut pause = async |longest: u64| {
        tokio::time::sleep(Duration::from_millis(random.random_range(SHORTEST..longest))).await;
    };
    loop {
        for daemon in daemons(scene) {
            pause(LONGEST.0).await;
            scene.reached(&format!("{} is killed", daemon.name()));
            daemon.kill().unwrap();
            killed.update(|killed| killed + 1);
            pause(LONGEST.1).await;
            daemon.start().unwrap();
        }
    }
}
