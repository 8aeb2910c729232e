//! What may be followed, and since when: the commits that were followed outlive a restart with the data directory; what outlives a
//! lost one are the source that the state branch names, and the commits that agents follow [X3, X5].

use super::{Desk, LookError};
use crate::fleet::guard::{Acceptance, Follows, Refused, judge};
use crate::store::AgentCommit;
use shipper_core::intent::{ACCEPTED_HISTORY, AcceptedHistory};
use shipper_core::state::{FleetState, StateObject, paths};
use shipper_git::{Ancestry, Oid, Store, StoreError};
use std::collections::HashSet;

/// Names of the pins in the object stores.
pub(super) const MAIN_PIN: &str = "main";
pub(super) const STATE_PIN: &str = "state";
/// Largest file read here, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Commits of agents that were compared with the state branch.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Of its history.
    known: HashSet<Oid>,
    /// Not of its history, for as long as that does not change.
    strange: HashSet<Oid>,
}

impl Compared {
    /// The branch is at a commit, which may have been followed or superseded.
    pub(super) fn moved_to(&mut self, commit: Oid) {
        self.known.insert(commit);
        self.strange.clear();
    }
}

/// What a state commit says of itself, if it is there and can be read.
pub(super) fn state_at(store: &Store, commit: Oid) -> Option<FleetState> {
    let bytes = store.snapshot(commit).ok()?.read(paths::FLEET_STATE, MAX_FILE).ok()??;
    FleetState::from_yaml(&bytes).ok()
}

/// Keeps a commit that was followed. Forgetting it costs a check after a restart.
pub(super) fn remember(store: &Store, name: &str, commit: Oid) {
    if store.pinned(name) != Some(commit)
        && let Err(error) = store.pin(name, commit)
    {
        tracing::warn!(%commit, %error, "the commit that is followed cannot be kept");
    }
}

impl Desk {
    /// What people accepted, by the flag or on the very commit that is looked at.
    pub(super) fn acceptance(&self, main: Option<Oid>) -> Acceptance {
        let mut accepted = Acceptance { flag: self.accepted, ..Acceptance::default() };
        let Some(main) = main else { return accepted };
        let bytes = match self.main.snapshot(main).map(|main| main.read(ACCEPTED_HISTORY, MAX_FILE)) {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return accepted,
            Ok(Err(error)) => {
                accepted.problem = Some(format!("{ACCEPTED_HISTORY} cannot be read: {error}"));
                return accepted;
            }
            Err(_) => return accepted,
        };
        match AcceptedHistory::from_yaml(&bytes) {
            Ok(history) => accepted.file = history.accepted,
            Err(error) => accepted.problem = Some(format!("{ACCEPTED_HISTORY} cannot be read: {error}")),
        }
        accepted
    }

    pub(super) fn judge_main(
        &mut self,
        last: Option<Oid>,
        main: Option<Oid>,
        accepted: &Acceptance,
    ) -> Result<Result<(), Refused>, LookError> {
        if last.is_some() && last == main {
            return Ok(Ok(()));
        }
        let judged = judge(&mut self.main, &self.config.intent_branch, last, main, accepted)
            .map_err(LookError::Unreachable)?;
        Ok(judged.map(|follows| self.turned |= follows == Follows::Accepted))
    }

    /// Judges where the state branch is against where it was.
    pub(super) fn judge_state(&mut self, state: Option<Oid>, accepted: &Acceptance) -> Result<(), LookError> {
        let (Some(last), branch) = (self.last_state, self.config.state_branch.clone()) else { return Ok(()) };
        if state == Some(last) {
            return Ok(());
        }
        let store = self.state.as_mut().unwrap_or(&mut self.main);
        let follows =
            judge(store, &branch, Some(last), state, accepted).map_err(LookError::Unreachable)??;
        if follows == Follows::Accepted {
            let known = self.known.clone().unwrap_or_default();
            self.supersedes = Some((last, known));
        }
        Ok(())
    }

    /// Compares the state branch with the commits that agents follow: where most of those are not in its history, it is an older one, and
    /// what would be written on it no agent would obey.
    pub(super) fn compare(
        &mut self,
        state: Option<Oid>,
        agents: &[AgentCommit],
        accepted: &Acceptance,
    ) -> Result<(), LookError> {
        let branch = self.config.state_branch.clone();
        let present = self.fleet_state();
        let store = self.state.as_mut().unwrap_or(&mut self.main);
        let (mut known, mut strange): (usize, Vec<(Oid, &AgentCommit)>) = (0, Vec::new());
        for agent in agents {
            let Ok(commit) = Oid::from_str(&agent.commit) else { continue };
            if is_known(&mut self.compared, store, &branch, commit, state).map_err(LookError::Unreachable)? {
                known += 1;
                continue;
            }
            // A new epoch is on its way to it.
            let takes_over = agent.standing.is_none_or(|(epoch, _)| epoch < present.epoch);
            if present.supersedes.is_none() || !takes_over {
                strange.push((commit, agent));
            }
        }
        if strange.len() <= known {
            return Ok(());
        }
        let (first, agent) = strange[0];
        let (last, cluster) = (first.to_string(), agent.cluster.to_string());
        let Some(now) = state else { return Err(Refused::Lost { branch, last, cluster }.into()) };
        let mut covered = true;
        for (commit, _) in &strange {
            covered &= accepted.covers(store, &branch, *commit, now).map_err(LookError::Unreachable)?;
        }
        if covered {
            let standing = || strange.iter().filter_map(|(_, agent)| agent.standing);
            let most = FleetState {
                epoch: standing().map(|(epoch, _)| epoch).max().unwrap_or_default(),
                generation: standing().map(|(_, generation)| generation).max().unwrap_or_default(),
                ..FleetState::default()
            };
            self.supersedes = Some((first, most));
            return Ok(());
        }
        let mut commits: Vec<String> = strange.iter().map(|(commit, _)| commit.to_string()).collect();
        commits.sort();
        commits.dedup();
        let (now, agents) = (now.to_string(), strange.len());
        Err(Refused::Restored { branch, now, last, cluster, agents, commits }.into())
    }
}

fn is_known(
    compared: &mut Compared,
    store: &mut Store,
    branch: &str,
    commit: Oid,
    head: Option<Oid>,
) -> Result<bool, StoreError> {
    let Some(head) = head else { return Ok(false) };
    if commit == head || compared.known.contains(&commit) {
        return Ok(true);
    }
    if compared.strange.contains(&commit) {
        return Ok(false);
    }
    let known = matches!(store.ancestry(commit, head, branch)?, Ancestry::Same | Ancestry::Descendant);
    if known {
        compared.known.insert(commit)
    } else {
        compared.strange.insert(commit)
    };
    Ok(known)
}
