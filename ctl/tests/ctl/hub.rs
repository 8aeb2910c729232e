//! The hub's own database: copied while a hub works, put back when none does.

use crate::support::run;
use shipper_hub::store::{SqliteStore, Store};
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
