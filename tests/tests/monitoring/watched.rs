//! A fleet that is watched while its rollouts go well, fail, and are taken back, and while parts of it go away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, Patch, PatchParams};
use reqwest::StatusCode;
use serde_json::json;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::http_service::HttpService;
use shipper_tests::prometheus::{Prometheus, Series};
use shipper_tests::simulated::{APP, Begin, NAMESPACE, Simulation};

use super::exposed::{Family, families, lint};
use super::loaded::{Shown, firing, hurried, named, shown};
use super::{chart, fired, grafana};

const FILE: &str = "applications/web/shop.yaml";
const SOON: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Panels that show nothing as long as nothing of the kind has happened.
const EMPTY: [&str; 2] = ["What the database did not do", "Objects in trouble, by reason"];

/// Metrics that are not there before the first of their kind, with their types.
const ONCE: [(&str, &str); 3] = [
    ("shipper_hub_database_errors_total", "counter"),
    ("shipper_agent_object_problems", "gauge"),
    ("shipper_agent_watch_errors_total", "counter"),
];

struct Watched {
    fleet: Simulation,
    hub: HttpService,
    agents: Vec<HttpService>,
    prometheus: Prometheus,
}

impl Watched {
    async fn start() -> Self {
        let names = (1..=3).map(|number| format!("cluster-{number}")).collect();
        let begin = Begin { epoch: Timestamp::now(), heartbeat: HEARTBEAT, ..Begin::default() };
        let fleet = Simulation::start_as(31, names, begin).await;
        let hub = HttpService::start(fleet.hub()).unwrap();
        let agents: Vec<HttpService> =
            fleet.agents.iter().map(|(status, _)| HttpService::start(status.router()).unwrap()).collect();
        let jobs = [
            ("shipper-hub", vec![hub.address()]),
            ("shipper-agent", agents.iter().map(HttpService::address).collect()),
        ];
        let rules: Vec<String> = chart::rules(&chart::render(&[])).iter().map(hurried).collect();
        let prometheus = Prometheus::watch(&jobs, &rules).await.unwrap();
        Self { fleet, hub, agents, prometheus }
    }

    async fn fires(&self, alert: &str) {
        eventually(SOON, async || {
            let firing = firing(&self.prometheus).await?;
            ensure!(firing.contains(alert), "{alert} does not fire; {firing:?} do");
            anyhow::Ok(())
        })
        .await;
        self.fleet.reached(&format!("{alert} fires"));
    }

    /// Waits until no alert fires.
    async fn at_rest(&self) {
        eventually(SOON, async || {
            let firing = firing(&self.prometheus).await?;
            ensure!(firing.is_empty(), "all is well, and these fire: {firing:?}");
            anyhow::Ok(())
        })
        .await;
    }

    async fn value(&self, query: &str) -> Result<f64> {
        let found: Vec<Series> = self.prometheus.query(query).await?;
        ensure!(found.len() == 1, "{query} gives {found:?}");
        Ok(found[0].1)
    }

    /// Waits until a query gives this.
    async fn reads(&self, query: &str, expected: f64) {
        eventually(SOON, async || {
            let value = self.value(query).await?;
            ensure!((value - expected).abs() < 0.001, "{query} is {value} and not {expected}");
            anyhow::Ok(())
        })
        .await;
    }

    async fn exposed(&self) -> BTreeMap<String, Family> {
        let mut all = BTreeMap::new();
        for (prefix, service) in [("shipper_hub_", &self.hub), ("shipper_agent_", &self.agents[0])] {
            let text =
                reqwest::get(format!("{}/metrics", service.url())).await.unwrap().text().await.unwrap();
            let families = families(&text);
            assert_eq!(lint(prefix, &families), Vec::<String>::new(), "{text}");
            all.extend(families);
        }
        all
    }

    /// A release complete from its commit on, by these steps.
    async fn roll_out(&self, before: &str, steps: &[(usize, &str)]) -> String {
        let release = self.fleet.contender_after(before).await;
        self.fleet.wait_until(&release, 0, WaitingFor::WaitingForCommand).await;
        for (step, name) in steps {
            self.fleet.people.promote(&release, name);
            self.fleet.pushed().await;
            let state = if *step == 2 { WaitingFor::None } else { WaitingFor::WaitingForCommand };
            self.fleet.wait_until(&release, *step, state).await;
        }
        release
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_alerted_on_and_shown_is_measured() {
    let watched = Watched::start().await;
    let (fleet, prometheus) = (&watched.fleet, &watched.prometheus);
    fleet.people.add_application();
    fleet.pushed().await;
    let v1 = watched.roll_out("", &[(2, "full on")]).await;
    prometheus.wait_for("shipper_hub_releases_completed_total").await.unwrap();
    fleet.people.edit("1.0.0", "2.0.0");
    fleet.pushed().await;
    let v2 = watched.roll_out(&v1, &[(1, "50/50"), (2, "full on")]).await;
    watched.reads("sum(shipper_hub_releases_completed_total)", 2.0).await;
    watched.reads("sum(shipper_hub_lead_time_seconds_count)", 2.0).await;
    watched.reads("sum(shipper_hub_step_duration_seconds_count{step=\"staging\"})", 2.0).await;
    watched.reads("sum(shipper_hub_step_wait_seconds_count{waiting=\"command\"})", 3.0).await;
    let lead = watched.value("sum(shipper_hub_lead_time_seconds_sum)").await.unwrap();
    let rollout = watched.value("sum(shipper_hub_rollout_duration_seconds_sum)").await.unwrap();
    assert!(lead > 0.0 && rollout > 0.0 && (lead - rollout).abs() < 5.0, "{lead} and {rollout}");
    watched.at_rest().await;
    fleet.reached("two releases are complete, and nothing fires");

    let service: Api<Service> = Api::namespaced(fleet.clusters[0].1.clone(), NAMESPACE);
    let drift = json!({"metadata": {"annotations": {"example.com/tag": "mine"}}});
    service.patch(APP, &PatchParams::default(), &Patch::Merge(&drift)).await.unwrap();
    watched.reads("sum(shipper_agent_repairs_total)", 1.0).await;

    let applications = format!("{}/api/v1/applications", watched.hub.url());
    let stranger = reqwest::Client::new().get(applications).bearer_auth("shipper_read_nobodys");
    assert_eq!(stranger.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    watched.reads("sum(shipper_hub_refused_readers_total{cause=\"unknown_token\"})", 1.0).await;

    fleet.people.change(FILE, |text| text.replace("progressDeadline: 1m", "progressDeadline: 1s"));
    let broken = fleet.people.edit("registry.example/shop", "registry.example/broken");
    fleet.pushed().await;
    let v3 = fleet.contender_after(&v2).await;
    watched.fires("ShipperRolloutHeld").await;
    watched.fires("ShipperClustersFailing").await;
    fleet.people.revert(broken);
    fleet.pushed().await;
    fleet.wait_until(&v2, 2, WaitingFor::None).await;
    watched.reads("sum(shipper_hub_releases_failed_total{how=\"returned\"})", 1.0).await;
    watched.reads("sum(shipper_hub_restore_time_seconds_count)", 1.0).await;
    watched.reads("sum(shipper_hub_held_applications)", 0.0).await;
    fleet.reached(&format!("{v3} was taken back"));

    everything_is_measured(&watched).await;

    let aside = fleet.people.path().with_extension("aside");
    std::fs::rename(fleet.people.path(), &aside).unwrap();
    fleet.pushed().await;
    watched.fires("ShipperRepositoryUnreachable").await;
    std::fs::rename(&aside, fleet.people.path()).unwrap();
    fleet.people.write("applications/web/bad.yaml", "kind: Application\nspec: [");
    fleet.pushed().await;
    watched.fires("ShipperUnusableFiles").await;
    fleet.agents[1..].iter().for_each(|(_, task)| task.abort());
    watched.fires("ShipperManyClustersOffline").await;
    fleet.people.rewrite();
    fleet.pushed().await;
    watched.fires("ShipperHistoryRewritten").await;
    let real = prometheus.series(r#"{__name__=~"shipper_.+"}"#).await.unwrap();
    let unreal = fired::unreal(&real, &ONCE.map(|(name, _)| name));
    assert!(unreal.is_empty(), "alerts are tried on what no fleet has: {unreal:#?}");
    watched.hub.switch_off().unwrap();
    watched.fires("ShipperHubGone").await;
}

/// Every rule is well, every expression parses and names what there is, all that should have data has it, and Grafana shows it; the book has all metrics.
async fn everything_is_measured(watched: &Watched) {
    let prometheus = &watched.prometheus;
    let rules = prometheus.rules().await.unwrap();
    let recorded: BTreeSet<String> = rules
        .iter()
        .filter(|rule| rule["type"] == "recording")
        .map(|rule| rule["name"].as_str().unwrap().to_owned())
        .collect();
    let exposed = watched.exposed().await;
    let may_come = |metric: &str| ONCE.iter().any(|(name, _)| *name == metric);
    let is_there =
        |metric: &String| exposed.contains_key(metric) || recorded.contains(metric) || may_come(metric);
    for rule in &rules {
        let (name, query) = (&rule["name"], rule["query"].as_str().unwrap());
        assert_eq!(rule["health"], "ok", "{name}: {}", rule["lastError"]);
        let missing: Vec<String> = named(query).into_iter().filter(|metric| !is_there(metric)).collect();
        assert!(missing.is_empty(), "{name}: no {missing:?} in {query}");
    }
    let mut empty: BTreeMap<String, bool> = BTreeMap::new();
    let mut answers = grafana::Answers::default();
    for shown in shown(&chart::dashboards(&chart::render(&[]))) {
        let Shown { place, expression, .. } = &shown;
        let missing: Vec<String> = named(expression).into_iter().filter(|metric| !is_there(metric)).collect();
        assert!(missing.is_empty(), "{place}: no {missing:?} in {expression}");
        let found = prometheus.query(expression).await;
        let found = found.unwrap_or_else(|error| panic!("{place}: {error}: {expression}"));
        let panel = place.split(" (").next().unwrap().to_owned();
        *empty.entry(panel).or_insert(true) &= found.is_empty();
        answers.add(&shown, &found);
    }
    grafana::shows(&answers);
    let empty: Vec<&String> = empty
        .iter()
        .filter(|(panel, empty)| **empty && !EMPTY.iter().any(|known| panel.contains(known)))
        .map(|(panel, _)| panel)
        .collect();
    assert!(empty.is_empty(), "these show nothing: {empty:?}");
    in_the_book(&exposed);
    watched.fleet.reached(&format!("{} metrics, {} rules", exposed.len(), rules.len()));
}

/// The tables of the book name every metric with its type, and none that there is not.
fn in_the_book(exposed: &BTreeMap<String, Family>) {
    let book = std::fs::read_to_string(chart::folder().join("../../docs/monitoring.md")).unwrap();
    let mut told = BTreeMap::new();
    for line in book.lines().filter(|line| line.starts_with("| `shipper_")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].trim_matches('`').split('{').next().unwrap();
        told.insert(name.to_owned(), cells[1].to_owned());
    }
    let once = ONCE.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
    let real = exposed.iter().map(|(name, family)| (name.clone(), family.kind.clone()));
    let real: BTreeMap<String, String> = real.chain(once).collect();
    assert_eq!(told, real);
}
