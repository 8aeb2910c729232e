//! Read tokens: made, shown and taken back on the hub's database, and used.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::run;
use serde_json::Value;
use shipper_hub::access::secret::Digest;
use shipper_hub::store::{SqliteStore, Store};
use shipperctl::exit::Exit;

/// A server that answers once with this head and body, and tells what it was asked.
fn once(answer: String) -> (String, std::thread::JoinHandle<String>) {
    always(answer, 1)
}

/// A server that answers so many times with this head and body, and tells what it was asked at last.
fn always(answer: String, times: usize) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let mut head = Vec::new();
        for _ in 0..times {
            let (mut stream, _) = listener.accept().unwrap();
            head.clear();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
        String::from_utf8(head).unwrap().to_lowercase()
    });
    (origin, asked)
}

fn answer(status: &str, more: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{more}content-length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_token_is_shown_once_listed_and_revoked() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let data_dir = data.to_str().unwrap();
    let tokens = |words: &[&str]| run([&["hub", "tokens"], words, &["--data-dir", data_dir]].concat());

    let none = tokens(&["list"]);
    assert_eq!(none.exit, Exit::Failure);
    assert!(none.err.contains("there is no database") && none.err.contains("--data-dir"), "{}", none.err);
    let store = runtime.block_on(SqliteStore::open(&data)).unwrap();
    assert!(tokens(&["list"]).out.contains("shipperctl hub tokens create NAME"));

    let made = tokens(&["create", "ci", "--namespace", "shop,blog", "--expires", "12h"]);
    assert_eq!(made.exit, Exit::Ok, "{}", made.err);
    let secret = made.out.trim();
    assert!(
        secret.starts_with("shipper_read_") && made.out.lines().count() == 1,
        "nothing else: {}",
        made.out
    );
    assert!(made.err.contains("which sees blog, shop until") && !made.err.contains(secret), "{}", made.err);
    let stored = runtime.block_on(store.readers()).unwrap().tokens;
    assert_eq!((stored[0].hash, stored[0].name.as_str()), (Digest::of(secret), "ci"));

    let json = tokens(&["create", "prometheus", "--expires", "never", "-o", "json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["namespaces"], &json["expires"]), (&serde_json::json!(["*"]), &Value::Null));
    assert!(json["token"].as_str().unwrap().starts_with("shipper_read_"));

    let again = tokens(&["create", "ci"]);
    assert_eq!(again.exit, Exit::Failure);
    assert!(again.err.contains("there is a token ci already") && again.out.is_empty(), "{}", again.err);

    let listed = tokens(&["list"]).out;
    assert!(
        listed.contains("everything") && listed.contains("blog, shop") && listed.contains("never"),
        "{listed}"
    );
    let listed: Value = serde_json::from_str(&tokens(&["list", "-o", "json"]).out).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["expired"]), (&"ci".into(), &false.into()));
    assert!(listed[0].get("token").is_none());
    assert_eq!(tokens(&["list", "-o", "name"]).out, "ci\nprometheus\n");

    let unknown = tokens(&["revoke", "promtheus"]);
    assert_eq!(unknown.exit, Exit::NotFound);
    assert!(unknown.err.contains("did you mean prometheus?"), "{}", unknown.err);
    assert_eq!(tokens(&["revoke", "ci", "prometheus"]).exit, Exit::Ok);
    assert!(runtime.block_on(store.readers()).unwrap().tokens.is_empty());
    assert!(!String::from_utf8_lossy(&std::fs::read(data.join("hub.db")).unwrap()).contains("shipper_read_"));
}

#[test]
fn the_token_goes_to_the_hub_and_to_nobody_else() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("token");
    std::fs::write(&file, "shipper_read_secret\n").unwrap();
    let token = file.to_str().unwrap();

    let (stranger, heard) = once(answer("404 Not Found", "", ""));
    let elsewhere = format!("location: {stranger}/elsewhere\r\n");
    let (hub, asked) = once(answer("302 Found", &elsewhere, ""));
    run(["status", "--hub", &hub, "--token-file", token]);
    assert!(asked.join().unwrap().contains("authorization: bearer shipper_read_secret"));
    let heard = heard.join().unwrap();
    assert!(heard.contains("get /elsewhere") && !heard.contains("authorization"), "{heard}");

    let missing = run(["status", "--hub", &hub, "--token-file", "/no/such/file"]);
    assert_eq!(missing.exit, Exit::Failure);
    assert!(missing.err.contains("/no/such/file"), "{}", missing.err);
}

#[test]
fn who_may_not_read_is_told_what_to_do_by_a_code_of_its_own() {
    for (status, command) in
        [("401 Unauthorized", vec!["status"]), ("403 Forbidden", vec!["events", "--watch"])]
    {
        let problem = r#"{"type":"about:blank","title":"x","status":401,"detail":"send a read token; ask whoever runs the hub"}"#;
        let (hub, _asked) = once(answer(status, "content-type: application/problem+json\r\n", problem));
        let refused = run([&command[..], &["--hub", &hub]].concat());
        assert_eq!(refused.exit, Exit::Denied, "{}", refused.err);
        assert!(refused.err.contains("does not let you read: send a read token"), "{}", refused.err);
    }
}

/// A hub that says why it does not answer is one, and its reason has a page; what is not in the catalogue is passed over.
#[test]
fn a_hub_that_cannot_answer_now_says_why_and_where_there_is_more() {
    for (reason, page) in [("StandsBy", true), ("OutOfCheese", false)] {
        let problem = format!(r#"{{"status":503,"detail":"this hub stands by","reason":"{reason}"}}"#);
        let kind = "content-type: application/problem+json\r\n";
        let (hub, _asked) = once(answer("503 Service Unavailable", kind, &problem));
        let refused = run(["status", "--hub", &hub]);
        assert_eq!(refused.exit, Exit::HubUnreachable, "{}", refused.err);
        assert!(refused.err.contains("cannot answer now: this hub stands by"), "{}", refused.err);
        assert_eq!(refused.err.contains("docs/reasons/StandsBy.md"), page, "{}", refused.err);
    }
}

#[test]
fn an_address_without_tls_may_lead_to_one_with_it() {
    let secure = TcpListener::bind("127.0.0.1:0").unwrap();
    let location = format!("location: https://{}/\r\n", secure.local_addr().unwrap());
    let greeted = std::thread::spawn(move || {
        let mut byte = [0];
        secure.accept().unwrap().0.read_exact(&mut byte).unwrap();
        byte[0]
    });
    let (origin, _asked) = always(answer("302 Found", &location, ""), 2);
    let refused = run(["--hub", &origin, "status"]);
    assert_eq!(refused.exit, Exit::HubUnreachable, "{}", refused.err);
    let handshake = 22;
    assert_eq!(greeted.join().unwrap(), handshake);
}
