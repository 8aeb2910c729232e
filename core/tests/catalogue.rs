//! The catalogue of reasons is whole: whatever can be given as a reason is explained, and has its page in the book.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail, and may read the book"
)]

use shipper_core::catalogue::{Group, Refusal, Trouble, entries, entry, index, of_pods};
use shipper_core::condition::Reason;
use shipper_core::status::WaitingFor;
use std::collections::BTreeSet;
use std::path::Path;

/// Names of all reasons that the code can give, from the types that carry them.
fn given() -> Vec<(Group, String)> {
    let name = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    let conditions =
        Reason::ALL.iter().map(|reason| (Group::Condition, name(serde_json::to_value(reason).unwrap())));
    let waiting =
        WaitingFor::ALL.iter().map(|state| (Group::Waiting, name(serde_json::to_value(state).unwrap())));
    let objects =
        Trouble::ALL.iter().map(|trouble| (Group::Object, name(serde_json::to_value(trouble).unwrap())));
    // Another hub acts: that is a condition of this one too, and explained there.
    let refusals = Refusal::ALL.iter().filter(|refusal| **refusal != Refusal::StandsBy);
    let refusals = refusals.map(|refusal| (Group::Refusal, name(serde_json::to_value(refusal).unwrap())));
    conditions.chain(waiting).chain(objects).chain(refusals).collect()
}

/// [A5] Whatever is given as a reason says what it means, what happens by itself and what a person can do.
#[test]
fn every_reason_is_explained() {
    for (group, name) in given() {
        let entry = entry(group, &name)
            .unwrap_or_else(|| panic!("{name} has no entry; add one in core/src/catalogue"));
        for text in [entry.meaning, entry.shipper, entry.person] {
            assert!(text.ends_with(['.', '`']) && text.len() > 6, "{name}: {text:?}");
        }
    }
    let names: Vec<_> = entries().iter().map(|entry| entry.name).collect();
    assert_eq!(
        names.iter().collect::<BTreeSet<_>>().len(),
        names.len(),
        "each has a page of its own: {names:?}"
    );
    assert_eq!(of_pods("Evicted").unwrap().name, "NotReady");
    assert_eq!(of_pods("OOMKilled").unwrap().name, "OOMKilled");
}

/// Whatever the hub refuses says by which reason, and the status says who is to do something: the asker, or nobody but time.
#[test]
fn every_refusal_is_explained_and_has_a_status() {
    for refusal in Refusal::ALL {
        let entry = refusal.entry().unwrap();
        assert_eq!(serde_json::to_value(refusal).unwrap(), entry.name);
        assert!(matches!(refusal.status(), 400..=429 | 500 | 503), "{}", entry.name);
    }
}

/// The knowledge base is what the code says; `cargo xtask docs` writes it.
#[test]
fn every_reason_has_its_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let stands = |path: &str| {
        std::fs::read_to_string(docs.join(path))
            .unwrap_or_else(|_| panic!("docs/{path} is missing; run `cargo xtask docs`"))
    };
    assert_eq!(stands("reasons.md"), index());
    for entry in entries() {
        assert_eq!(stands(&entry.path()), entry.page(), "run `cargo xtask docs`");
    }
}

/// A reason of a newer agent is passed on and does not make its report unreadable.
#[test]
fn a_reason_that_is_not_known_yet_is_read() {
    assert_eq!(serde_json::from_str::<Trouble>("\"OutOfCheese\"").unwrap(), Trouble::Unlisted);
    assert_eq!(serde_json::from_str::<Trouble>("\"Quota\"").unwrap(), Trouble::Quota);
}
