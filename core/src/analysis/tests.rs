//! What readings are worth: unknown is never a pass [A4].

use super::*;
use crate::intent::{Analysis, Measure};
use crate::report::Outcome::{self, Failed, Passed, Unknown};
use serde_json::json;

#[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn analysis(rest: serde_json::Value) -> Analysis {
    let mut whole = json!({"name": "a"});
    whole.as_object_mut().unwrap().extend(rest.as_object().cloned().unwrap());
    serde_json::from_value(whole).unwrap()
}

fn query(fail_if: Option<&str>, pass_if: Option<&str>) -> Analysis {
    analysis(json!({
        "prometheus": {"address": "http://prometheus", "query": "up"}, "failIf": fail_if, "passIf": pass_if,
    }))
}

fn numbers(values: &[f64]) -> Reading {
    let series =
        |value: &f64| Series { labels: [("job".to_owned(), "web".to_owned())].into(), value: *value };
    Reading::Query(values.iter().map(series).collect())
}

fn outcome(analysis: &Analysis, reading: &Reading) -> Outcome {
    judge(analysis, reading).0
}

/// [A4] The short form, the long one, and both conditions together.
#[test]
fn a4_numbers_are_judged_by_their_conditions() {
    for (fail_if, pass_if, value, expected) in [
        (Some("> 0.01"), None, 0.02, Failed),
        (Some("> 0.01"), None, 0.01, Passed),
        (Some("value > 0.01"), None, 0.02, Failed),
        (Some("> 1"), None, 2.0, Failed),
        (Some("<= 1"), None, 1.5, Passed),
        (Some("!= 1"), None, 1.0, Passed),
        (None, Some(">= 0.99"), 0.98, Failed),
        (None, Some(">= 0.99"), 0.99, Passed),
        (Some("> 0.05"), Some("< 0.01"), 0.06, Failed),
        (Some("> 0.05"), Some("< 0.01"), 0.001, Passed),
        (Some("> 0.05"), Some("< 0.01"), 0.02, Unknown),
        (Some("> 0.01"), None, f64::INFINITY, Failed),
        (Some("result[0].labels.job == 'web' && values[0] > 1.0"), None, 2.0, Failed),
    ] {
        let judged = outcome(&query(fail_if, pass_if), &numbers(&[value]));
        assert_eq!(judged, expected, "{fail_if:?} {pass_if:?} {value}");
    }
}

/// [A4] No data, more than one number, NaN, and what cannot be evaluated are unknown.
#[test]
fn a4_what_cannot_be_judged_is_unknown() {
    let error_rate = query(Some("> 0.01"), None);
    assert_eq!(judge(&error_rate, &numbers(&[f64::NAN])).0, Unknown);
    let (worth, told) = judge(&error_rate, &numbers(&[]));
    assert_eq!((worth, told.contains("gave no data")), (Unknown, true), "{told}");
    let (worth, told) = judge(&error_rate, &numbers(&[0.0, 0.0]));
    assert_eq!((worth, told.contains("2 series")), (Unknown, true), "{told}");
    assert_eq!(outcome(&query(Some("values.exists(v, v > 0.01)"), None), &numbers(&[0.0, 0.5])), Failed);
    assert_eq!(outcome(&query(Some("size(values) == 0"), None), &numbers(&[])), Failed);
    assert_eq!(outcome(&query(Some("values[3] > 1.0"), None), &numbers(&[0.0])), Unknown);
    assert_eq!(outcome(&query(Some("value"), None), &numbers(&[0.0])), Unknown);
}

#[test]
fn a4_http_answers_are_judged_by_status_and_body() {
    let answer = |status, body: &str| Reading::Answer { status, body: body.to_owned() };
    let plain = analysis(json!({"http": {"url": "http://a"}}));
    assert_eq!(outcome(&plain, &answer(204, "")), Passed);
    assert_eq!(outcome(&plain, &answer(301, "")), Failed);
    let teapot = analysis(json!({"http": {"url": "http://a", "status": [418]}}));
    assert_eq!(outcome(&teapot, &answer(418, "")), Passed);
    assert_eq!(outcome(&teapot, &answer(200, "")), Failed);
    let body =
        analysis(json!({"http": {"url": "http://a"}, "passIf": "json.ready && json.queue.size() < 3"}));
    assert_eq!(outcome(&body, &answer(200, r#"{"ready": true, "queue": [1]}"#)), Passed);
    assert_eq!(outcome(&body, &answer(200, r#"{"ready": false, "queue": []}"#)), Failed);
    // Not what was expected at all: nobody knows.
    assert_eq!(outcome(&body, &answer(200, "<html>")), Unknown);
    assert_eq!(outcome(&body, &answer(200, r#"{"queue": []}"#)), Unknown);
}

/// Whatever somebody writes as a condition, hub and agents go on.
#[test]
fn strange_conditions_are_refused_or_unknown() {
    let nested = "(".repeat(400) + "1" + &")".repeat(400);
    let choices = "true?true:".repeat(90) + "true";
    let long = "1+".repeat(600) + "1";
    for text in
        [&nested, &choices, &long, ">{{{{?[(((l\0?(-", "{'a': 1}.a", "Foo{a: 1}", "\u{0}", "'", "a.b.c()"]
    {
        let tried = Expression::parse(text).map(|expression| expression.holds(&numbers(&[1.0])));
        assert!(!matches!(tried, Ok(Ok(true))), "{text:?} holds");
    }
}

#[test]
fn placeholders_are_filled_in_everywhere() {
    let names = Names {
        application: &crate::AppKey::new("shop", "web"),
        release: &"web-1-0".into(),
        cluster: &"eu-1".into(),
    };
    let job =
        json!({"job": {"spec": {"template": {"spec": {"containers": [{"args": ["--of={{ release }}"]}]}}}}});
    let Measure::Job(job) = fill(&analysis(job), names).measure else { panic!() };
    assert_eq!(job.spec["template"]["spec"]["containers"][0]["args"][0], "--of=web-1-0");
    let http = analysis(json!({"http": {"url": "http://{{application}}.{{namespace}}/{{cluster}}"}}));
    let Measure::Http(http) = fill(&http, names).measure else { panic!() };
    assert_eq!(http.url, "http://web.shop/eu-1");
}
