//! What a report says of its agent is kept, whichever part of it is new.

use super::*;

/// Each changes something else that a report says of its agent.
const CHANGES: [fn(&mut Report); 8] = [
    |_| {},
    |report| report.agent_version.push('1'),
    |report| report.commit = report.commit.take().map(|commit| commit + "1").or(Some("c".to_owned())),
    |report| (report.epoch, report.generation) = (Some(1), Some(report.sequence)),
    |report| report.problems.push("a new one".to_owned()),
    |report| _ = report.api_calls.insert("GET".to_owned(), report.sequence),
    |report| report.free = Some(Resources::from_iter([("cpu".to_owned(), Quantity::whole(report.sequence))])),
    |report| (report.commit, report.epoch, report.generation, report.free) = (None, None, None, None),
];

pub(super) async fn all_that_a_report_says_of_its_agent_is_kept(store: Arc<dyn Store>) {
    one(&*store, open("s1", "uid-1")).await;
    let mut said = report("s1", 0, Vec::new());
    // Long after the session was opened: what an agent does not say that it has free, it does not have.
    let later = |report: &Report| Write::Report {
        report: Arc::new(report.clone()),
        at: at(1_000 + report.sequence.cast_signed()),
    };
    for first in CHANGES {
        for second in CHANGES {
            for together in [true, false] {
                let batch = [first, second].map(|change| {
                    said.sequence += 1;
                    change(&mut said);
                    later(&said)
                });
                for part in batch.chunks(if together { 2 } else { 1 }) {
                    store.write(part).await.unwrap();
                }
                let agent = store.load().await.unwrap().agents.remove(&eu()).unwrap();
                let expected = AgentInfo {
                    opened: at(0),
                    cluster_uid: said.cluster_uid.clone(),
                    agent_version: said.agent_version.clone(),
                    commit: said.commit.clone(),
                    standing: said.epoch.zip(said.generation),
                    problems: said.problems.clone(),
                    api_calls: said.api_calls.clone(),
                    last_report: Some(at(1_000 + said.sequence.cast_signed())),
                    newest: Some((said.session.clone(), said.sequence)),
                    free: said.free.clone(),
                };
                assert_eq!(agent, expected);
            }
        }
    }
}
