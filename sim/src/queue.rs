//! What will happen when: the event queue of a cluster.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::controller::Controller;
use crate::resource::ResourceId;
use crate::store::Key;

/// Something that is due at a moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A change reaches a controller's view.
    Deliver(Controller, ResourceId),
    /// A controller works on everything marked dirty.
    Work(Controller),
    /// A controller looks at one object again.
    Requeue(Controller, Key),
    /// A pod (by key and UID) reaches a stage of its life.
    Pod(Key, String, crate::controller::PodStage),
    /// The garbage collector looks at an object.
    Collect(ResourceId, Key),
    /// The garbage collector looks at the dependents of a UID that is gone.
    Orphaned(String),
}

/// Events by time; equal times keep the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    sequence: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at: Duration, event: Event) {
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, event)));
    }

    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    pub(crate) fn pop_until(&mut self, limit: Duration) -> Option<(Duration, Event)> {
        if self.next_at()? > limit {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, event))| (at, event))
    }
}
