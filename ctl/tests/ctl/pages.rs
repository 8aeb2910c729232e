//! Lists of thousands are read whole, whatever pages the hub gives.

use std::sync::{Arc, Mutex};

use crate::rollout::World;
use crate::served::{Answer, served};
use crate::support::run;
use serde_json::{Value, json};
use shipper_core::api::ApplicationSummary;
use shipperctl::exit::Exit;

/// A hub of so many applications whose pages have at most `largest` items, and the limits that it was asked for.
fn hub(applications: usize, largest: usize) -> (String, Arc<Mutex<Vec<usize>>>) {
    let summary =
        json!(ApplicationSummary::of(&World::new("1d5ce5cd9ea4a2d9cf41a6ec8a5ab0b0a4d3f0aa").status()));
    let limits = Arc::new(Mutex::new(Vec::new()));
    let asked = limits.clone();
    let url = served(move |_, query| {
        let number = |name: &str| {
            query.split('&').filter_map(|part| part.strip_prefix(name)).find_map(|number| number.parse().ok())
        };
        let limit: usize = number("limit=").unwrap_or(100);
        asked.lock().unwrap().push(limit);
        if limit > largest {
            let told = format!("limit={limit}: a page has 1 to {largest} items");
            return Answer::problem("400 Bad Request", &json!({"detail": told}));
        }
        let first = number("continue=").unwrap_or(0);
        let last = applications.min(first + limit);
        let item = |number: usize| {
            let mut item = summary.clone();
            item["application"] = json!(format!("web/app-{number:05}"));
            item
        };
        let mut page = json!({"items": (first..last).map(item).collect::<Vec<Value>>()});
        if last < applications {
            page["continue"] = json!(last.to_string());
        }
        Answer::of(page.to_string())
    });
    (url, limits)
}

fn names(url: &str) -> Vec<String> {
    let all = run(["--hub", url, "status", "-o", "name"]);
    assert_eq!(all.exit, Exit::Ok, "{}", all.err);
    all.out.lines().map(str::to_owned).collect()
}

fn expected(applications: usize) -> Vec<String> {
    (0..applications).map(|number| format!("web/app-{number:05}")).collect()
}

#[test]
fn thousands_of_applications_come_in_a_few_pages() {
    let (url, limits) = hub(6_000, 5_000);
    assert_eq!(names(&url), expected(6_000));
    assert_eq!(*limits.lock().unwrap(), [5_000; 2]);
}

#[test]
fn an_older_hub_is_asked_for_pages_that_it_gives() {
    let (url, limits) = hub(1_200, 500);
    assert_eq!(names(&url), expected(1_200));
    assert_eq!(*limits.lock().unwrap(), [5_000, 500, 500, 500]);
}

#[test]
fn a_hub_that_refuses_every_page_is_not_asked_for_ever() {
    let (url, limits) = hub(1, 10);
    let refused = run(["--hub", &url, "status", "-o", "name"]);
    assert_ne!(refused.exit, Exit::Ok);
    assert!(refused.err.contains("limit=500: a page has 1 to 10 items"), "{}", refused.err);
    assert_eq!(*limits.lock().unwrap(), [5_000, 500]);
}
