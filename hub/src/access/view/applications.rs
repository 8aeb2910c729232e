//! The applications that the asker sees: each, all, and what clusters have of them.

use super::View;
use crate::access::Sight;
use crate::board::{ApplicationFilter, ClusterLoad, Published, totals};
use shipper_core::api::{ApplicationCounts, Failing, FleetPods};
use shipper_core::protocol::ClusterApplication;
use shipper_core::report::AppReport;
use shipper_core::status::ApplicationStatus;
use shipper_core::{AppKey, ClusterName};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

impl View {
    /// One application, with what is made of it.
    pub fn find(&self, application: &AppKey) -> Option<Arc<Published>> {
        self.shared.statuses.find(application).filter(|_| self.sees(application))
    }

    /// One application.
    pub fn get(&self, application: &AppKey) -> Option<Arc<ApplicationStatus>> {
        self.find(application).map(|published| published.status.clone())
    }

    /// All applications, in the order of their keys.
    pub fn list(&self) -> Vec<Arc<ApplicationStatus>> {
        self.all().iter().map(|one| one.status.clone()).collect()
    }

    /// All applications with what is made of them, in the order of their keys.
    pub fn all(&self) -> Vec<Arc<Published>> {
        let mut all = self.shared.statuses.all();
        if !self.sight().is_everything() {
            all.retain(|one| self.sees(&one.status.application));
        }
        all
    }

    /// The first `limit` applications behind `after` that are asked for, in the order of their keys, and whether there are more.
    pub fn page(
        &self,
        filter: ApplicationFilter,
        after: Option<&AppKey>,
        limit: usize,
    ) -> (Vec<Arc<Published>>, bool) {
        let filter = ApplicationFilter { within: self.sight().namespaces().cloned(), ..filter };
        self.shared.statuses.page(&filter, after, limit)
    }

    /// All applications in numbers, and their pods.
    pub fn totals(&self) -> (ApplicationCounts, FleetPods) {
        totals(&self.all())
    }

    /// What `look` makes of the pods that fail, over all applications.
    pub fn look_at_failing<T>(&self, look: impl FnOnce(&Failing) -> T) -> T {
        match self.sight() {
            Sight::Everything => self.shared.statuses.look_at_failing(look),
            Sight::Namespaces(_) => look(&crate::board::failing(&self.all())),
        }
    }

    /// What every cluster has, in numbers.
    pub fn loads(&self) -> BTreeMap<ClusterName, ClusterLoad> {
        match self.sight() {
            Sight::Everything => self.shared.statuses.loads(),
            Sight::Namespaces(_) => crate::board::loads(&self.all()),
        }
    }

    /// What a cluster has, in the order of the keys.
    pub fn within(&self, cluster: &ClusterName) -> Vec<ClusterApplication> {
        let mut within = self.shared.statuses.within(cluster);
        within.retain(|one| self.sees(&one.application));
        within
    }

    /// Grows with every change of an application, also of those that are not seen.
    pub fn revision(&self) -> u64 {
        *self.shared.statuses.subscribe().borrow()
    }

    /// Told whenever one application changes; `None` = it is not known.
    pub fn follow(&self, application: &AppKey) -> Option<watch::Receiver<Option<Arc<Published>>>> {
        self.find(application).map(|_| self.shared.statuses.follow(application))
    }

    /// The latest reports on an application, also on one that is to come; `None` where it would not be seen.
    pub fn reports(&self, application: &AppKey) -> Option<BTreeMap<ClusterName, AppReport>> {
        self.sees(application).then(|| self.shared.reports.for_app(application))
    }
}
