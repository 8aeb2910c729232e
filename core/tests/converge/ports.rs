//! Rule C11: a Service between two releases must reach both.

use crate::support::Cluster;
use serde_json::{Value, json};
use shipper_core::catalogue::Trouble;
use shipper_core::labels::FIELD_MANAGER;

/// v1 has all the traffic and v2 is to have half of it; the ports of their pods that the Service leads to.
fn at_half(v1: &Value, v2: &Value) -> Cluster {
    let mut cluster = Cluster::corked(2);
    cluster.release(50, 50, Some(2), None);
    (cluster.wanted(1).capacity, cluster.wanted(1).traffic) = (50, Some(50));
    cluster.target_port(1, v1);
    cluster.target_port(2, v2);
    cluster.deployment(2, 1, FIELD_MANAGER);
    cluster.pass(60);
    cluster
}

/// [C11] Ports that differ by number are refused, with the advice to name them, and the Service goes on selecting the release that has the
/// traffic. Equal numbers and names lead to both.
#[test]
fn c11_ports_that_differ_by_number_leave_the_selector_where_it_is() {
    for (v1, v2, refused) in [
        (json!(8080), json!(9090), true),
        (json!(8080), json!("http"), true),
        (json!(8080), json!(8080), false),
        (json!("http"), json!("http"), false),
    ] {
        let cluster = at_half(&v1, &v2);
        let problems = cluster.look().report.problems;
        let told: Vec<_> = problems.iter().filter(|p| p.reason == Trouble::PortConflict).collect();
        let shadow = cluster.apply_to("Service", "app-shadow");
        assert_eq!(shadow.is_none(), refused, "{v1} against {v2}: the way to another selector");
        assert_eq!(told.len(), usize::from(refused), "{v1} against {v2}: {problems:?}");
        for problem in told {
            assert!(!problem.heals && problem.object == "Service web/app", "{problem:?}");
            assert!(
                problem.message.contains("app-00000002-0") && problem.message.contains("name the port"),
                "{problem:?}"
            );
            assert!(cluster.apply(1, "Service").is_none(), "it selects v1 as before");
        }
    }
}
