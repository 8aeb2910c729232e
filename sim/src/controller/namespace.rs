//! Namespaces: what each gets, and how each goes.

use serde_json::json;

use super::Controller;
use crate::api::DeleteOptions;
use crate::cluster::Cluster;
use crate::object;
use crate::queue::Event;
use crate::resource::{ResourceId, ids};
use crate::store::{ChangeKind, Key};

const RETRY: std::time::Duration = std::time::Duration::from_millis(100);

pub(super) fn reconcile(cluster: &mut Cluster, key: &Key) {
    let Some(namespace) = cluster.store.get(ids::NAMESPACES, key).cloned() else { return };
    if !object::is_deleting(&namespace) {
        furnish(cluster, &key.name);
        return;
    }
    let mut left = false;
    for index in 0..cluster.store.tables.len() {
        let id = ResourceId(index);
        if !cluster.store.resources[index].namespaced {
            continue;
        }
        let keys: Vec<Key> =
            cluster.store.tables[index].within(Some(&key.name)).map(|(k, _)| k.clone()).collect();
        for key in keys {
            let started = cluster.store.get(id, &key).is_some_and(|o| object::is_deleting(o));
            // An object that is on its way out needs no second word.
            if !started {
                let _ = cluster.do_delete(id, &key, &DeleteOptions::default());
            }
            left |= cluster.store.get(id, &key).is_some();
        }
    }
    if left {
        cluster.schedule(RETRY, Event::Requeue(Controller::Namespace, key.clone()));
        return;
    }
    let mut last = (*namespace).clone();
    object::remove(&mut last["spec"], "finalizers");
    if object::finalizers(&last).is_empty() {
        cluster.commit(ids::NAMESPACES, ChangeKind::Deleted, last);
    } else if last != *namespace {
        cluster.commit(ids::NAMESPACES, ChangeKind::Modified, last);
    }
}

fn furnish(cluster: &mut Cluster, namespace: &str) {
    let metadata = |name: &str| json!({"name": name, "namespace": namespace});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("default")});
    let ca = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("kube-root-ca.crt"),
        "data": {"ca.crt": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"},
    });
    for (id, object) in [(ids::SERVICE_ACCOUNTS, account), (ids::CONFIG_MAPS, ca)] {
        // It may be there already.
        let _ = cluster.system_create(id, object);
    }
}
