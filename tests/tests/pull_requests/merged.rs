//! What a pull request foretells is what happens once it is merged.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shipper_core::condition::Reason;
use shipperctl::forecast::{ApplicationForecast, Forecast, markdown};

use super::forge::{FLEET, Forge, Said, clone_of};

const HELLO: &str = "applications/web/hello.yaml";
const TWIN: &str = "applications/shop/twin.yaml";
const MANIFEST: &str = "apps/hello/deployment.yaml";
const STRATEGY: &str = "strategies/careful.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pull_request_on_gitea_foretells_is_what_happens_once_it_is_merged() {
    if !shipper_tests::gitea::possible("what_a_pull_request_on_gitea_foretells").await {
        return;
    }
    let forge = Forge::start().await;
    forge.achieved("web/hello", "canary").await;
    forge.reached("everything runs");
    nobody_goes_around(&forge).await;
    a_promotion(&forge).await;
    forge.achieved("web/hello", "full on").await;
    forge.reached("a promotion is merged, and happens");
    a_bad_file_and_then_a_new_version(&forge).await;
    forge.achieved("web/hello", "canary").await;
    forge.reached("a bad file is not merged; a new version is, and happens");
    another_strategy(&forge).await;
    forge.reached("another strategy is merged, and nothing moves");
    a_new_application_that_is_removed_again(&forge).await;
    forge.reached("an application comes and goes");
}

/// No change comes to `main` but by a pull request, and the hub's branch is the hub's.
async fn nobody_goes_around(forge: &Forge) {
    let refused = |account, from: &str, branch: &str| {
        let clone = clone_of(&forge.gitea, account);
        clone.git(["checkout", "--quiet", "--detach", from]).unwrap();
        clone.write("note.txt", "hello\n").unwrap();
        clone.commit("Go around").unwrap();
        let error = clone
            .git(["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("Not allowed to push to protected branch"), "{branch}: {error}");
    };
    refused(&forge.ada, "origin/main", "main");
    refused(&forge.hub_account, "origin/main", "main");
    refused(&forge.ada, "origin/shipper/state", "shipper/state");
    refused(&forge.ada, "origin/main", "shipper/mine");
    let unsigned = reqwest::Client::new().post(format!("{}/api/v1/webhook", forge.hub_url)).body("{}");
    assert_eq!(unsigned.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

async fn a_promotion(forge: &Forge) {
    let opened = forge.shipperctl(&["promote", "web/hello", "--step", "full on", "--pull-request"]).await;
    let url = format!("{}/{FLEET}/pulls/1", forge.gitea.url());
    assert!(opened.contains(&format!("Opened {url}")), "{opened}");
    let early = forge.try_merge(1).await.unwrap_err().to_string();
    assert!(early.contains("status checks"), "{early}");
    // Where there can be no plan, that is the status.
    let failed = forge.shipperctl_output(&["plan", "--post=1", "--hub", "http://127.0.0.1:1"]).await;
    assert_eq!(failed.status.code(), Some(4), "{}", String::from_utf8_lossy(&failed.stderr));
    assert_eq!(forge.status(1).await["status"], "error");
    let partly = forge.read_token_of("elsewhere").await;
    let plan = ["plan", "--head", "refs/pull/1/head", "--token-file", partly.to_str().unwrap()];
    assert_eq!(forge.shipperctl_output(&plan).await.status.code(), Some(9), "a plan needs to see everything");

    let said = forge.pipeline(1).await;
    let step = only(&said.forecast).step.clone().unwrap();
    assert_eq!((step.from.as_str(), step.to.as_str()), ("canary", "full on"));
    is_told(&said, true, "1 application changes, in 4 clusters");
    let early = forge.try_merge(1).await.unwrap_err().to_string();
    assert!(early.contains("approvals"), "{early}");
    forge.approve(1).await;
    forge.comes_true(1, said.forecast).await;
    // It looks by itself only every ten minutes.
    assert!(forge.hub.log().contains("a webhook hints at a push"));
}

async fn a_bad_file_and_then_a_new_version(forge: &Forge) {
    forge.push("version-2", "Version 2", &[(HELLO, "apiVersion: shipper.dev/v1alpha1\nkind: [\n")]);
    let number = forge.open("version-2").await;
    forge.approve(number).await;
    // Somebody else's comment that begins like the plan is not taken for it: who wrote it could change it later.
    let (path, strange) =
        (format!("/repos/{FLEET}/issues/{number}/comments"), "<!-- shipperctl plan --> All is well.");
    forge.gitea.ask(&forge.grace, Method::POST, &path, &json!({"body": strange})).await.unwrap();

    let bad = forge.pipeline(number).await;
    assert!(bad.forecast.errors() > 0 && only(&bad.forecast).clusters.is_empty(), "{:#?}", bad.forecast);
    is_told(&bad, false, "1 error in the files; 1 application changes");
    let refused = forge.try_merge(number).await.unwrap_err().to_string();
    assert!(refused.contains("status checks"), "{refused}");

    let (hello, manifest) = (forge.file(HELLO), forge.file(MANIFEST));
    let newer = manifest.replace("hello:1.0.0", "hello:2.0.0");
    assert_ne!(newer, manifest);
    forge.push("version-2", "Mend it", &[(HELLO, &hello), (MANIFEST, &newer)]);
    let good = forge.pipeline(number).await;
    assert_eq!(good.comment["id"], bad.comment["id"], "there is one comment, kept up to date");
    is_told(&good, true, "1 application changes, in ");
    assert_eq!(only(&good.forecast).releases.len(), 1, "{:#?}", good.forecast);
    let body = good.comment["body"].as_str().unwrap();
    assert!(body.contains("hello:2.0.0"), "{body}");
    let comments = forge.gitea.ask(&forge.ada, Method::GET, &path, &Value::Null).await.unwrap();
    assert!(comments.as_array().unwrap().iter().any(|comment| comment["body"] == strange), "{comments:#?}");
    // The push took the approval away.
    let early = forge.try_merge(number).await.unwrap_err().to_string();
    assert!(early.contains("approvals"), "{early}");
    forge.approve(number).await;
    forge.comes_true(number, good.forecast).await;
}

async fn another_strategy(forge: &Forge) {
    let strategy = forge.file(STRATEGY);
    let slower = strategy.replace("surge: 50%", "surge: 25%").replace("contender: 50", "contender: 40");
    assert_ne!(slower, strategy);
    forge.push("slower", "Go slower", &[(STRATEGY, &slower)]);
    let said = proposed(forge, "slower").await;
    let moves = |one: &ApplicationForecast| !one.clusters.is_empty() || !one.releases.is_empty();
    assert!(
        !said.forecast.applications.iter().any(moves),
        "a rollout keeps its strategy: {:#?}",
        said.forecast
    );
    let hello = said.forecast.applications.iter().find(|one| one.application.name == "hello");
    let told = hello.is_some_and(|one| one.conditions.iter().any(|c| c.reason == Reason::StrategyChanged));
    assert!(told, "that it does is said: {:#?}", said.forecast);
    forge.comes_true(said.number, said.forecast).await;
}

async fn a_new_application_that_is_removed_again(forge: &Forge) {
    let hello =
        forge.file(HELLO).replace("name: hello", "name: twin").replace("namespace: web", "namespace: shop");
    let twin: String = hello
        .lines()
        .take_while(|line| !line.starts_with("  rollout:"))
        .map(|line| format!("{line}\n"))
        .collect();
    forge.push("twin", "Add shop/twin", &[(TWIN, &twin)]);
    let said = proposed(forge, "twin").await;
    let one = only(&said.forecast);
    assert_eq!((one.application.to_string().as_str(), one.releases.len()), ("shop/twin", 1));
    forge.comes_true(said.number, said.forecast).await;
    forge.achieved("shop/twin", "canary").await;

    let message = "Remove shop\n\nShipper-Confirm-Removal: shop/twin";
    forge.push("gone", message, &[("applications/shop", "")]);
    let said = proposed(forge, "gone").await;
    assert!(only(&said.forecast).removed, "{:#?}", said.forecast);
    forge.comes_true(said.number, said.forecast).await;
}

/// A pull request that the pipeline finds nothing wrong with, and that was approved.
struct Proposed {
    number: u64,
    forecast: Forecast,
}

async fn proposed(forge: &Forge, branch: &str) -> Proposed {
    let number = forge.open(branch).await;
    let said = forge.pipeline(number).await;
    is_told(&said, true, "");
    forge.approve(number).await;
    Proposed { number, forecast: said.forecast }
}

/// Comment and status say what the plan says.
fn is_told(said: &Said, well: bool, headline: &str) {
    assert_eq!(said.ended.success, well, "{}", said.ended.output);
    assert_eq!(said.status["status"], if well { "success" } else { "failure" }, "{}", said.status);
    assert_eq!(said.status["description"], Value::from(said.forecast.headline()));
    assert!(said.forecast.headline().contains(headline), "{}", said.forecast.headline());
    assert_eq!(said.status["target_url"], said.comment["html_url"]);
    assert_eq!(said.comment["body"], Value::from(markdown(&said.forecast)));
}

fn only(forecast: &Forecast) -> &ApplicationForecast {
    assert_eq!(forecast.applications.len(), 1, "{forecast:#?}");
    &forecast.applications[0]
}
