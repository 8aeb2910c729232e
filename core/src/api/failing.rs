//! Which pods fail where, over many applications: by reason, with one example each. It is kept while applications come, change and go,
//! so that a look costs as much as there are reasons, however large the fleet is.

use super::{PodExample, PodsByState};
use crate::{AppKey, ClusterName};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Pods of many applications that fail for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingPods {
    /// Why, in Kubernetes' word.
    pub reason: String,
    /// How many pods.
    pub count: u64,
    /// Of how many applications.
    pub applications: usize,
    /// In how many clusters.
    pub clusters: usize,
    /// One of them: of the first application by name, so that it stays the same while others come and go.
    pub example: PodExample,
}

/// The pods that fail, of the applications that were added.
#[derive(Clone, Debug, Default)]
pub struct Failing(BTreeMap<String, OfReason>);

#[derive(Clone, Debug, Default)]
struct OfReason {
    count: u64,
    /// In how many applications each cluster has some.
    clusters: BTreeMap<ClusterName, usize>,
    applications: BTreeMap<AppKey, PodExample>,
}

impl Failing {
    /// Adds what fails of an application, [`super::ApplicationSummary::failing`].
    pub fn add(&mut self, application: &AppKey, failing: &[PodsByState]) {
        for group in failing {
            let (Some(reason), Some(example)) = (&group.reason, &group.example) else { continue };
            let all = self.0.entry(reason.clone()).or_default();
            all.count += group.count;
            for cluster in &group.clusters {
                *all.clusters.entry(cluster.clone()).or_default() += 1;
            }
            all.applications.insert(application.clone(), example.clone());
        }
    }

    /// Takes away what was added of an application.
    pub fn remove(&mut self, application: &AppKey, failing: &[PodsByState]) {
        for group in failing {
            let Some(reason) = &group.reason else { continue };
            let Some(all) = self.0.get_mut(reason) else { continue };
            all.count = all.count.saturating_sub(group.count);
            for cluster in &group.clusters {
                if let Some(count) = all.clusters.get_mut(cluster) {
                    *count -= 1;
                    if *count == 0 {
                        all.clusters.remove(cluster);
                    }
                }
            }
            all.applications.remove(application);
            if all.applications.is_empty() {
                self.0.remove(reason);
            }
        }
    }

    /// How many reasons there are.
    pub fn reasons(&self) -> usize {
        self.0.len()
    }

    /// The reasons with the most pods, so many of them at most, the worst first.
    pub fn worst(&self, most: usize) -> Vec<FailingPods> {
        let mut all: Vec<(&String, &OfReason)> = self.0.iter().collect();
        all.sort_by_key(|(_, one)| Reverse(one.count));
        all.into_iter().take(most).filter_map(|(reason, one)| one.told(reason)).collect()
    }
}

impl OfReason {
    fn told(&self, reason: &str) -> Option<FailingPods> {
        Some(FailingPods {
            reason: reason.to_owned(),
            count: self.count,
            applications: self.applications.len(),
            clusters: self.clusters.len(),
            example: self.applications.first_key_value()?.1.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PodState;

    fn group(app: &AppKey, reason: &str, count: u64, clusters: &[&str]) -> PodsByState {
        PodsByState {
            state: PodState::NotReady,
            reason: Some(reason.to_owned()),
            count,
            clusters: clusters.iter().map(|name| ClusterName::from(*name)).collect(),
            example: Some(PodExample {
                application: app.clone(),
                release: "r-0".into(),
                cluster: clusters[0].into(),
                pod: format!("{}-pod", app.name),
                message: String::new(),
            }),
        }
    }

    fn told(failing: &Failing) -> Vec<(String, u64, usize, usize, String)> {
        let worst = failing.worst(10).into_iter();
        worst.map(|one| (one.reason, one.count, one.applications, one.clusters, one.example.pod)).collect()
    }

    #[test]
    fn what_fails_everywhere_is_one_line_the_worst_first_and_gone_once_nothing_fails() {
        let [a, b] = ["a", "b"].map(|name| AppKey::new("web", name));
        let of_a = [group(&a, "CrashLoopBackOff", 3, &["eu"])];
        let of_b = [group(&b, "CrashLoopBackOff", 1, &["eu", "us"]), group(&b, "OOMKilled", 9, &["us"])];
        let mut failing = Failing::default();
        failing.add(&b, &of_b);
        failing.add(&a, &of_a);
        let crash = |count, applications, clusters, pod: &str| {
            ("CrashLoopBackOff".to_owned(), count, applications, clusters, pod.to_owned())
        };
        let oom = ("OOMKilled".to_owned(), 9, 1, 1, "b-pod".to_owned());
        assert_eq!(told(&failing), [oom.clone(), crash(4, 2, 2, "a-pod")]);
        assert_eq!((failing.reasons(), failing.worst(1).len()), (2, 1));
        failing.remove(&a, &of_a);
        assert_eq!(told(&failing), [oom, crash(1, 1, 2, "b-pod")]);
        failing.add(&a, &of_a);
        failing.remove(&b, &of_b);
        assert_eq!(told(&failing), [crash(3, 1, 1, "a-pod")], "nothing of it is left in us");
        failing.remove(&a, &of_a);
        assert_eq!((told(&failing), failing.reasons()), (Vec::new(), 0));
    }
}
