//! What a hub makes of tokens that are not what they seem. A real provider hands them to it, at the end of a login that is otherwise as it
//! should be, so that each is refused for itself and nothing else.

use reqwest::Url;
use serde_json::Value;
use shipper_tests::node_js::possible;
use shipper_tests::oidc::Visitor;
use shipper_tests::oidc::hub::SignInHub;

const UNKNOWN_KEY: &str = "signed by a key that is none of the provider's";
const OTHER_LOGIN: &str = "it is of another login";
const OTHER_CLIENT: &str = "it was made for another client";

/// Each kind that the provider knows, and why it is not believed.
const FORGERIES: [(&str, &str); 21] = [
    ("changed", "InvalidSignature"),
    ("stranger", "InvalidSignature"),
    ("key-of-its-own", UNKNOWN_KEY),
    ("none", "cannot be read as a signed token"),
    ("none-signed", "cannot be read as a signed token"),
    ("unsigned", "InvalidSignature"),
    ("hmac-pem", "algorithm HS256 is none that is accepted"),
    ("hmac-jwk", "algorithm HS256 is none that is accepted"),
    ("hmac-secret", "algorithm HS256 is none that is accepted"),
    ("issuer", "InvalidIssuer"),
    ("audience", "InvalidAudience"),
    ("audiences", OTHER_CLIENT),
    ("party", OTHER_CLIENT),
    ("expired", "ExpiredSignature"),
    ("endless", "exp"),
    ("not-yet", "ImmatureSignature"),
    ("nobody", "sub"),
    ("nonce", OTHER_LOGIN),
    ("no-nonce", OTHER_LOGIN),
    ("replayed", OTHER_LOGIN),
    ("person", "tells about another person than the one who signed in"),
];

/// What the log says of sign-ins that failed, in order.
fn logged(hub: &SignInHub) -> Vec<String> {
    let lines = hub.process.log();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let failed = lines.filter(|line| line["message"] == "somebody could not sign in");
    failed.map(|line| line["error"].as_str().unwrap_or_default().to_owned()).collect()
}

/// They come back with an answer that does not count: they are told why, and are nobody.
async fn refused(hub: &SignInHub, visitor: &mut Visitor, callback: &Url, why: &str) {
    let page = visitor.get(callback).await.unwrap();
    assert_eq!(page.status, 400, "{why}: {}", page.text);
    assert!(page.text.contains("You are not signed in"), "{why}: {}", page.text);
    let text = page.text.replace("&#39;", "'");
    assert!(text.contains(why), "{why}: {text}");
    let names: Vec<&String> = visitor.cookies.values().flat_map(|of_host| of_host.keys()).collect();
    assert!(!names.iter().any(|name| name.contains("shipper-session")), "{why}: {names:?}");
    let fleet = visitor.get(&hub.url("/").unwrap()).await.unwrap();
    assert_eq!(fleet.leads, Some(hub.url("/login?back=%2F").unwrap()), "{why}: {}", fleet.text);
}

#[tokio::test]
async fn a_forged_or_replayed_token_signs_nobody_in_and_is_counted() {
    if !possible("a_forged_or_replayed_token") {
        return;
    }
    shipper_tests::init();
    let hub = SignInHub::start().await.unwrap();
    let enter = async |person: &str| {
        let (mut visitor, callback) = hub.almost(person).await.unwrap();
        let landed = visitor.get(&callback).await.unwrap();
        assert_eq!(landed.leads, Some(hub.url("/").unwrap()), "{person}: {}", landed.text);
        assert_eq!(visitor.get(&hub.url("/").unwrap()).await.unwrap().status, 200, "{person}");
        (visitor, callback)
    };
    let (mut sam, spent) = enter("sam").await;
    // Who makes the others can make one that is believed, so that it is not for the way they are made that they are not.
    enter("forge-nothing").await;
    assert_eq!(hub.refused(&mut sam, "login_forged").await.unwrap(), 0);

    for (number, (kind, why)) in (1..).zip(FORGERIES) {
        let (mut mallory, callback) = hub.almost(&format!("forge-{kind}")).await.unwrap();
        refused(&hub, &mut mallory, &callback, why).await;
        assert_eq!(hub.refused(&mut sam, "login_forged").await.unwrap(), number, "{kind}");
        let logged = logged(&hub);
        assert_eq!(logged.len() as u64, number, "{kind}: {logged:?}");
        assert!(logged.last().unwrap().contains(why), "{kind}: {logged:?}");
        // The login is used up: the same answer, with whatever token comes then, is none.
        refused(&hub, &mut mallory, &callback, "used already").await;
    }
    let forged = FORGERIES.len() as u64;

    let (ann, callback) = hub.almost("sam").await.unwrap();
    let mut copy = ann.clone();
    let mut first = ann;
    assert_eq!(first.get(&callback).await.unwrap().status, 303);
    refused(&hub, &mut copy, &callback, "used already").await;
    assert_eq!(hub.refused(&mut sam, "login_replayed").await.unwrap(), forged + 1);
    refused(&hub, &mut Visitor::new().unwrap(), &spent, "did not begin in this browser").await;
    assert_eq!(hub.refused(&mut sam, "login_forged").await.unwrap(), forged + 1);

    // A code that was redeemed is shown again, in a login of its own: the provider gives nothing for it.
    let (mut mallory, callback) = hub.almost("mallory").await.unwrap();
    let of = |url: &Url, name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let mut stolen = callback.clone();
    stolen.query_pairs_mut().clear().append_pair("state", &of(&callback, "state"));
    stolen.query_pairs_mut().append_pair("code", &of(&spent, "code"));
    refused(&hub, &mut mallory, &stolen, "invalid_grant").await;
    assert_eq!(hub.refused(&mut sam, "login_provider").await.unwrap(), 1);
    assert!(logged(&hub).last().unwrap().contains("invalid_grant"));

    assert_eq!(sam.get(&hub.url("/").unwrap()).await.unwrap().status, 200, "who signed in before still is");
}
