//! A hub that follows a real repository with its loop, and whose agents are this test: they report what their targets ask, but in one
//! cluster the image of the new release cannot be pulled.

use super::{Album, Hub, post};
use crate::access::AccessSettings;
use crate::clock::Clock;
use crate::http::router;
use crate::http::tokens::Tokens;
use crate::pilot::tests::bed::{self, Bed, MANIFESTS, done, key};
use crate::shared::Settings;
use crate::standing::Takeover;
use crate::store::MemoryStore;
use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use shipper_core::protocol::{REPORTS, SESSIONS, Session};
use shipper_core::report::{AppReport, PodGroup};
use shipper_core::status::{ApplicationStatus, WaitingFor};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const CLUSTERS: [&str; 3] = ["eu-1", "eu-canary", "us-1"];
const APPS: [&str; 2] = ["blog", "shop"];
const FAILING: &str = "us-1";

const FILES: [(&str, &str); 9] = [
    (
        "clusters/eu-canary.yaml",
        "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu-canary, labels: {tier: canary}}\nspec: {region: eu}\n",
    ),
    (
        "clusters/eu-1.yaml",
        "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu-1}\nspec: {region: eu, capabilities: [gpu]}\n",
    ),
    (
        "clusters/us-1.yaml",
        "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: us-1}\nspec: {region: us}\n",
    ),
    (
        "clusters/us-2.yaml",
        "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: us-2}\nspec: {region: us, scheduler: {unschedulable: true}}\n",
    ),
    (
        "strategies/careful.yaml",
        "apiVersion: shipper.dev/v1alpha1\nkind: Strategy\nmetadata: {name: careful}\nspec:\n  surge: 50%\n  progressDeadline: 2m\n  steps:\n  - {name: canary, clusters: {matchLabels: {tier: canary}}, capacity: {contender: 50, incumbent: 100}, traffic: {contender: 0, incumbent: 100}, gate: {approval: auto}}\n  - {name: half, capacity: {contender: 50, incumbent: 50}, traffic: {contender: 50, incumbent: 50}, gate: {approval: auto}}\n  - {name: full on, capacity: {contender: 100, incumbent: 0}, traffic: {contender: 100, incumbent: 0}}\n",
    ),
    ("apps/shop/all.yaml", MANIFESTS),
    ("apps/blog/all.yaml", MANIFESTS),
    (
        "blocks/weekend.yaml",
        "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: weekend}\nspec: {message: No rollouts at the weekend., author: {type: user, name: Ada}, allow: [abort, pause, rollback], schedule: {cron: '0 18 * * FRI', duration: 62h, timeZone: Europe/Amsterdam}}\n",
    ),
    (
        "blocks/batch/incident.yaml",
        "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: incident, namespace: batch}\nspec: {message: 'Incident 1042: the queue is behind.', author: {type: user, name: Grace}}\n",
    ),
];

fn application(name: &str) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: web}}\nspec:\n  template:\n    manifests: {{path: apps/{name}}}\n    strategyRef: careful\n"
    )
}

pub(super) fn token(cluster: &str) -> String {
    format!("the-token-of-{cluster}")
}

/// The session that every example shows: real ones are random.
const SESSION: &str = "1f5d0c7a9be24680ace1357913570246";

/// The fleet.
pub(super) struct Fleet {
    pub(super) hub: Hub,
    bed: RefCell<Bed>,
    running: RefCell<Option<bed::Hub>>,
    /// Sessions, and the number of the last report.
    sessions: RefCell<BTreeMap<&'static str, (String, u64)>>,
    reported: RefCell<BTreeMap<(&'static str, &'static str), u64>>,
}

impl Fleet {
    /// Starts the hub over a first commit.
    pub(super) async fn start() -> Self {
        let mut bed = Bed::new();
        let (shop, blog) = (application("shop"), application("blog"));
        let mut files: Vec<(&str, Option<&str>)> = FILES.map(|(path, text)| (path, Some(text))).into();
        files.push(("applications/web/shop.yaml", Some(&shop)));
        files.push(("applications/web/blog.yaml", Some(&blog)));
        files.push((
            "applications/batch/reports.yaml",
            Some("kind: Application\nspec: {template: {chrt: {}}}\n"),
        ));
        bed.commit(&files);
        let tokens = CLUSTERS.map(|cluster| (cluster.to_owned(), token(cluster)));
        let settings = Settings {
            clock: Clock::starting_at("2026-11-02T09:00:00Z".parse().unwrap()),
            heartbeat: Duration::from_secs(10),
            tokens: Tokens::fixed(tokens.into()).unwrap(),
            access: AccessSettings::open(),
            webhook_secret: None,
            takeover: Takeover::default(),
        };
        let store = MemoryStore::called("5f0a1c3e7b9d2468ace013579bdf0246");
        let running = bed::Hub::with(bed.config(), settings, Arc::new(store)).await;
        let shared = running.shared.clone();
        let hub = Hub { router: router(shared.clone()), shared };
        Self {
            hub,
            bed: bed.into(),
            running: RefCell::new(Some(running)),
            sessions: RefCell::default(),
            reported: RefCell::default(),
        }
    }

    /// Both applications are complete; then a release of one goes to its second step and fails in a cluster.
    pub(super) async fn rolled_out(&self, album: &Album) {
        for cluster in CLUSTERS {
            let request = json!({"cluster": cluster, "clusterUid": format!("uid of {cluster}"), "agentVersion": "0.1.0"});
            let answer =
                album.keep(&self.hub, post(SESSIONS, &token(cluster), request.to_string()), None).await;
            let session: Session = serde_json::from_str(&answer.text).unwrap();
            self.sessions.borrow_mut().insert(cluster, (session.session, 0));
        }
        // Both are made before anybody reports, so that the timeline has one order.
        let made = |app: &str| {
            self.status(app, |status| {
                status.clusters.iter().any(|cluster| cluster.target_generation.is_some())
            })
        };
        let mut statuses = self.hub.shared.statuses.subscribe();
        while !APPS.into_iter().all(made) {
            statuses.changed().await.unwrap();
        }
        let complete = |app: &str| {
            self.status(app, |status| status.contender_status().is_some_and(|r| r.complete.is_some()))
        };
        self.reach(album, || complete("shop") && complete("blog")).await;

        let second = MANIFESTS.replace("web:1", "web:2");
        self.bed.borrow_mut().commit(&[("apps/shop/all.yaml", Some(&second))]);
        self.hub.shared.hints.give(None);
        let stuck = |status: &ApplicationStatus| {
            let there =
                status.clusters.iter().any(|c| c.cluster.as_str() == FAILING && !c.releases.is_empty());
            let half = status.contender_status().is_some_and(|release| release.step == 1);
            there
                && half
                && status.waiting.state == WaitingFor::WaitingForCapacity
                && status.clusters.iter().filter(|c| c.waiting != WaitingFor::None).count() == 1
        };
        self.reach(album, || self.status("shop", stuck)).await;
        // Longer than the deadline for progress.
        for _ in 0..14 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            for cluster in CLUSTERS {
                self.report(album, cluster, Vec::new()).await;
            }
        }
        let fails =
            |status: &ApplicationStatus| status.clusters.iter().any(|cluster| cluster.failing.is_some());
        self.reach(album, || self.status("shop", fails)).await;
    }

    fn status(&self, app: &str, is: impl Fn(&ApplicationStatus) -> bool) -> bool {
        self.hub.shared.statuses.get(&key(app)).is_some_and(|status| is(&status))
    }

    /// Lets agents do what is asked of them until it is so.
    async fn reach(&self, album: &Album, is: impl Fn() -> bool) {
        let mut statuses = self.hub.shared.statuses.subscribe();
        for _ in 0..200 {
            statuses.mark_unchanged();
            for cluster in CLUSTERS {
                self.obey(album, cluster).await;
            }
            if is() {
                return;
            }
            let _ = tokio::time::timeout(Duration::from_secs(5), statuses.changed()).await;
        }
        panic!("it does not come about: {:#?}", self.hub.shared.statuses.list(None));
    }

    /// An agent does what its new targets ask, and reports it.
    async fn obey(&self, album: &Album, cluster: &'static str) {
        for app in APPS {
            let target = self.bed.borrow_mut().target(cluster, app);
            let Some(target) = target else { continue };
            if self.reported.borrow_mut().insert((cluster, app), target.generation) == Some(target.generation)
            {
                continue;
            }
            let mut state = done(&target);
            if cluster == FAILING && app == "shop" && state.releases.len() > 1 {
                fail(&mut state);
            }
            self.report(album, cluster, vec![state]).await;
            let judged = |status: &ApplicationStatus| {
                let found = status.clusters.iter().find(|one| one.cluster.as_str() == cluster);
                found.is_some_and(|found| found.reported_generation == Some(target.generation))
            };
            let mut statuses = self.hub.shared.statuses.subscribe();
            while !self.status(app, judged) {
                statuses.changed().await.unwrap();
            }
        }
    }

    async fn report(&self, album: &Album, cluster: &'static str, applications: Vec<AppReport>) {
        let body = {
            let mut sessions = self.sessions.borrow_mut();
            let (session, sequence) = sessions.get_mut(cluster).unwrap();
            *sequence += 1;
            let mut body = json!({
                "session": session, "sequence": sequence, "cluster": cluster, "clusterUid": format!("uid of {cluster}"),
                "agentVersion": "0.1.0", "free": {"cpu": "37500m", "memory": "137438953472", "pods": "412"},
                "apiCalls": {"get": 12, "patch": 40, "watch": 9}, "applications": applications,
            });
            if let Some(commit) = self.hub.shared.commits.borrow().as_ref() {
                body["commit"] = json!(commit);
            }
            body
        };
        let request = post(REPORTS, &token(cluster), Body::from(body.to_string()));
        // One that says something is the better example.
        let answer = match applications_of(&body) {
            0 => album.ask(&self.hub, request).await.0,
            _ => album.keep(&self.hub, request, None).await,
        };
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }

    /// With names in place of what is made by chance.
    pub(super) fn told_the_same(&self, examples: &Map<String, Value>) -> Map<String, Value> {
        let mut text = serde_json::to_string(examples).unwrap();
        for (session, _) in self.sessions.borrow().values() {
            text = text.replace(session, SESSION);
            // Evidence names it by its first digits.
            text = text.replace(&session[..12], &SESSION[..12]);
        }
        serde_json::from_str(&text).unwrap()
    }

    /// Ends the loop.
    pub(super) async fn rest(&self) {
        let running = self.running.take();
        running.unwrap().stop().await;
    }
}

fn applications_of(body: &Value) -> usize {
    body["applications"].as_array().map_or(0, Vec::len)
}

/// The image of the newest release cannot be pulled.
fn fail(state: &mut AppReport) {
    let Some(newest) = state.releases.last_mut() else { return };
    let short = newest.capacity.available;
    newest.capacity.ready = 0;
    newest.capacity.available = 0;
    newest.capacity.achieved = short == 0;
    if let Some(traffic) = &mut newest.traffic {
        traffic.achieved = traffic.wanted == 0;
        traffic.ready = 0;
    }
    if short > 0 {
        newest.pods = vec![PodGroup {
            reason: "ImagePullBackOff".to_owned(),
            count: short,
            example: format!("{}-7d9f8b6c5-x2k4q", newest.name),
            message: "container web: Back-off pulling image \"example.com/web:2\": not found".to_owned(),
        }];
    }
}
