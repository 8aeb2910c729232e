//! What a version suffers from in some clusters alone, so that a rollout fails there and nowhere else: its image cannot be pulled, or a
//! policy refuses its Deployments [A2]. Some of it is mended, some stays.

use super::{Happening, History};
use crate::chart;
use rand::RngExt;
use serde_json::Value;
use shipper_sim::{Faults, ids};
use std::sync::Arc;

impl History {
    /// The newest version, or the one that comes next.
    fn victim(&mut self) -> String {
        let version = self.versions + u32::from(self.rng.random_bool(0.6));
        chart::image(&format!("image-v{version}"))
    }

    /// An image cannot be pulled in a cluster: pods of it never get ready there.
    pub(super) fn lose_image(&mut self, i: usize) {
        let image = self.victim();
        self.outcome.faults += 1;
        self.say(|| format!("c{} cannot pull {image}", i + 1));
        self.clusters[i].faults.images.insert(image);
    }

    /// A policy of a cluster refuses what has an image.
    pub(super) fn deny(&mut self, i: usize) {
        let image = self.victim();
        self.outcome.faults += 1;
        self.say(|| format!("c{} refuses Deployments of {image}", i + 1));
        let admit = move |_: &str, resource: &shipper_sim::Resource, object: &Value| {
            let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
            let mut images = containers.into_iter().flatten().filter_map(|container| container.get("image"));
            if resource.kind == "Deployment" && images.any(|found| *found == *image) {
                return Err(format!("{image} is not allowed here"));
            }
            Ok(())
        };
        self.clusters[i].faults.webhook = Some(("policy.example.com".to_owned(), Arc::new(admit)));
    }

    /// Somebody mends what is wrong in a cluster.
    pub(super) fn mend(&mut self, i: usize) {
        self.say(|| format!("c{} is mended", i + 1));
        self.end_faults(i, false);
        let namespace = chart::app().namespace;
        for pod in self.pods_that(i, waits_for_image) {
            let _ = self.clusters[i].set_pod_ready(&namespace, &pod, true);
        }
        self.soon(10, Happening::Look(i));
    }

    /// Policies end; images can be pulled again, unless they are to stay lost.
    pub(super) fn end_faults(&mut self, i: usize, lasting: bool) {
        let images = std::mem::take(&mut self.clusters[i].faults).images;
        if lasting {
            self.clusters[i].faults = Faults { images, ..Faults::default() };
        }
    }

    /// Whatever can run runs.
    pub(super) fn recover_pods(&mut self, i: usize) {
        let namespace = chart::app().namespace;
        let lost = self.clusters[i].faults.images.clone();
        let well = |pod: &Value| {
            let image = pod.pointer("/spec/containers/0/image").and_then(Value::as_str).unwrap_or_default();
            let ended = pod.pointer("/status/phase").and_then(Value::as_str) == Some("Failed");
            !image.contains("broken") && !lost.contains(image) && !ended
        };
        for pod in self.pods_that(i, well) {
            let _ = self.clusters[i].set_pod_ready(&namespace, &pod, true);
        }
    }

    fn pods_that(&self, i: usize, matches: impl Fn(&Value) -> bool) -> Vec<String> {
        self.clusters[i]
            .peek_all(ids::PODS, Some(&chart::app().namespace))
            .filter(|pod| matches(pod))
            .filter_map(|pod| Some(pod.pointer("/metadata/name")?.as_str()?.to_owned()))
            .collect()
    }

    /// Whether a version never gets ready in a cluster.
    pub(super) fn is_sick(&self, i: usize, version: &str) -> bool {
        version.contains("broken") || self.clusters[i].faults.images.contains(&chart::image(version))
    }
}

fn waits_for_image(pod: &Value) -> bool {
    let image = pod.pointer("/spec/containers/0/image").and_then(Value::as_str).unwrap_or_default();
    let waiting = pod.pointer("/status/containerStatuses/0/state/waiting/reason").and_then(Value::as_str);
    waiting == Some("ImagePullBackOff") && !image.contains("broken")
}
