//! Which Service takes the traffic, and what is refused.

use super::{Context, Fixture, normalised, refused};
use insta::assert_snapshot;

const DEPLOYMENT: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {selector: {matchLabels: {app: shop}}, \
                          template: {metadata: {labels: {app: shop, tier: front}}, spec: {containers: []}}}}";

fn with(services: &[&str]) -> String {
    let mut documents = vec![DEPLOYMENT.to_owned()];
    documents.extend(services.iter().map(|service| format!("{{apiVersion: v1, kind: Service, {service}}}")));
    documents.join("\n---\n")
}

/// Names of the Services with the annotation.
fn taking_traffic(rendered: &str, context: &Context<'_>) -> Vec<String> {
    normalised(rendered, context)
        .iter()
        .filter(|object| object["kind"] == "Service")
        .filter(|object| object["metadata"]["annotations"]["shipper.dev/traffic"] == "true")
        .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_only_service_that_could() {
    let rendered = with(&[
        "metadata: {name: shop}, spec: {selector: {app: shop}, ports: [{port: 80}]}",
        "metadata: {name: headless}, spec: {clusterIP: None, selector: {app: shop}}",
        "metadata: {name: elsewhere}, spec: {type: ExternalName, externalName: example.com, selector: {app: shop}}",
        "metadata: {name: by-hand}, spec: {ports: [{port: 80}]}",
        "metadata: {name: database}, spec: {selector: {app: db}}",
        "metadata: {name: spare, labels: {shipper.dev/traffic: 'false'}}, spec: {selector: {app: shop}}",
    ]);
    assert_eq!(taking_traffic(&rendered, &Fixture::new().strict()), ["shop"]);
}

#[test]
fn the_marked_one_of_several() {
    let other = "metadata: {name: other}, spec: {selector: {app: shop}}";
    for mark in [
        "annotations: {shipper.dev/traffic: 'true'}",
        "labels: {shipper.dev/traffic: 'true'}",
        "labels: {shipper-lb: production}",
    ] {
        let marked = format!("metadata: {{name: marked, {mark}}}, spec: {{selector: {{tier: front}}}}");
        assert_eq!(taking_traffic(&with(&[other, &marked]), &Fixture::new().strict()), ["marked"], "{mark}");
    }
}

#[test]
fn where_no_traffic_is_managed_what_is_clear_is_marked_and_nothing_refused() {
    let one = "metadata: {name: shop}, spec: {selector: {app: shop}}";
    let other = "metadata: {name: other}, spec: {selector: {app: shop}}";
    assert_eq!(taking_traffic(&with(&[one]), &Fixture::new().lenient()), ["shop"]);
    assert!(taking_traffic(&with(&[one, other]), &Fixture::new().lenient()).is_empty());
}

#[test]
fn none_is_needed_without_deployments() {
    let rendered = "
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db},
 spec: {selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: []}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {selector: {app: db}}}";
    assert!(taking_traffic(rendered, &Fixture::new().strict()).is_empty());
}

#[test]
fn refused_without_one_or_with_several() {
    let fixture = Fixture::new();
    assert_snapshot!(refused(&with(&[]), &fixture.strict()), @"no Service selects the pods of Deployment web/shop, and the strategy shifts traffic: render one (with a cluster IP and a selector), or set `traffic: none` in the Application");
    assert_snapshot!(refused(&with(&["metadata: {name: db}, spec: {selector: {app: db}}"]), &fixture.strict()), @"no Service selects the pods of Deployment web/shop, and the strategy shifts traffic: render one (with a cluster IP and a selector), or set `traffic: none` in the Application");
    let one = "metadata: {name: one}, spec: {selector: {app: shop}}";
    let two = "metadata: {name: two}, spec: {selector: {app: shop}}";
    assert_snapshot!(refused(&with(&[two, one]), &fixture.strict()), @r#"several Services could take the application's traffic: Service web/one, Service web/two; give one of them the label or annotation `shipper.dev/traffic: "true"`"#);
    let marked = |name: &str| {
        format!(
            "metadata: {{name: {name}, labels: {{shipper.dev/traffic: 'true'}}}}, spec: {{selector: {{app: shop}}}}"
        )
    };
    assert_snapshot!(refused(&with(&[&marked("a"), &marked("b"), one]), &fixture.strict()), @r#"several Services could take the application's traffic: Service web/a, Service web/b; give one of them the label or annotation `shipper.dev/traffic: "true"`"#);
}

#[test]
fn refused_where_the_marked_one_cannot() {
    let fixture = Fixture::new();
    let marked = |spec: &str| {
        with(&[&format!(
            "metadata: {{name: m, annotations: {{shipper.dev/traffic: 'true'}}}}, spec: {{{spec}}}"
        )])
    };
    assert_snapshot!(refused(&marked("clusterIP: None, selector: {app: shop}"), &fixture.strict()), @r#"Service web/m is marked `shipper.dev/traffic: "true"` and cannot take the traffic: it is headless"#);
    assert_snapshot!(refused(&marked("type: ExternalName, externalName: a.b"), &fixture.strict()), @r#"Service web/m is marked `shipper.dev/traffic: "true"` and cannot take the traffic: it is of type ExternalName"#);
    assert_snapshot!(refused(&marked("selector: {}"), &fixture.strict()), @r#"Service web/m is marked `shipper.dev/traffic: "true"` and cannot take the traffic: it has no selector"#);
    assert_snapshot!(refused(&marked("selector: {app: db}"), &fixture.strict()), @r#"Service web/m is marked `shipper.dev/traffic: "true"` and cannot take the traffic: it selects no pods of a Deployment of the release"#);
    let copied = with(&[
        "metadata: {name: m, annotations: {shipper.dev/traffic: 'true', shipper.dev/scope: release}}, spec: {selector: {app: shop}}",
    ]);
    assert_snapshot!(refused(&copied, &fixture.strict()), @r#"Service web/m is marked `shipper.dev/traffic: "true"` and cannot take the traffic: it is release-scoped, and releases share the Service that takes their traffic"#);
}
