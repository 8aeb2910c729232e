//! Git over HTTP and SSH, and the faults of Git hosts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use shipper_tests::eventually::eventually;
use shipper_tests::git_repo::Checkout;
use shipper_tests::git_server::{Access, Fault, GitServer, Webhook};
use shipper_tests::http_service::HttpService;
use shipper_tests::ssh_server::SshServer;

const FILES: [(&str, &str); 2] = [("README", "a fleet\n"), ("clusters/eu-1.yaml", "kind: Cluster\n")];
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_push_over_http_arrives() {
    let server = GitServer::start().unwrap();
    let repo = server.create_repo("team/fleet.git", &FILES).unwrap();
    let checkout = Checkout::clone(&server.url("team/fleet.git")).unwrap();
    assert_eq!(checkout.read("clusters/eu-1.yaml").unwrap(), "kind: Cluster\n");

    // Random enough not to be packed small: the request is then sent in chunks.
    let large: String = (0_u64..400_000).map(|n| char::from(b'a' + (n.wrapping_pow(3) % 26) as u8)).collect();
    let commit = checkout.publish("notes/large.txt", &large, "Add notes").unwrap();

    assert_eq!(repo.head("main").unwrap(), Some(commit));
    assert_eq!(repo.show("main", "notes/large.txt").unwrap(), large);
}

#[tokio::test]
async fn a_push_over_ssh_arrives() {
    let server = GitServer::start().unwrap();
    let repo = server.create_repo("fleet.git", &FILES).unwrap();
    let ssh = SshServer::start(server.root()).await.unwrap();
    let checkout = Checkout::clone_with(&ssh.url("fleet.git"), ssh.git()).unwrap();
    assert_eq!(checkout.read("README").unwrap(), "a fleet\n");

    let commit = checkout.publish("README", "our fleet\n", "Name the owner").unwrap();
    assert_eq!(repo.head("main").unwrap(), Some(commit));

    ssh.process().kill().unwrap();
    assert!(checkout.pull().is_err(), "a server that was killed answered");
    ssh.process().start().unwrap();
    ssh.wait_until_answering().await.unwrap();
    checkout.pull().unwrap();
}

#[tokio::test]
async fn without_the_key_ssh_refuses() {
    let server = GitServer::start().unwrap();
    server.create_repo("fleet.git", &FILES).unwrap();
    let ssh = SshServer::start(server.root()).await.unwrap();
    let other = SshServer::start(server.root()).await.unwrap();
    let stranger = ssh.git().env(
        "GIT_SSH_COMMAND",
        format!("ssh -F none -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null", other.private_key().display()),
    );
    let error = Checkout::clone_with(&ssh.url("fleet.git"), stranger).unwrap_err();
    assert!(format!("{error:#}").contains("Permission denied"), "{error:#}");
}

#[test]
fn the_second_of_two_pushes_loses() {
    let server = GitServer::start().unwrap();
    server.create_repo("fleet.git", &FILES).unwrap();
    let ada = Checkout::clone(&server.url("fleet.git")).unwrap();
    let bob = Checkout::clone(&server.url("fleet.git")).unwrap();
    ada.publish("ada", "1", "Add Ada").unwrap();
    bob.write("bob", "1").unwrap();
    bob.commit("Add Bob").unwrap();
    let error = bob.push().unwrap_err();
    assert!(format!("{error:#}").contains("rejected"), "{error:#}");
}

#[test]
fn credentials_are_asked_for() {
    let server = GitServer::start().unwrap();
    server.create_repo("fleet.git", &FILES).unwrap();
    server.set_access(Access::Basic { user: "hub".into(), password: "s3cret".into() });
    assert!(Checkout::clone(&server.url("fleet.git")).is_err());
    let checkout = Checkout::clone(&server.url_with_credentials("fleet.git")).unwrap();
    checkout.publish("README", "ours\n", "Claim it").unwrap();
}

#[test]
fn a_server_can_be_away_and_come_back() {
    let server = GitServer::start().unwrap();
    server.create_repo("fleet.git", &FILES).unwrap();
    let checkout = Checkout::clone(&server.url("fleet.git")).unwrap();
    server.service().switch_off().unwrap();
    let error = checkout.pull().unwrap_err();
    assert!(format!("{error:#}").contains("connect"), "{error:#}");
    server.service().switch_on().unwrap();
    checkout.pull().unwrap();
}

#[tokio::test]
async fn faults_look_as_those_of_git_hosts_do() {
    let server = GitServer::start().unwrap();
    server.create_repo("fleet.git", &FILES).unwrap();
    let url = format!("{}/info/refs?service=git-upload-pack", server.url("fleet.git"));

    server.set_fault(Some(Fault::TooManyRequests { retry_after: 7 }));
    let response = reqwest::get(&url).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"7".parse().unwrap())
    );

    server.set_fault(Some(Fault::LoginPage));
    let response = reqwest::get(&url).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));

    server.set_fault(Some(Fault::Status(StatusCode::BAD_GATEWAY)));
    assert_eq!(reqwest::get(&url).await.unwrap().status().as_u16(), 502);

    let started = Instant::now();
    server.set_fault(Some(Fault::Delay(Duration::from_millis(400))));
    let response = reqwest::get(&url).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(400));
    assert_eq!(response.headers()["content-type"], "application/x-git-upload-pack-advertisement");

    server.set_fault(None);
    Checkout::clone(&server.url("fleet.git")).unwrap();
    assert!(server.requests() >= 6);
}

#[tokio::test]
async fn a_push_calls_the_webhook() {
    let calls: Arc<Mutex<Vec<(HeaderMap, Value)>>> = Arc::default();
    let seen = calls.clone();
    let hook = post(async move |headers: HeaderMap, Json(body): Json<Value>| {
        seen.lock()
            .map(|mut calls| calls.push((headers, body)))
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    });
    let receiver = HttpService::start(Router::new().route("/hook", hook)).unwrap();

    let server = GitServer::start().unwrap();
    let repo = server.create_repo("fleet.git", &FILES).unwrap();
    let before = repo.head("main").unwrap().unwrap();
    server.set_webhook(Some(Webhook {
        url: format!("{}/hook", receiver.url()),
        secret: Some("s3cret".into()),
    }));
    let after =
        Checkout::clone(&server.url("fleet.git")).unwrap().publish("README", "new\n", "Say more").unwrap();

    let (headers, body) = eventually(SOON, async || first(&calls)).await;
    assert!(headers["x-hub-signature-256"].to_str().unwrap().starts_with("sha256="));
    assert_eq!(body["ref"], "refs/heads/main");
    assert_eq!((&body["before"], &body["after"]), (&Value::from(before), &Value::from(after)));
    assert_eq!(calls.lock().unwrap().len(), 1);
}

fn first(calls: &Mutex<Vec<(HeaderMap, Value)>>) -> Result<(HeaderMap, Value)> {
    let calls = calls.lock().ok().context("poisoned")?;
    calls.first().cloned().context("no call yet")
}
