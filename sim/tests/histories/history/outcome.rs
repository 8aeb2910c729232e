//! What happened over one or many histories, and how much of it has to.

/// What happened over one or many histories.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub releases: u64,
    pub completions: u64,
    pub achieved: u64,
    pub withdrawals: u64,
    pub walked_back: u64,
    pub kills: u64,
    pub data_lost: u64,
    pub pod_failures: u64,
    pub interventions: u64,
    pub partitions: u64,
    pub absences: u64,
    pub races_lost: u64,
    pub objects_removed: u64,
    pub blocks: u64,
    pub blocked: u64,
    pub drains: u64,
    pub cordons: u64,
    pub joined: u64,
    pub released: u64,
    pub left: u64,
    pub removals: u64,
    pub removed: u64,
    pub recreated: u64,
    pub pauses: u64,
    pub gates_skipped: u64,
    pub rolled_back: u64,
    pub adopted: u64,
    pub replaced: u64,
    pub called_off: u64,
    /// Images lost and policies made.
    pub faults: u64,
    pub failing: u64,
    pub recovered: u64,
    pub holds: u64,
    /// Releases that the hub took back.
    pub taken_back: u64,
    /// Steps achieved without clusters that fail or are away.
    pub excused: u64,
    pub events: u64,
}

impl Outcome {
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.releases, other.releases),
            (&mut self.completions, other.completions),
            (&mut self.achieved, other.achieved),
            (&mut self.withdrawals, other.withdrawals),
            (&mut self.walked_back, other.walked_back),
            (&mut self.kills, other.kills),
            (&mut self.data_lost, other.data_lost),
            (&mut self.pod_failures, other.pod_failures),
            (&mut self.interventions, other.interventions),
            (&mut self.partitions, other.partitions),
            (&mut self.absences, other.absences),
            (&mut self.races_lost, other.races_lost),
            (&mut self.objects_removed, other.objects_removed),
            (&mut self.blocks, other.blocks),
            (&mut self.blocked, other.blocked),
            (&mut self.drains, other.drains),
            (&mut self.cordons, other.cordons),
            (&mut self.joined, other.joined),
            (&mut self.released, other.released),
            (&mut self.left, other.left),
            (&mut self.removals, other.removals),
            (&mut self.removed, other.removed),
            (&mut self.recreated, other.recreated),
            (&mut self.pauses, other.pauses),
            (&mut self.gates_skipped, other.gates_skipped),
            (&mut self.rolled_back, other.rolled_back),
            (&mut self.adopted, other.adopted),
            (&mut self.replaced, other.replaced),
            (&mut self.called_off, other.called_off),
            (&mut self.faults, other.faults),
            (&mut self.failing, other.failing),
            (&mut self.recovered, other.recovered),
            (&mut self.holds, other.holds),
            (&mut self.taken_back, other.taken_back),
            (&mut self.excused, other.excused),
            (&mut self.events, other.events),
        ];
        for (sum, more) in pairs {
            *sum += more;
        }
    }

    /// A run in which nothing happens proves nothing.
    pub fn check(&self, seeds: u64) {
        for (what, count) in [
            ("completions", self.completions),
            ("withdrawals", self.withdrawals),
            ("kills", self.kills),
            ("pod failures", self.pod_failures),
            ("interventions", self.interventions),
            ("removed objects", self.objects_removed),
        ] {
            assert!(count >= seeds / 4, "only {count} {what} in {seeds} histories");
        }
        for (what, count) in [
            ("lost races", self.races_lost),
            ("partitions", self.partitions),
            ("absences", self.absences),
            ("lost data directories", self.data_lost),
            ("steps back", self.walked_back),
            ("blocks", self.blocks),
            ("decisions that waited for a block", self.blocked),
            ("drains", self.drains),
            ("cordons", self.cordons),
            ("clusters that joined", self.joined),
            ("clusters that gave their part over", self.released),
            ("clusters that were emptied", self.left),
            ("removals", self.removals),
            ("removals that were finished", self.removed),
            ("applications that came back", self.recreated),
            ("pauses", self.pauses),
            ("orders that skip gates", self.gates_skipped),
            ("orders to roll back", self.rolled_back),
            ("strategies adopted in the middle", self.adopted),
            ("clusters replaced", self.replaced),
            ("removals called off", self.called_off),
            ("versions that fail in one cluster", self.faults),
            ("clusters that failed", self.failing),
            ("clusters that recovered", self.recovered),
            ("rollouts that were held", self.holds),
            ("releases that the hub took back", self.taken_back),
            ("steps achieved without some clusters", self.excused),
        ] {
            assert!(count >= seeds / 40, "only {count} {what} in {seeds} histories");
        }
    }
}
