//! The hub's own database: copied while a hub works, put back when none does.

use crate::support::{run, run_watched};
use jiff::Timestamp;
use shipper_hub::store::{SqliteStore, Store, TimelineEvent, Write};
use shipperctl::exit::Exit;

#[test]
fn a_backup_is_made_beside_a_working_hub_and_put_back_when_it_is_stopped() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let file = scratch.path().join("copy.db");
    let (data_dir, copy) = (data.to_str().unwrap(), file.to_str().unwrap());

    let none = run(["hub", "backup", "--data-dir", data_dir, copy]);
    assert_eq!(none.exit, Exit::Failure);
    assert!(none.err.contains("--data-dir"), "{}", none.err);

    let store = runtime.block_on(SqliteStore::open(&data)).unwrap();
    let done = run(["hub", "backup", "--data-dir", data_dir, copy]);
    assert_eq!(done.exit, Exit::Ok, "{}", done.err);
    assert!(done.out.contains("Copied") && file.is_file(), "{}", done.out);
    let in_use = run(["hub", "restore", "--data-dir", data_dir, copy]);
    assert_eq!(in_use.exit, Exit::Failure);
    assert!(in_use.err.contains("another hub works in"), "{}", in_use.err);

    runtime.block_on(store.close());
    drop(store);
    let back = run(["hub", "restore", "--data-dir", data_dir, copy]);
    assert_eq!(back.exit, Exit::Ok, "{}", back.err);
    assert!(back.out.contains("Restored") && back.out.contains("hub.db.replaced-"), "{}", back.out);
    runtime.block_on(SqliteStore::open(&data)).unwrap();
}

/// Where somebody watches they see how far it is; a pipe has none of it.
#[test]
fn a_large_copy_shows_how_far_it_is_to_whoever_watches() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let event = TimelineEvent {
        at: Timestamp::UNIX_EPOCH,
        application: None,
        cluster: None,
        reason: "Created".into(),
        message: "word ".repeat(2000),
        commit: None,
    };
    let data = at("data");
    runtime.block_on(async {
        let store = SqliteStore::open(scratch.path().join("data").as_path()).await.unwrap();
        store.write(&[Write::Events(vec![event; 600])]).await.unwrap();
        store.close().await;
    });
    let words = |verb: &'static str, file: &str| ["hub", verb, "--data-dir", &data, file].map(str::to_owned);
    let copying = [
        ("Copying the database", run_watched(words("backup", &at("one"))), run(words("backup", &at("two")))),
        (
            "Putting the database back",
            run_watched(words("restore", &at("one"))),
            run(words("restore", &at("two"))),
        ),
    ];
    for (doing, watched, piped) in copying {
        assert_eq!((watched.exit, piped.exit), (Exit::Ok, Exit::Ok), "{}{}", watched.err, piped.err);
        let drawn: Vec<&str> = watched.err.split("\r\u{1b}[K").filter(|line| !line.is_empty()).collect();
        let (first, last) = (drawn[1], drawn[drawn.len() - 1]);
        assert!(drawn[0].starts_with(doing) && first.contains("░░ 0 of "), "{drawn:?}");
        assert!(last.contains("██ ") && last.ends_with(" MB…") && !last.contains('░'), "{drawn:?}");
        assert_eq!(piped.err, "", "{doing}");
    }
}
