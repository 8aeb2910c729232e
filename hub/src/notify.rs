//! Sets of things that changed, for whoever waits for them. Level-triggered: what changes ten times between two looks is
//! told once, nothing is ever lost, and a slow listener holds nobody up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;

/// A lock whose data stays sound when a holder panics: every change under it is one step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The side that says what changed.
#[derive(Debug)]
pub struct Changes<T> {
    slots: Mutex<Vec<Weak<Slot<T>>>>,
}

/// The side that is told. Each receiver gets every change once.
#[derive(Debug)]
pub struct Receiver<T>(Arc<Slot<T>>);

#[derive(Debug)]
struct Slot<T> {
    waiting: Mutex<BTreeSet<T>>,
    wake: Notify,
}

impl<T> Default for Changes<T> {
    fn default() -> Self {
        Self { slots: Mutex::default() }
    }
}

impl<T: Ord + Clone> Changes<T> {
    /// A receiver of everything that changes from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        let slot = Arc::new(Slot { waiting: Mutex::default(), wake: Notify::new() });
        lock(&self.slots).push(Arc::downgrade(&slot));
        Receiver(slot)
    }

    /// Tells all receivers.
    pub fn publish(&self, changed: &BTreeSet<T>) {
        if changed.is_empty() {
            return;
        }
        lock(&self.slots).retain(|slot| {
            let Some(slot) = slot.upgrade() else { return false };
            lock(&slot.waiting).extend(changed.iter().cloned());
            slot.wake.notify_one();
            true
        });
    }
}

impl<T: Ord> Receiver<T> {
    /// What changed since the last call; waits until something did. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> BTreeSet<T> {
        loop {
            let changed = self.take();
            if !changed.is_empty() {
                return changed;
            }
            self.0.wake.notified().await;
        }
    }

    /// What changed since the last call, without waiting.
    pub fn take(&mut self) -> BTreeSet<T> {
        std::mem::take(&mut *lock(&self.0.waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_is_told_once_and_to_every_receiver() {
        let changes = Changes::default();
        let (mut a, mut b) = (changes.subscribe(), changes.subscribe());
        changes.publish(&BTreeSet::from([1, 2]));
        changes.publish(&BTreeSet::from([2, 3]));
        assert_eq!(a.next().await, BTreeSet::from([1, 2, 3]));
        assert_eq!(b.next().await, BTreeSet::from([1, 2, 3]));
        assert!(a.take().is_empty());
    }

    #[tokio::test]
    async fn a_waiting_receiver_is_woken_and_a_dropped_one_forgotten() {
        let changes = Arc::new(Changes::default());
        let mut receiver = changes.subscribe();
        drop(changes.subscribe());
        let waiting = tokio::spawn(async move { receiver.next().await });
        tokio::task::yield_now().await;
        changes.publish(&BTreeSet::from(["x"]));
        assert_eq!(waiting.await.unwrap(), BTreeSet::from(["x"]));
        changes.publish(&BTreeSet::from(["y"]));
        assert!(lock(&changes.slots).is_empty());
    }
}
