//! Real bare repositories, a real database, a running loop.

use crate::access::AccessSettings;
use crate::clock::Clock;
use crate::http::tokens::Tokens;
use crate::pilot::{Pilot, PilotConfig, PilotControl};
use crate::render::charts::{self, Charts};
use crate::render::tests::helm;
use crate::render::{Limits, Renderer};
use crate::shared::{Settings, Shared};
use crate::standing::Takeover;
use crate::store::{SqliteStore, Store as HubStore, Write};
use shipper_core::AppKey;
use shipper_core::protocol::SessionRequest;
use shipper_core::report::{AppReport, Capacity, ReleaseReport, Remains, Report, Traffic};
use shipper_core::state::{FleetState, ReleaseRecord, StateObject, Target, paths};
use shipper_core::status::ApplicationStatus;
use shipper_git::{CommitMeta, Identity, Oid, PushOutcome, RemoteConfig, RepositoryUrl, Store};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const MAIN: &str = paths::INTENT_BRANCH;
pub(crate) const STATE: &str = paths::STATE_BRANCH;

pub(crate) const CLUSTER: &str =
    "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: NAME}\nspec: {region: eu}\n";
pub(crate) const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'example.com/web:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

/// An Application in namespace `web` that takes the manifests at `path`.
pub(crate) fn application(name: &str, path: &str) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: web}}\nspec:\n  template:\n    manifests: {{path: {path}}}\n"
    )
}

fn meta(message: &str) -> CommitMeta {
    let who = Identity {
        name: "Ann".into(),
        email: "ann@example.com".into(),
        seconds: 1_700_000_000,
        offset_minutes: 0,
    };
    CommitMeta { author: who.clone(), committer: who, message: message.to_owned() }
}

pub(crate) fn file(name: &str) -> String {
    format!("applications/web/{name}.yaml")
}

pub(crate) fn key(name: &str) -> AppKey {
    AppKey::new("web", name)
}

/// A bare repository and the clone people work in.
pub(crate) struct Bed {
    pub(crate) dir: TempDir,
    pub(crate) people: Store,
    pub(crate) head: Option<Oid>,
}

pub(crate) fn bare(path: &Path) -> RemoteConfig {
    let made = Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(path).status().unwrap();
    assert!(made.success());
    RemoteConfig::new(path.to_str().unwrap().parse::<RepositoryUrl>().unwrap())
}

impl Bed {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let remote = bare(&dir.path().join("fleet.git"));
        let people =
            Store::open(&dir.path().join("people"), RemoteConfig { shallow: false, ..remote }).unwrap();
        Self { dir, people, head: None }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn config(&self) -> PilotConfig {
        let mut config = PilotConfig::new(self.path("hub"), self.people.config().clone());
        config.retry_min = Duration::from_millis(20);
        config
    }

    /// Commits to `main`; `None` removes.
    pub(crate) fn commit(&mut self, files: &[(&str, Option<&str>)]) -> Oid {
        let commit = self.make(self.head, files);
        self.push(MAIN, commit, self.head);
        self.head = Some(commit);
        commit
    }

    /// A commit on `main` that changes no file and confirms a removal.
    pub(crate) fn confirm(&mut self, name: &str) -> Oid {
        let mut builder = self.people.commit_on(self.head).unwrap();
        builder.message_counts();
        let message = format!("Remove {name}\n\nShipper-Confirm-Removal: {name}\n");
        let commit = builder.commit(&meta(&message), None).unwrap().unwrap();
        self.push(MAIN, commit, self.head);
        self.head = Some(commit);
        commit
    }

    pub(crate) fn make(&self, base: Option<Oid>, files: &[(&str, Option<&str>)]) -> Oid {
        let mut builder = self.people.commit_on(base).unwrap();
        for (path, content) in files {
            match content {
                Some(content) => drop(builder.put(path, content.as_bytes()).unwrap()),
                None => builder.remove(path).unwrap(),
            }
        }
        builder.commit(&meta("Change the fleet\n"), None).unwrap().unwrap()
    }

    pub(crate) fn push(&self, branch: &str, commit: Oid, expected: Option<Oid>) {
        assert_eq!(self.people.push(branch, commit, expected).unwrap(), PushOutcome::Pushed);
    }

    /// Where the state branch is.
    pub(crate) fn state(&mut self) -> Option<Oid> {
        self.people.fetch(&[STATE]).unwrap()[STATE]
    }

    /// What the state branch says of itself.
    pub(crate) fn fleet_state(&mut self) -> FleetState {
        FleetState::from_yaml(self.files()[paths::FLEET_STATE].as_bytes()).unwrap()
    }

    /// The files of the state branch.
    pub(crate) fn files(&mut self) -> BTreeMap<String, String> {
        let Some(state) = self.state() else { return BTreeMap::new() };
        let snapshot = self.people.snapshot(state).unwrap();
        let entries = snapshot.walk("").unwrap().into_iter();
        entries
            .map(|e| {
                let bytes = snapshot.read(&e.path, 1 << 20).unwrap().unwrap();
                (e.path, String::from_utf8(bytes).unwrap())
            })
            .collect()
    }

    pub(crate) fn releases(&mut self, name: &str) -> Vec<ReleaseRecord> {
        let prefix = format!("releases/web/{name}/");
        let files = self.files().into_iter();
        let records = files.filter(|(p, _)| p.starts_with(&prefix) && p.ends_with("/release.yaml"));
        let mut records: Vec<_> =
            records.map(|(_, text)| ReleaseRecord::from_yaml(text.as_bytes()).unwrap()).collect();
        records.sort_by_key(|record| record.generation);
        records
    }

    pub(crate) fn target(&mut self, cluster: &str, name: &str) -> Option<Target> {
        let path = paths::target(&cluster.into(), &key(name));
        self.files().get(&path).map(|text| Target::from_yaml(text.as_bytes()).unwrap())
    }
}

/// A running loop.
pub(crate) struct Hub {
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: PilotControl,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Hub {
    pub(crate) async fn start(config: PilotConfig) -> Self {
        Self::start_with(config, Duration::from_secs(10)).await
    }

    /// With agents that report every `heartbeat`.
    pub(crate) async fn start_with(config: PilotConfig, heartbeat: Duration) -> Self {
        let store = Arc::new(SqliteStore::open(&config.data_dir).await.unwrap());
        Self::begin(config, heartbeat, Takeover::default(), store).await
    }

    /// On a database that it may share with others.
    pub(crate) async fn on(store: Arc<dyn HubStore>, config: PilotConfig) -> Self {
        Self::begin(config, Duration::from_secs(10), Takeover::default(), store).await
    }

    /// With another database than the hub before, which is gone for good [A6].
    pub(crate) async fn take_over(config: PilotConfig) -> Self {
        let takeover = Takeover { ordered: true, ..Takeover::default() };
        let store = Arc::new(SqliteStore::open(&config.data_dir).await.unwrap());
        Self::begin(config, Duration::from_secs(10), takeover, store).await
    }

    async fn begin(
        config: PilotConfig,
        heartbeat: Duration,
        takeover: Takeover,
        store: Arc<dyn HubStore>,
    ) -> Self {
        let (clock, tokens) = (Clock::system(), Tokens::none());
        let access = AccessSettings::open();
        let settings = Settings { clock, heartbeat, tokens, access, webhook_secret: None, takeover };
        Self::with(config, settings, store).await
    }

    /// With these settings.
    pub(crate) async fn with(config: PilotConfig, settings: Settings, store: Arc<dyn HubStore>) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let dir = config.data_dir.clone();
        let shared = Shared::start(store, settings).await.unwrap();
        let renderer = Arc::new(Renderer::new(helm(), Limits::default(), dir.join("work")));
        // Repositories are asked each time, so that what they have new is seen.
        let limits = charts::Limits { index_age: Duration::ZERO, ..charts::Limits::default() };
        let charts = Arc::new(Charts::new(dir.join("charts"), limits).unwrap());
        let pilot = Pilot::new(config, shared.clone(), renderer, charts).unwrap();
        let (control, stop) = (pilot.control(), CancellationToken::new());
        let running = tokio::spawn(pilot.run(stop.clone()));
        Self { shared, control, stop, running }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
        self.shared.stop.cancel();
    }

    /// Waits until something that was published makes `found` find what it looks for.
    pub(crate) async fn until<T>(&self, what: &str, mut found: impl FnMut(&Shared) -> Option<T>) -> T {
        let mut statuses = self.shared.statuses.subscribe();
        let mut board = self.shared.hub.subscribe();
        let waiting = async {
            loop {
                if let Some(found) = found(&self.shared) {
                    return found;
                }
                tokio::select! {
                    changed = statuses.changed() => changed.unwrap(),
                    changed = board.changed() => changed.unwrap(),
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), waiting).await {
            Ok(found) => found,
            Err(_) => panic!(
                "{what} does not come about; the hub says {:#?} and {:#?}",
                self.shared.hub.get(),
                self.shared.statuses.list(None)
            ),
        }
    }

    /// Waits until the status of an application is as wanted.
    pub(crate) async fn app(&self, name: &str, wanted: impl Fn(&ApplicationStatus) -> bool) {
        self.until(name, |shared| shared.statuses.get(&key(name)).filter(|status| wanted(status))).await;
    }

    /// Waits until `main` at `commit` is in force and everything it means stands in Git.
    pub(crate) async fn follows(&self, commit: Oid) {
        let commit = commit.to_string();
        self.until("the commit in force", |shared| {
            (shared.hub.get().source.as_ref() == Some(&commit)).then_some(())
        })
        .await;
    }

    /// The agent of `cluster` reports that it did what its target asks.
    pub(crate) async fn report(&self, cluster: &str, sequence: u64, target: &Target) {
        self.report_on(cluster, sequence, target, None).await;
    }

    /// The first report of an agent, which follows a state commit of this epoch and generation.
    pub(crate) async fn report_at(&self, cluster: &str, target: &Target, commit: Oid, standing: (u64, u64)) {
        self.report_on(cluster, 1, target, Some((commit, standing))).await;
    }

    /// The agent of `cluster`, which has a session, reports this of an application.
    pub(crate) async fn says(&self, cluster: &str, sequence: u64, state: AppReport) {
        self.send(cluster, sequence, state, None).await;
    }

    async fn report_on(
        &self,
        cluster: &str,
        sequence: u64,
        target: &Target,
        follows: Option<(Oid, (u64, u64))>,
    ) {
        self.send(cluster, sequence, done(target), follows).await;
    }

    async fn send(&self, cluster: &str, sequence: u64, state: AppReport, follows: Option<(Oid, (u64, u64))>) {
        let (session, uid) = (format!("session of {cluster}"), format!("uid of {cluster}"));
        let at = self.shared.clock.now();
        if sequence == 1 {
            let request = SessionRequest {
                cluster: cluster.into(),
                cluster_uid: uid.clone(),
                agent_version: "1".into(),
                unheard_seconds: None,
            };
            self.shared.intake.write(Write::Open { session: session.clone(), request, at }).await.unwrap();
        }
        let report = Report {
            session,
            sequence,
            cluster: cluster.into(),
            cluster_uid: uid,
            agent_version: "1".into(),
            commit: follows.map(|(commit, _)| commit.to_string()),
            epoch: follows.map(|(_, (epoch, _))| epoch),
            generation: follows.map(|(_, (_, generation))| generation),
            problems: Vec::new(),
            api_calls: BTreeMap::new(),
            free: None,
            applications: vec![state],
            gone: Vec::new(),
        };
        self.shared.intake.write(Write::Report { report: Arc::new(report), at }).await.unwrap();
    }
}

/// What an agent reports that did what the target asks.
pub(crate) fn done(target: &Target) -> AppReport {
    let releases = target.releases.iter().map(|listed| {
        let pods = u32::from(listed.capacity) * 2 / 100;
        let traffic = if listed.traffic.unwrap_or(0) > 0 { pods } else { 0 };
        ReleaseReport {
            name: listed.name.clone(),
            present: !listed.absent,
            installed: !listed.absent,
            capacity: Capacity {
                rendered: 2,
                desired: pods,
                replicas: pods,
                pods,
                ready: pods,
                available: pods,
                achieved: true,
            },
            traffic: listed.traffic.map(|_| Traffic { wanted: traffic, ready: traffic, achieved: true }),
            pods: Vec::new(),
            autoscaled: BTreeMap::new(),
        }
    });
    AppReport {
        application: target.application.clone(),
        target_generation: target.generation,
        releases: releases.collect(),
        corked: None,
        remains: Some(Remains {
            ready_pods: target.releases.iter().map(|listed| u32::from(listed.capacity) * 2 / 100).sum(),
            ..Remains::default()
        }),
        unattended: false,
        analysis: None,
        problems: Vec::new(),
    }
}
