//! Charts from an HTTP server, as repositories serve them.

use super::super::charts::{ChartError, Charts, Limits};
use super::{Bench, Source, helm, request};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use shipper_core::hash;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

#[derive(Default)]
struct Served {
    files: HashMap<String, Vec<u8>>,
    /// Path and status of every answer.
    answers: Vec<(String, u16)>,
}

/// A repository on a port of its own; it ends with the test's runtime.
pub(crate) struct Repository {
    pub(crate) url: String,
    served: Arc<Mutex<Served>>,
    cache: TempDir,
}

async fn serve(State(served): State<Arc<Mutex<Served>>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().to_owned();
    let mut served = served.lock().unwrap();
    let response = match served.files.get(&path) {
        _ if path == "/away/shop.tgz" => Redirect::temporary("/charts/shop-1.2.0.tgz").into_response(),
        _ if path == "/round" => Redirect::temporary("/round").into_response(),
        _ if path == "/file" => Redirect::temporary("file:///etc/passwd").into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
        Some(file) => {
            let etag = format!("\"{}\"", hash::sha256_hex(file));
            if headers.get(header::IF_NONE_MATCH).is_some_and(|asked| asked == etag.as_str()) {
                StatusCode::NOT_MODIFIED.into_response()
            } else {
                ([(header::ETAG, etag)], file.clone()).into_response()
            }
        }
    };
    served.answers.push((path, response.status().as_u16()));
    response
}

impl Repository {
    pub(crate) async fn start() -> Self {
        let served = Arc::new(Mutex::new(Served::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/charts", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(served.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, served, cache: TempDir::new().unwrap() }
    }

    fn client(&self, limits: Limits) -> Charts {
        Charts::new(self.cache.path().join("charts"), limits).unwrap()
    }

    pub(crate) fn put(&self, path: &str, contents: &[u8]) {
        self.served.lock().unwrap().files.insert(path.to_owned(), contents.to_vec());
    }

    fn remove(&self, path: &str) {
        self.served.lock().unwrap().files.remove(path);
    }

    /// The index, with the versions of `shop` and where each is.
    pub(crate) fn index(&self, versions: &[(&str, &str, &str)]) {
        let shop: Vec<_> = versions
            .iter()
            .map(|(version, url, digest)| json!({"name": "shop", "version": version, "urls": [url], "digest": digest}))
            .collect();
        let index = json!({"apiVersion": "v1", "entries": {"shop": shop}});
        self.put("/charts/index.yaml", index.to_string().as_bytes());
    }

    fn statuses(&self, path: &str) -> Vec<u16> {
        let served = self.served.lock().unwrap();
        served.answers.iter().filter(|(asked, _)| asked == path).map(|(_, status)| *status).collect()
    }
}

fn archive(version: &str) -> Vec<u8> {
    archive_of(
        version,
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {version: '{{ .Chart.Version }}'}\n",
    )
}

/// A version of `shop` with this one template.
pub(crate) fn archive_of(version: &str, template: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut add = |path: &str, contents: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, contents.as_bytes()).unwrap();
    };
    add("shop/Chart.yaml", &format!("apiVersion: v2\nname: shop\nversion: {version}\n"));
    add("shop/templates/all.yaml", template);
    builder.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn ranges_resolve_to_the_highest_version() {
    let repository = Repository::start().await;
    let versions = ["1.2.0", "v1.10.0", "1.9.0", "2.0.0-rc.1", "1.2.7", "not-a-version"];
    repository.index(&versions.map(|version| (version, "shop.tgz", "")));
    let charts = repository.client(Limits::default());
    for (range, version) in [
        ("", "v1.10.0"),
        ("~1.2", "1.2.7"),
        ("^1.2 <1.10", "1.9.0"),
        (">=1.0.0-0", "2.0.0-rc.1"),
        ("~1.2.0 || ~1.9", "1.9.0"),
        ("1.2.0", "1.2.0"),
        ("not-a-version", "not-a-version"),
    ] {
        assert_eq!(charts.resolve(&repository.url, "shop", range).await.unwrap(), version, "{range:?}");
    }
    assert_eq!(repository.statuses("/charts/index.yaml"), [200], "one transfer for all of them");

    let error = charts.resolve(&repository.url, "shop", "^3").await.unwrap_err();
    let url = &repository.url;
    let newest = "2.0.0-rc.1, v1.10.0, 1.9.0, 1.2.7, 1.2.0";
    assert_eq!(
        error.to_string(),
        format!("{url} has no version ^3 of the chart shop; its newest are {newest}")
    );
    let error = charts.resolve(url, "shopp", "").await.unwrap_err();
    assert_eq!(error.to_string(), format!("{url} has no chart shopp: check the name"));
    assert!(matches!(charts.resolve(url, "shop", "newest").await, Err(ChartError::Range(_))));
}

#[tokio::test]
async fn an_index_is_transferred_again_only_when_it_changed() {
    let repository = Repository::start().await;
    repository.index(&[("1.0.0", "shop.tgz", "")]);
    let charts = repository.client(Limits { index_age: Duration::ZERO, ..Limits::default() });
    for _ in 0..2 {
        assert_eq!(charts.resolve(&repository.url, "shop", "").await.unwrap(), "1.0.0");
    }
    repository.index(&[("1.0.0", "shop.tgz", ""), ("1.1.0", "shop.tgz", "")]);
    assert_eq!(charts.resolve(&repository.url, "shop", "").await.unwrap(), "1.1.0");
    assert_eq!(repository.statuses("/charts/index.yaml"), [200, 304, 200]);
}

/// However fresh the index is that is known.
#[tokio::test]
async fn r3_who_asks_for_a_new_look_sees_what_is_there_now() {
    let repository = Repository::start().await;
    repository.index(&[("1.0.0", "shop.tgz", "")]);
    let charts = repository.client(Limits::default());
    assert_eq!(charts.resolve(&repository.url, "shop", "").await.unwrap(), "1.0.0");
    repository.index(&[("1.0.0", "shop.tgz", ""), ("1.1.0", "shop.tgz", "")]);
    assert_eq!(charts.resolve(&repository.url, "shop", "").await.unwrap(), "1.0.0");
    assert_eq!(charts.resolve_anew(&repository.url, "shop", "").await.unwrap(), "1.1.0");
}

#[tokio::test]
async fn an_archive_renders_and_is_kept() {
    let repository = Repository::start().await;
    let packed = archive("1.2.0");
    let digest = hash::sha256_hex(&packed);
    repository.put("/charts/shop-1.2.0.tgz", &packed);
    repository.index(&[("1.2.0", "shop-1.2.0.tgz", &digest)]);
    let charts = repository.client(Limits::default());
    let got = charts.archive(&repository.url, "shop", "1.2.0").await.unwrap();
    if let Some(helm) = helm() {
        let bench = Bench::new(Some(helm), super::Limits::default());
        let objects = bench.objects(&request(Source::Archive(got), json!({}))).await.unwrap();
        assert_eq!(objects[0]["data"]["version"], "1.2.0");
    }

    // Another hub on the same disk, with the repository gone.
    repository.remove("/charts/index.yaml");
    repository.remove("/charts/shop-1.2.0.tgz");
    let later = repository.client(Limits::default());
    assert_eq!(later.archive(&repository.url, "shop", "1.2.0").await.unwrap(), packed);

    // A damaged file is not believed.
    let kept = repository.cache.path().join(format!("charts/{digest}.tgz"));
    std::fs::write(kept, b"damaged").unwrap();
    let error = later.archive(&repository.url, "shop", "1.2.0").await.unwrap_err();
    assert!(matches!(error, ChartError::Status { status: 404, .. }), "{error}");
}

#[tokio::test]
async fn an_archive_elsewhere_is_fetched_through_redirects() {
    let repository = Repository::start().await;
    repository.put("/charts/shop-1.2.0.tgz", &archive("1.2.0"));
    let host = repository.url.trim_end_matches("/charts").to_owned();
    repository.index(&[
        ("1.2.0", &format!("{host}/away/shop.tgz"), ""),
        ("1.3.0", &format!("{host}/round"), ""),
        ("1.4.0", &format!("{host}/file"), ""),
        ("1.5.0", "file:///etc/passwd", ""),
    ]);
    let charts = repository.client(Limits::default());
    assert_eq!(charts.archive(&repository.url, "shop", "1.2.0").await.unwrap(), archive("1.2.0"));
    for version in ["1.3.0", "1.4.0"] {
        let error = charts.archive(&repository.url, "shop", version).await.unwrap_err();
        assert!(matches!(error, ChartError::Fetch { .. } | ChartError::Status { .. }), "{version}: {error}");
    }
    let error = charts.archive(&repository.url, "shop", "1.5.0").await.unwrap_err();
    assert_eq!(error.to_string(), "\"file:///etc/passwd\" cannot be used: only http and https are used");
    assert!(error.is_permanent());
}

#[tokio::test]
async fn an_archive_that_is_not_what_the_index_says() {
    let repository = Repository::start().await;
    let packed = archive("1.2.0");
    repository.put("/charts/shop-1.2.0.tgz", &packed);
    repository.index(&[("1.2.0", "shop-1.2.0.tgz", &"0".repeat(64))]);
    let charts = repository.client(Limits::default());
    let error = charts.archive(&repository.url, "shop", "1.2.0").await.unwrap_err();
    let (url, actual, zeros) = (&repository.url, hash::sha256_hex(&packed), "0".repeat(64));
    assert_eq!(
        error.to_string(),
        format!(
            "{url}/shop-1.2.0.tgz has the SHA-256 {actual}, and the index says {zeros}: the archive was changed or damaged"
        )
    );
    assert!(charts.archive(url, "shop", "1.2.0").await.is_err(), "it was not kept");
}

#[tokio::test]
async fn what_is_too_large_or_no_repository() {
    let repository = Repository::start().await;
    let url = &repository.url;
    let error = repository.client(Limits::default()).resolve(url, "shop", "").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{url}/index.yaml was answered with status 404: check the repository's address and that the chart is still there"
        )
    );
    repository.put("/charts/index.yaml", b"<html>\n  <p>: [</html>");
    let error = repository.client(Limits::default()).resolve(url, "shop", "").await.unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("{url}/index.yaml is not the index of a chart repository")),
        "{error}"
    );

    repository.put("/charts/shop-1.2.0.tgz", &archive("1.2.0"));
    repository.index(&[("1.2.0", "shop-1.2.0.tgz", "")]);
    let charts = repository.client(Limits { index_bytes: 10, ..Limits::default() });
    assert_eq!(
        charts.resolve(url, "shop", "").await.unwrap_err().to_string(),
        format!("{url}/index.yaml has more than 10 bytes")
    );
    let charts = repository.client(Limits { archive_bytes: 10, ..Limits::default() });
    let error = charts.archive(url, "shop", "1.2.0").await.unwrap_err();
    assert_eq!(error.to_string(), format!("{url}/shop-1.2.0.tgz has more than 10 bytes"));
}

/// TestBadChartUrl.
#[tokio::test]
async fn a_repository_that_is_away_is_asked_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let cache = TempDir::new().unwrap();
    let charts = Charts::new(cache.path().to_owned(), Limits::default()).unwrap();
    let error = charts.resolve(&url, "shop", "").await.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
}
