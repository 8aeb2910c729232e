//! What clusters have free, less what was promised to applications and is not there yet [S1]: many that are placed at one moment must not
//! all count on the same room.

use crate::store::Agents;
use shipper_core::manifest::values::variant;
use shipper_core::plan::AppPlan;
use shipper_core::report::AppReport;
use shipper_core::resources::{PODS, Resources};
use shipper_core::state::Placement;
use shipper_core::{AppKey, ClusterName};
use std::collections::BTreeMap;

/// Room in clusters, as plans may count on it.
#[derive(Debug, Default)]
pub(super) struct Promised {
    promises: BTreeMap<AppKey, BTreeMap<ClusterName, Resources>>,
    free: BTreeMap<ClusterName, Resources>,
}

impl Promised {
    /// Takes in what the clusters say now.
    pub(super) fn look(&mut self, agents: &Agents) {
        self.free = agents.free();
        for (cluster, promised) in self.promises.values().flatten() {
            if let Some(free) = self.free.get_mut(cluster) {
                free.take(promised);
            }
        }
    }

    /// What is free and promised to nobody, in every cluster that says what it has.
    pub(super) fn free(&self) -> &BTreeMap<ClusterName, Resources> {
        &self.free
    }

    /// Keeps what a plan counts on: for every cluster, the pods that are to come and were not reported yet.
    pub(super) fn planned(
        &mut self,
        app: &AppKey,
        plan: &AppPlan,
        reports: &BTreeMap<ClusterName, AppReport>,
    ) {
        if self.free.is_empty() {
            return;
        }
        self.forget(app);
        let promises: BTreeMap<ClusterName, Resources> = outstanding(plan, reports)
            .into_iter()
            .filter(|(cluster, _)| self.free.contains_key(cluster))
            .collect();
        for (cluster, promised) in &promises {
            if let Some(free) = self.free.get_mut(cluster) {
                free.take(promised);
            }
        }
        if !promises.is_empty() {
            self.promises.insert(app.clone(), promises);
        }
    }

    /// Nothing is promised to the application any more.
    pub(super) fn forget(&mut self, app: &AppKey) {
        for (cluster, promised) in self.promises.remove(app).into_iter().flatten() {
            if let Some(free) = self.free.get_mut(&cluster) {
                free.add(&promised);
            }
        }
    }
}

/// By cluster, what the rendered pods ask for, in the measure in which there are fewer.
fn outstanding(
    plan: &AppPlan,
    reports: &BTreeMap<ClusterName, AppReport>,
) -> BTreeMap<ClusterName, Resources> {
    let placement = plan.record.as_ref().and_then(|record| record.placement.as_deref());
    let roles = [&plan.status.contender, &plan.status.incumbent];
    let releases = || roles.into_iter().flatten().filter_map(|name| plan.releases.get(name));
    let mut outstanding = BTreeMap::new();
    for (cluster, placed) in placement.into_iter().flat_map(Placement::staying) {
        let mut asked = Resources::default();
        for release in releases() {
            let values = variant(&release.environment, cluster.as_str(), &placed.labels, &placed.region);
            if let Some(requests) = release.requests_of(values.as_deref()) {
                asked.raise_to(requests);
            }
        }
        let pods = asked.get(PODS).to_whole();
        let there = reports.get(cluster).into_iter().flat_map(|report| &report.releases);
        let there: u64 = there.map(|release| u64::from(release.capacity.pods)).sum();
        if pods > there {
            outstanding.insert(cluster.clone(), asked.scaled(pods - there, pods));
        }
    }
    outstanding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use serde_json::json;
    use shipper_core::state::AppRecord;

    /// A plan that has placed the application in c1, with ten pods of one CPU.
    fn plan(app: &AppKey) -> AppPlan {
        let mut release = sample::release(app);
        release.requests = serde_json::from_value(json!({"manifests": {"cpu": "10", "pods": "10"}})).unwrap();
        let mut record = AppRecord::new(app.clone());
        record.placement =
            Some(serde_json::from_value::<Placement>(json!({"clusters": {"c1": {}}})).unwrap().into());
        let mut plan = sample::plan(app);
        plan.record = Some(record);
        plan.status.contender = Some(release.name.clone());
        plan.releases.insert(release.name.clone(), release);
        plan
    }

    fn report(app: &AppKey, pods: u32) -> BTreeMap<ClusterName, AppReport> {
        let report = serde_json::from_value(json!({
            "application": app, "targetGeneration": 1,
            "releases": [{
                "name": sample::release(app).name, "present": true, "installed": true,
                "capacity": {"rendered": 10, "desired": 10, "replicas": 10, "pods": pods, "ready": 0, "available": 0, "achieved": false},
            }],
        }));
        BTreeMap::from([(ClusterName::from("c1"), report.unwrap())])
    }

    #[test]
    fn s1_two_applications_do_not_count_on_the_same_room() {
        let (one, two) = (AppKey::new("web", "one"), AppKey::new("web", "two"));
        let mut promised = Promised::default();
        let free: Resources = serde_json::from_value(json!({"cpu": "16", "pods": "100"})).unwrap();
        promised.free.insert("c1".into(), free);
        let left = |promised: &Promised| promised.free()["c1"].get("cpu").to_string();
        promised.planned(&one, &plan(&one), &BTreeMap::new());
        assert_eq!(left(&promised), "6");
        promised.planned(&two, &plan(&two), &BTreeMap::new());
        assert_eq!(left(&promised), "-4");
        promised.planned(&one, &plan(&one), &report(&one, 5));
        assert_eq!(left(&promised), "1", "what was reported counts in what the cluster says itself");
        promised.forget(&two);
        promised.planned(&one, &plan(&one), &report(&one, 10));
        assert_eq!(left(&promised), "16");
    }
}
