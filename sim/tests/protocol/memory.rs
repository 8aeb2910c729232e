//! Everything that is large is kept once and named by a number, so that states are small and no decision is computed twice.

use super::people::{self, CLUSTERS, Script};
use super::world::{Has, RELEASES};
use jiff::Timestamp;
use shipper_core::few::Few;
use shipper_core::plan::{AppInput, Fleet, Room, plan};
use shipper_core::report::{AppReport, Capacity, ReleaseReport, Traffic};
use shipper_core::state::{AppRecord, ReleaseRecord, Target};
use shipper_core::status::Liveness;
use shipper_core::{ClusterName, ReleaseName};
use std::collections::{BTreeMap, HashMap};

/// More targets than any history of this model has.
const LEAP: u64 = 1000;

/// What stands on the state branch at one commit.
#[derive(Clone, Debug, Default)]
pub struct Written {
    pub record: Option<AppRecord>,
    pub releases: Few<ReleaseName, ReleaseRecord>,
    pub targets: Few<ClusterName, Target>,
}

/// Values by number.
pub struct Kept<T> {
    all: Vec<T>,
    numbers: HashMap<String, u16>,
}

impl<T: std::fmt::Debug> Kept<T> {
    fn new() -> Self {
        Self { all: Vec::new(), numbers: HashMap::new() }
    }

    /// The number of a value; equal values have equal numbers.
    pub fn keep(&mut self, value: T) -> u16 {
        let text = format!("{value:?}");
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let number = u16::try_from(self.all.len()).expect("a small model");
        self.all.push(value);
        self.numbers.insert(text, number);
        number
    }

    /// The value of a number.
    pub fn get(&self, number: u16) -> &T {
        &self.all[usize::from(number)]
    }
}

/// What a target asks for, in numbers.
pub struct Wish {
    pub generation: u16,
    pub releases: Vec<Wished>,
}

/// What a target asks for of one release.
pub struct Wished {
    /// The number of the release.
    pub release: usize,
    /// Percent of pods, weight.
    pub numbers: (u8, u8),
    pub absent: bool,
}

/// What a hub decides on: the commit of `main`, what is written, the reports it has.
type Question = (u8, u16, [Option<u16>; 2]);

/// All values, and the decisions made so far.
pub struct Memory {
    pub script: Script,
    fleet: Fleet,
    pub written: Kept<Written>,
    releases: Vec<ReleaseName>,
    targets: Kept<Target>,
    wishes: Vec<Wish>,
    current: HashMap<(u16, usize), Option<u16>>,
    reports: Kept<AppReport>,
    said: HashMap<(u16, [Has; RELEASES], bool), u16>,
    decided: HashMap<Question, u16>,
}

impl Memory {
    /// Number 0 of what is written is the empty branch.
    pub fn new(script: Script) -> Self {
        let mut written = Kept::new();
        written.keep(Written::default());
        Self {
            script,
            fleet: people::fleet(),
            written,
            releases: Vec::new(),
            targets: Kept::new(),
            wishes: Vec::new(),
            current: HashMap::new(),
            reports: Kept::new(),
            said: HashMap::new(),
            decided: HashMap::new(),
        }
    }

    /// The number of a release.
    pub fn number(&self, name: &ReleaseName) -> Option<usize> {
        self.releases.iter().position(|release| release == name)
    }

    /// The target that a cluster has where this is written.
    pub fn target(&mut self, written: u16, cluster: usize) -> Option<u16> {
        if let Some(known) = self.current.get(&(written, cluster)) {
            return *known;
        }
        let target = self.written.get(written).targets.get(&ClusterName::from(CLUSTERS[cluster])).cloned();
        let number = target.map(|target| {
            let wish = self.read(&target);
            let number = self.targets.keep(target);
            if usize::from(number) == self.wishes.len() {
                self.wishes.push(wish);
            }
            number
        });
        self.current.insert((written, cluster), number);
        number
    }

    /// What a target asks for.
    pub fn wish(&self, target: u16) -> &Wish {
        &self.wishes[usize::from(target)]
    }

    fn read(&mut self, target: &Target) -> Wish {
        let mut wished = Vec::new();
        for listed in &target.releases {
            let release = self.number(&listed.name).unwrap_or_else(|| {
                self.releases.push(listed.name.clone());
                self.releases.len() - 1
            });
            assert!(release < RELEASES, "a script with more releases than this model has room for");
            let weight = u8::try_from(listed.traffic.unwrap_or(0)).expect("a small weight");
            wished.push(Wished { release, numbers: (listed.capacity, weight), absent: listed.absent });
        }
        Wish { generation: u16::try_from(target.generation).expect("few targets"), releases: wished }
    }

    /// The number of what a cluster says that obeys this target and has this: the whole truth.
    pub fn report(&mut self, target: u16, has: [Has; RELEASES], sick: bool) -> u16 {
        if let Some(known) = self.said.get(&(target, has, sick)) {
            return *known;
        }
        let report = truth(self.targets.get(target), self.wish(target), has, sick);
        let number = self.reports.keep(report);
        self.said.insert((target, has, sick), number);
        number
    }

    /// What a hub would write; the same number where it would change nothing.
    pub fn decide(&mut self, question: Question) -> u16 {
        if let Some(known) = self.decided.get(&question) {
            return *known;
        }
        let next = self.ask(question);
        let next = self.written.keep(next);
        self.decided.insert(question, next);
        next
    }

    /// What a hub writes that takes over from a history that is lost: counters of targets above any that may have been used there.
    pub fn leap(&mut self, written: u16) -> u16 {
        let mut next = self.written.get(written).clone();
        if let Some(record) = next.record.as_mut() {
            record.target_generation += LEAP;
        }
        self.written.keep(next)
    }

    fn ask(&self, (commit, written, reports): Question) -> Written {
        let before = self.written.get(written);
        let clusters = || CLUSTERS.iter().map(|name| ClusterName::from(*name));
        let reports: BTreeMap<ClusterName, AppReport> = clusters()
            .zip(reports)
            .filter_map(|(name, report)| Some((name, self.reports.get(report?).clone())))
            .collect();
        let liveness = clusters()
            .map(|name| {
                let heard = reports.contains_key(&name);
                (name, if heard { Liveness::Online } else { Liveness::Unknown })
            })
            .collect();
        let source = format!("{commit:040x}");
        let mut manifests = BTreeMap::new();
        loop {
            let plan = plan(&AppInput {
                application: &people::app(),
                // No gate of this model is one of time.
                now: Timestamp::UNIX_EPOCH,
                source: &source,
                intent: Some(&self.script.commits[usize::from(commit)]),
                absence: None,
                reading: &[],
                fleet: &self.fleet,
                record: before.record.as_ref(),
                releases: &before.releases,
                targets: &before.targets,
                reports: &reports,
                liveness: &liveness,
                manifests: &manifests,
                room: Room::default(),
            });
            if plan.renders.is_empty() {
                let targets = plan.targets.into_iter().map(|(name, planned)| (name, planned.target));
                return Written {
                    record: plan.record,
                    releases: plan.releases.into(),
                    targets: targets.collect(),
                };
            }
            manifests.extend(plan.renders.into_iter().map(|n| ((n.release.name, n.variant), Ok(()))));
        }
    }
}

fn truth(target: &Target, wish: &Wish, has: [Has; RELEASES], sick: bool) -> AppReport {
    let failing = wish.releases.iter().rev().find(|wished| wished.numbers.0 > 0).filter(|_| sick);
    let releases = target.releases.iter().zip(&wish.releases).map(|(listed, wished)| {
        let (percent, weight) = has[wished.release].unwrap_or_default();
        let well = failing.is_none_or(|failing| failing.release != wished.release);
        let pods = u32::from(percent) / 10;
        let ready = if well { pods } else { 0 };
        ReleaseReport {
            name: listed.name.clone(),
            present: has[wished.release].is_some(),
            installed: true,
            capacity: Capacity {
                rendered: 10,
                desired: u32::from(wished.numbers.0) / 10,
                replicas: pods,
                pods,
                ready,
                available: ready,
                achieved: percent == wished.numbers.0 && well,
            },
            traffic: Some(Traffic {
                wanted: u32::from(wished.numbers.1) / 10,
                ready: if well { u32::from(weight) / 10 } else { 0 },
                achieved: weight == wished.numbers.1 && well,
            }),
            pods: Vec::new(),
            autoscaled: BTreeMap::new(),
        }
    });
    AppReport {
        application: target.application.clone(),
        target_generation: target.generation,
        releases: releases.collect(),
        corked: None,
        remains: None,
        unattended: false,
        analysis: None,
        problems: Vec::new(),
    }
}
