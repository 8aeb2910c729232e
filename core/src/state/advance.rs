//! What one commit did to a release, told by its record before and after: the times in it are those that were written down, so
//! whoever counts needs no memory of its own, and each commit counts once, whichever hub made it.

use super::{Cause, ReleaseRecord, WithdrawalReason};
use jiff::SignedDuration;

/// One thing that happened to a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advance {
    /// It was made.
    Made,
    /// A step was achieved in every cluster that it names.
    Achieved {
        /// The step's name.
        step: String,
        /// Since it was asked for.
        took: SignedDuration,
    },
    /// Soak and analysis of a step were passed.
    GatePassed {
        /// Since the step was achieved.
        took: SignedDuration,
    },
    /// A person ordered the next step.
    Ordered {
        /// Since nothing else was waited for.
        waited: SignedDuration,
    },
    /// It has gone all the way.
    Completed {
        /// Since it was made.
        took: SignedDuration,
    },
    /// A newer one took its place while nothing was wrong with it.
    Superseded,
    /// It is a change that failed; told once of each release.
    Failed(How),
}

/// How a change fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// It cannot be rendered, so it goes nowhere [I3].
    NotRendered,
    /// A person put the environment before it back [M8].
    Returned,
    /// The hub took it back because clusters failed [A3].
    RolledBack,
    /// A newer one took its place while clusters failed [M10].
    Replaced,
}

impl How {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NotRendered, Self::Returned, Self::RolledBack, Self::Replaced];

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotRendered => "notRendered",
            Self::Returned => "returned",
            Self::RolledBack => "rolledBack",
            Self::Replaced => "replaced",
        }
    }
}

/// What happened to a release between two commits; `before`: its record in the first, if it had one.
pub fn advances(before: Option<&ReleaseRecord>, after: &ReleaseRecord) -> Vec<Advance> {
    let mut all = Vec::new();
    if before.is_none() {
        all.push(Advance::Made);
    }
    if after.failed.is_some() && before.is_none_or(|before| before.failed.is_none()) {
        all.push(Advance::Failed(How::NotRendered));
    }
    if let Some(achieved) = &after.achieved
        && before.and_then(|before| before.achieved.as_ref()).is_none_or(|was| was.at != achieved.at)
        && after.position.cause != Cause::Carried
    {
        // The commit may have moved on to the next step already.
        let asked = [Some(after), before].into_iter().flatten().map(|record| &record.position);
        if let Some(asked) = asked.into_iter().find(|position| position.step == achieved.step) {
            let took = achieved.at.duration_since(asked.since);
            all.push(Advance::Achieved { step: achieved.name.clone(), took });
        }
    }
    if let Some(before) = before {
        all.extend(passed(before, after));
        all.extend(ordered(before, after));
    }
    if let Some(complete) = after.complete
        && before.is_none_or(|before| before.complete.is_none())
        && after.position.cause != Cause::Carried
    {
        all.push(Advance::Completed { took: complete.duration_since(after.created) });
    }
    all.extend(withdrawn(before, after));
    all
}

fn passed(before: &ReleaseRecord, after: &ReleaseRecord) -> Option<Advance> {
    let gate = after.gate.as_ref()?;
    let was = before.gate.as_ref().filter(|was| was.step == gate.step).and_then(|was| was.passed);
    let passed = gate.passed.filter(|passed| was != Some(*passed))?;
    Some(Advance::GatePassed { took: passed.duration_since(gate.since) })
}

/// Waiting for a person begins when the step is achieved and its gate is passed, and ends with the order that leads on.
fn ordered(before: &ReleaseRecord, after: &ReleaseRecord) -> Option<Advance> {
    let (from, to) = (&before.position, &after.position);
    if to.step <= from.step || !matches!(to.cause, Cause::Ordered { .. }) {
        return None;
    }
    let achieved = before.achieved.as_ref().filter(|achieved| achieved.step == from.step)?.at;
    let passed = before.gate.as_ref().filter(|gate| gate.step == from.step).and_then(|gate| gate.passed);
    Some(Advance::Ordered { waited: to.since.duration_since(passed.map_or(achieved, |at| at.max(achieved))) })
}

fn withdrawn(before: Option<&ReleaseRecord>, after: &ReleaseRecord) -> Option<Advance> {
    let withdrawal = after.withdrawn.as_ref()?;
    if before.is_some_and(|before| before.withdrawn.is_some() || before.failed.is_some()) {
        return None;
    }
    Some(match withdrawal.reason {
        WithdrawalReason::Returned => Advance::Failed(How::Returned),
        WithdrawalReason::RolledBack => Advance::Failed(How::RolledBack),
        WithdrawalReason::Superseded if after.fails_since().is_some() => Advance::Failed(How::Replaced),
        WithdrawalReason::Superseded => Advance::Superseded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{
        Achieved, Environment, FailingCluster, Failure, FailureKind, GateRecord, Lagging, Pods, Position,
        Withdrawal,
    };
    use jiff::Timestamp;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seconds(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    fn position(step: usize, since: i64, cause: Cause) -> Position {
        Position { step, name: format!("step {step}"), from: step.saturating_sub(1), since: at(since), cause }
    }

    fn achieved(step: usize, second: i64) -> Option<Achieved> {
        Some(Achieved { step, name: format!("step {step}"), at: at(second), excused: Default::default() })
    }

    /// Made at second 100 and at its first step since.
    fn release() -> ReleaseRecord {
        ReleaseRecord {
            application: crate::AppKey::new("web", "shop"),
            name: "shop-0a1b2c3d-0".into(),
            generation: 1,
            environment: Environment {
                chart: None,
                manifests: None,
                values: Default::default(),
                overrides: Vec::new(),
                restart: None,
            },
            written_chart: None,
            strategy: serde_json::from_value(serde_json::json!({"steps": []})).unwrap(),
            source: String::new(),
            created: at(100),
            position: position(0, 100, Cause::Created),
            achieved: None,
            gate: None,
            lagging: Default::default(),
            complete: None,
            withdrawn: None,
            failed: None,
            autoscaler_bases: Default::default(),
            requests: Default::default(),
        }
    }

    fn withdrawal(reason: WithdrawalReason) -> Option<Box<Withdrawal>> {
        Some(Withdrawal { at: at(900), reason, commit: None, cause: None }.into())
    }

    #[test]
    fn a_rollout_is_told_from_its_records() {
        let made = release();
        assert_eq!(advances(None, &made), [Advance::Made]);
        assert_eq!(advances(Some(&made), &made), []);
        let first = ReleaseRecord { achieved: achieved(0, 130), ..made.clone() };
        let step = |step: &str, took| Advance::Achieved { step: step.to_owned(), took: seconds(took) };
        assert_eq!(advances(Some(&made), &first), [step("step 0", 30)]);
        let gate = GateRecord {
            step: 0,
            since: at(130),
            unachieved: None,
            failed: Default::default(),
            passed: None,
        };
        let soaks = ReleaseRecord { gate: Some(gate.clone()), ..first.clone() };
        let passed = ReleaseRecord { gate: Some(GateRecord { passed: Some(at(190)), ..gate }), ..first };
        assert_eq!(advances(Some(&soaks), &passed), [Advance::GatePassed { took: seconds(60) }]);
        let ordered = Cause::Ordered { commit: String::new() };
        let next = ReleaseRecord { position: position(1, 250, ordered), ..passed.clone() };
        assert_eq!(advances(Some(&passed), &next), [Advance::Ordered { waited: seconds(60) }]);
        let last = ReleaseRecord { achieved: achieved(1, 300), complete: Some(at(300)), ..next.clone() };
        assert_eq!(
            advances(Some(&next), &last),
            [step("step 1", 50), Advance::Completed { took: seconds(200) }]
        );
    }

    #[test]
    fn a_step_that_is_achieved_and_left_in_one_commit_is_told() {
        let made = release();
        let moved = ReleaseRecord {
            achieved: achieved(0, 130),
            position: position(1, 130, Cause::GatePassed),
            ..made.clone()
        };
        let expected = Advance::Achieved { step: "step 0".to_owned(), took: seconds(30) };
        assert_eq!(advances(Some(&made), &moved), [expected]);
    }

    #[test]
    fn a_change_fails_once() {
        let made = release();
        let failed =
            ReleaseRecord { failed: Some(Failure { message: "no such chart".to_owned() }), ..made.clone() };
        assert_eq!(advances(None, &failed), [Advance::Made, Advance::Failed(How::NotRendered)]);
        let gone = ReleaseRecord { withdrawn: withdrawal(WithdrawalReason::Returned), ..failed.clone() };
        assert_eq!(advances(Some(&failed), &gone), []);
        for (reason, expected) in [
            (WithdrawalReason::Returned, Advance::Failed(How::Returned)),
            (WithdrawalReason::RolledBack, Advance::Failed(How::RolledBack)),
            (WithdrawalReason::Superseded, Advance::Superseded),
        ] {
            let gone = ReleaseRecord { withdrawn: withdrawal(reason), ..made.clone() };
            assert_eq!(advances(Some(&made), &gone), [expected]);
            assert_eq!(advances(Some(&gone), &gone), []);
        }
    }

    #[test]
    fn what_a_newer_release_mends_has_failed() {
        let failing =
            FailingCluster { since: at(700), kind: FailureKind::NoProgress, message: String::new() };
        let lagging = Lagging { since: at(400), most: Pods::default(), failing: Some(failing) };
        let sick = ReleaseRecord { lagging: [("eu".into(), lagging)].into(), ..release() };
        assert_eq!(sick.fails_since(), Some(at(700)));
        let replaced = ReleaseRecord { withdrawn: withdrawal(WithdrawalReason::Superseded), ..sick.clone() };
        assert_eq!(advances(Some(&sick), &replaced), [Advance::Failed(How::Replaced)]);
    }
}
