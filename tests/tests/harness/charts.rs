//! A Helm repository that the real Helm can use.

use std::fs;
use std::process::Command;

use shipper_tests::chart_server::ChartServer;
use shipper_tests::scratch::Scratch;

#[tokio::test]
async fn helm_finds_a_chart_in_it() {
    let chart = Scratch::new("chart").unwrap();
    fs::create_dir(chart.join("templates")).unwrap();
    chart.write("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n").unwrap();
    chart.write("values.yaml", "greeting: hello\n").unwrap();
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {greeting: {{ .Values.greeting }}}\n";
    chart.write("templates/map.yaml", template).unwrap();
    let server = ChartServer::start().unwrap();
    server.add_chart(chart.path(), None).await.unwrap();
    server.add_chart(chart.path(), Some("1.1.0")).await.unwrap();

    let helm = shipper_toolchain::helm(&mut std::io::stderr()).unwrap();
    let home = Scratch::new("home").unwrap();
    let output = Command::new(helm)
        .args(["template", "r", "web", "--version=~1.0", "--repo", &server.url()])
        .env("HOME", home.path())
        .output()
        .unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("greeting: hello"), "{text}{errors}");
    assert!(server.requests().contains(&"/web-1.0.0.tgz".to_owned()), "{:?}", server.requests());
}
