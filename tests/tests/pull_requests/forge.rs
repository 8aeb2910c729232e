//! A fleet whose repository is on a Gitea, as `docs/pull-requests.md` tells to set it up: everybody with an account of their own, `main` and
//! `shipper/**` protected, a webhook, the pipeline of `examples/ci` with a read token of the hub. The hub is the program, the agents are those of the program, the
//! clusters are simulated.

use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use kube::Client;
use rand::SeedableRng;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use shipper_agent::hub::{HttpHub, HttpHubOptions};
use shipper_agent::source::GitSource;
use shipper_agent::{App, Config, Polling};
use shipper_core::status::ApplicationStatus;
use shipper_git::{Credentials, RemoteConfig, Secret};
use shipper_sim::{Cluster, Delay, Options};
use shipper_test_foretold::comes_true;
use shipper_tests::daemon;
use shipper_tests::eventually::{eventually, within};
use shipper_tests::git_repo::{Checkout, Git};
use shipper_tests::gitea::runner::{Ended, Runner};
use shipper_tests::gitea::{Account, Gitea};
use shipper_tests::process::Process;
use shipper_tests::scene::{STATE_BRANCH, token};
use shipper_tests::scratch::Scratch;
use shipperctl::cli::Global;
use shipperctl::demo::FILES;
use shipperctl::forecast::{Forecast, MARK};
use shipperctl::hub::Hub;
use tokio::task::{JoinSet, spawn_blocking};

/// The fleet repository.
pub const FLEET: &str = "shop/fleet";
/// Where it is in Gitea's API.
const API: &str = "/repos/shop/fleet";
const WORKFLOW: &str = include_str!("../../../examples/ci/forgejo/shipper-plan.yaml");
const WEBHOOK_SECRET: &str = "the secret of the webhook";
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that runs. It ends when dropped.
pub struct Forge {
    /// The Git host.
    pub gitea: Gitea,
    /// Proposes changes.
    pub ada: Account,
    /// Reviews and merges them.
    pub grace: Account,
    /// Whose the hub's pushes are.
    pub hub_account: Account,
    /// Ada's clone.
    pub desk: Checkout,
    /// The hub's process.
    pub hub: Process,
    /// Where it serves.
    pub hub_url: String,
    /// Where its database is.
    hub_data: PathBuf,
    /// File with the token that Ada reads it with.
    read_token: PathBuf,
    runner: Runner,
    began: Instant,
    _agents: JoinSet<()>,
    scratch: Scratch,
}

/// What the pipeline said of a pull request.
pub struct Said {
    /// How it ended.
    pub ended: Ended,
    /// The comment.
    pub comment: Value,
    /// The status `shipper/plan`.
    pub status: Value,
    /// The same plan as programs get it.
    pub forecast: Forecast,
}

impl Forge {
    /// Starts all of it, with the files of the demo but for its chart.
    pub async fn start() -> Self {
        let began = Instant::now();
        let scratch = Scratch::new("forge").unwrap();
        let gitea = Gitea::start().await.unwrap();
        let mut accounts = Vec::new();
        for name in ["ada", "grace", "hub", "agents"] {
            accounts.push(gitea.account(name).await.unwrap());
        }
        let [ada, grace, hub_account, agents] = accounts.try_into().unwrap();
        let repository = json!({"name": "fleet", "private": true, "default_branch": "main"});
        gitea.administer(Method::POST, "/orgs", &json!({"username": "shop"})).await.unwrap();
        gitea.administer(Method::POST, "/orgs/shop/repos", &repository).await.unwrap();
        for (account, permission) in
            [(&ada, "write"), (&grace, "write"), (&hub_account, "write"), (&agents, "read")]
        {
            let path = format!("{API}/collaborators/{}", account.name);
            gitea.administer(Method::PUT, &path, &json!({"permission": permission})).await.unwrap();
        }
        let desk = Checkout::clone_with(&gitea.repository(FLEET), signed_in(&ada)).unwrap();
        let files: Vec<_> = FILES.iter().copied().filter(|(path, _)| !path.contains("greeter")).collect();
        desk.write_all(&files).unwrap();
        desk.write(".gitea/workflows/shipper-plan.yaml", WORKFLOW).unwrap();
        desk.git(["checkout", "--quiet", "-B", "main"]).unwrap();
        desk.commit("Begin with the example fleet").unwrap();
        desk.push().unwrap();
        protect(&gitea).await;

        let names: Vec<&str> = files
            .iter()
            .filter_map(|(path, _)| path.strip_prefix("clusters/")?.strip_suffix(".yaml"))
            .collect();
        let (hub, hub_url) = start_hub(&scratch, &gitea, &hub_account, &names).await;
        let hub_data = scratch.join("hub");
        let read_token = scratch.write("read-token", read_token_for(&hub_data, "ada", &[]).await).unwrap();
        let secret = json!({"data": read_token_for(&hub_data, "pipeline", &[]).await});
        gitea
            .administer(Method::PUT, &format!("{API}/actions/secrets/SHIPPER_TOKEN"), &secret)
            .await
            .unwrap();
        let variable = json!({"value": hub_url});
        gitea
            .administer(Method::POST, &format!("{API}/actions/variables/SHIPPER_HUB"), &variable)
            .await
            .unwrap();
        let webhook = json!({"type": "gitea", "active": true, "events": ["push"], "config": {
            "url": format!("{hub_url}/api/v1/webhook"), "content_type": "json", "secret": WEBHOOK_SECRET}});
        gitea.administer(Method::POST, &format!("{API}/hooks"), &webhook).await.unwrap();
        let program = daemon::binary("shipperctl").unwrap();
        let runner = Runner::register(&gitea, FLEET, program.parent().unwrap()).await.unwrap();
        let mut tasks = JoinSet::new();
        for (name, seed) in names.into_iter().zip(1..) {
            tasks.spawn(agent(&scratch, &gitea, &agents, &hub_url, name, seed).run(std::future::pending()));
        }
        Self {
            gitea,
            ada,
            grace,
            hub_account,
            desk,
            hub,
            hub_url,
            hub_data,
            read_token,
            runner,
            began,
            _agents: tasks,
            scratch,
        }
    }

    /// Says what has been reached, on standard error whether or not the test passes.
    pub fn reached(&self, what: &str) {
        let _ = writeln!(stderr(), "pull requests: {:.1} s: {what}", self.began.elapsed().as_secs_f32());
    }

    /// A token that reads of these namespaces alone.
    pub async fn read_token_of(&self, namespace: &str) -> PathBuf {
        let token = read_token_for(&self.hub_data, namespace, &["--namespace", namespace]).await;
        self.scratch.write(&format!("read-token-{namespace}"), token).unwrap()
    }

    /// Runs `shipperctl` in Ada's clone, with her tokens.
    pub async fn shipperctl_output(&self, arguments: &[&str]) -> Output {
        tokio::process::Command::new(daemon::binary("shipperctl").unwrap())
            .args(["--hub", &self.hub_url])
            .args(arguments)
            .current_dir(self.desk.path())
            .env("NO_COLOR", "1")
            .env("SHIPPER_GIT_TOKEN", &self.ada.token)
            .env("SHIPPER_TOKEN_FILE", &self.read_token)
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .envs([("GIT_AUTHOR_NAME", "Ada Lovelace"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
            .output()
            .await
            .unwrap()
    }

    /// As [`Forge::shipperctl_output`], where all is to go well; what it prints.
    pub async fn shipperctl(&self, arguments: &[&str]) -> String {
        let output = self.shipperctl_output(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Pushes a branch with these files, or without those that are empty; goes on from the newest `main` where it is a new one.
    pub fn push(&self, branch: &str, message: &str, files: &[(&str, &str)]) {
        self.desk.git(["fetch", "--quiet", "origin"]).unwrap();
        let there = self.desk.git(["rev-parse", "--verify", "--quiet", &format!("origin/{branch}")]).is_ok();
        let from = if there { format!("origin/{branch}") } else { "origin/main".to_owned() };
        self.desk.git(["checkout", "--quiet", "-B", branch, &from]).unwrap();
        for (path, content) in files {
            if content.is_empty() {
                self.desk.git(["rm", "--quiet", "-r", path]).unwrap();
            } else {
                self.desk.write(path, content).unwrap();
            }
        }
        self.desk.commit(message).unwrap();
        self.desk.push().unwrap();
    }

    /// A file on the newest `main`.
    pub fn file(&self, path: &str) -> String {
        self.desk.git(["fetch", "--quiet", "origin"]).unwrap();
        self.desk.git(["show", &format!("origin/main:{path}")]).unwrap() + "\n"
    }

    /// Opens a pull request as Ada; its number.
    pub async fn open(&self, branch: &str) -> u64 {
        let request = json!({"title": branch, "head": branch, "base": "main", "body": ""});
        let opened =
            self.gitea.ask(&self.ada, Method::POST, &format!("{API}/pulls"), &request).await.unwrap();
        opened["number"].as_u64().unwrap()
    }

    /// Runs the pipeline that Gitea has started for a pull request, and returns what came of it.
    pub async fn pipeline(&self, number: u64) -> Said {
        let ended = self.runner.run_one().await.unwrap();
        let comments = self.read(&format!("/issues/{number}/comments")).await;
        // The name that Gitea gives to its pipelines.
        let marked = |comment: &&Value| {
            comment["user"]["login"] == "gitea-actions"
                && comment["body"].as_str().is_some_and(|body| body.starts_with(MARK))
        };
        let comments: Vec<&Value> = comments.as_array().unwrap().iter().filter(marked).collect();
        assert_eq!(comments.len(), 1, "{} {comments:#?}", ended.output);
        let head = format!("refs/pull/{number}/head");
        let asked = self.shipperctl_output(&["plan", "-o", "json", "--head", &head]).await;
        let forecast = serde_json::from_slice(&asked.stdout).unwrap();
        Said { ended, comment: comments[0].clone(), status: self.status(number).await, forecast }
    }

    /// The status `shipper/plan` of a pull request.
    pub async fn status(&self, number: u64) -> Value {
        let pull = self.read(&format!("/pulls/{number}")).await;
        let statuses = self.read(&format!("/commits/{}/status", pull["head"]["sha"].as_str().unwrap())).await;
        let ours = |status: &&Value| status["context"] == "shipper/plan";
        statuses["statuses"].as_array().unwrap().iter().find(ours).unwrap().clone()
    }

    async fn read(&self, path: &str) -> Value {
        self.gitea.ask(&self.ada, Method::GET, &format!("{API}{path}"), &Value::Null).await.unwrap()
    }

    /// Approves a pull request as Grace.
    pub async fn approve(&self, number: u64) {
        let review = json!({"event": "APPROVED", "body": "fine"});
        self.gitea
            .ask(&self.grace, Method::POST, &format!("{API}/pulls/{number}/reviews"), &review)
            .await
            .unwrap();
    }

    /// Tries to merge as Grace.
    pub async fn try_merge(&self, number: u64) -> Result<()> {
        within(PATIENCE, async || {
            let path = format!("{API}/pulls/{number}/merge");
            match self.gitea.ask(&self.grace, Method::POST, &path, &json!({"Do": "merge"})).await {
                // It looks at the newest push still.
                Err(error) if error.to_string().contains("try again later") => Err(error),
                done => Ok(done.map(drop)),
            }
        })
        .await
        .map_err(anyhow::Error::msg)?
    }

    /// Merges as Grace, and holds what the hub then does against what was foretold.
    pub async fn comes_true(&self, number: u64, forecast: Forecast) {
        self.try_merge(number).await.unwrap();
        let pull = self.read(&format!("/pulls/{number}")).await;
        let merged = pull["merge_commit_sha"].as_str().unwrap().to_owned();
        let (desk, git) = (self.desk.path().to_owned(), signed_in(&self.ada));
        let token_file = Some(self.read_token.clone());
        let global = Global { repository: None, hub: self.hub_url.clone(), token_file };
        let looked = spawn_blocking(move || {
            let git = |arguments: &[&str]| git.run(&desk, arguments).unwrap();
            comes_true(&forecast, &merged, &Hub::of(&global).unwrap(), &git);
        });
        looked.await.unwrap();
    }

    /// Waits until the newest release of an application has achieved the step.
    pub async fn achieved(&self, app: &str, step: &str) -> ApplicationStatus {
        eventually(PATIENCE, async || {
            let token = std::fs::read_to_string(&self.read_token)?;
            let request = reqwest::Client::new().get(format!("{}/api/v1/applications/{app}", self.hub_url));
            let answer = request.bearer_auth(token.trim()).send().await?;
            let status: ApplicationStatus = answer.error_for_status()?.json().await?;
            let release = status.contender_status().context("no release")?;
            let at = release.achieved.as_ref().and_then(|achieved| release.steps.get(achieved.step));
            ensure!(at.is_some_and(|name| name == step), "{app} is at {at:?}: {:?}", status.waiting);
            anyhow::Ok(status)
        })
        .await
    }
}

/// A token that reads of the hub, made as whoever runs it does.
async fn read_token_for(data: &Path, name: &str, more: &[&str]) -> String {
    let made = tokio::process::Command::new(daemon::binary("shipperctl").unwrap())
        .args(["hub", "tokens", "create", name, "--data-dir"])
        .arg(data)
        .args(more)
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// Nobody pushes to `main`, and the hub alone to its branches.
async fn protect(gitea: &Gitea) {
    let main = json!({
        "rule_name": "main", "enable_push": false, "enable_status_check": true, "status_check_contexts": ["shipper/plan"],
        "required_approvals": 1, "enable_approvals_whitelist": true, "approvals_whitelist_username": ["ada", "grace"],
        "dismiss_stale_approvals": true, "block_admin_merge_override": true,
    });
    let state = json!({
        "rule_name": "shipper/**", "enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["hub"],
    });
    for rule in [main, state] {
        gitea.administer(Method::POST, &format!("{API}/branch_protections"), &rule).await.unwrap();
    }
}

/// A hub that looks by itself only after minutes: whatever it sees before, it was told of.
async fn start_hub(
    scratch: &Scratch,
    gitea: &Gitea,
    account: &Account,
    clusters: &[&str],
) -> (Process, String) {
    let tokens: String = clusters.iter().map(|name| format!("{name}: {}\n", token(name))).collect();
    let data = scratch.join("hub");
    std::fs::create_dir(&data).unwrap();
    let hub = daemon::spec("shipper-hub", scratch.path())
        .unwrap()
        .args(["--repository", &gitea.repository(FLEET), "--listen", "127.0.0.1:0", "--heartbeat", "2s"])
        .args(["--poll-interval-min", "10m", "--poll-interval-max", "10m"])
        .arg("--repository-token-file")
        .arg(scratch.write("hub-token", &account.token).unwrap())
        .arg("--webhook-secret-file")
        .arg(scratch.write("webhook-secret", WEBHOOK_SECRET).unwrap())
        .arg("--agent-tokens")
        .arg(scratch.write("tokens.yaml", tokens).unwrap())
        .arg("--data-dir")
        .arg(data)
        .env("RUST_LOG", "info,shipper_hub=debug")
        .env("NO_COLOR", "1")
        .start()
        .unwrap();
    let url = eventually(PATIENCE, async || {
        hub.ensure_running()?;
        let log = hub.log();
        let line =
            log.lines().find(|line| line.contains("the hub serves")).context("it does not serve yet")?;
        let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
        anyhow::Ok(format!("http://{}", address.context("no address")?))
    })
    .await;
    (hub, url)
}

fn agent(
    scratch: &Scratch,
    gitea: &Gitea,
    account: &Account,
    hub: &str,
    cluster: &str,
    seed: u64,
) -> App<GitSource> {
    let data = scratch.join(format!("agent-{cluster}"));
    std::fs::create_dir(&data).unwrap();
    let mut remote = RemoteConfig::new(gitea.repository(FLEET).parse().unwrap());
    remote.credentials =
        Credentials::Basic { user: account.name.clone(), password: Secret::new(account.token.clone()) };
    let source = GitSource::open(&data.join("repository"), remote, STATE_BRANCH).unwrap();
    let token_file = scratch.write(&format!("token-{cluster}"), token(cluster)).unwrap();
    let link = HttpHub::new(HttpHubOptions { url: hub.to_owned(), token_file, ca_file: None }).unwrap();
    let mut config = Config::new(cluster, data, Timestamp::now(), seed);
    config.polling = Polling::every(Duration::from_secs(10));
    App::build(config, simulated(seed), Arc::new(link), source)
}

fn simulated(seed: u64) -> Client {
    let between = |low, high| Delay::Between(Duration::from_millis(low), Duration::from_millis(high));
    let options = Options {
        epoch: Timestamp::now(),
        schedule: between(5, 50),
        start: between(50, 300),
        terminate: between(50, 200),
        ..Options::default()
    };
    shipper_sim::client(&Arc::new(Mutex::new(Cluster::new(options, StdRng::seed_from_u64(seed)))))
}

/// Git with somebody's token, which is in no address.
fn signed_in(account: &Account) -> Git {
    let header = format!("Authorization: token {}", account.token);
    let configured = [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "http.extraHeader"),
        ("GIT_CONFIG_VALUE_0", &header),
    ];
    configured.into_iter().fold(Git::default(), |git, (name, value)| git.env(name, value))
}

/// A clone of somebody.
pub fn clone_of(gitea: &Gitea, account: &Account) -> Checkout {
    Checkout::clone_with(&gitea.repository(FLEET), signed_in(account)).unwrap()
}
