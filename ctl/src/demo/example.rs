//! The fleet repository that the demo begins with: the files of `examples/demo`, built in, so that the program needs no
//! checkout.

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        /// Path and content of every file.
        pub const FILES: &[(&str, &str)] =
            &[$(($path, include_str!(concat!("../../../examples/demo/", $path)))),+];
    };
}

files![
    "README.md",
    "applications/web/greeter.yaml",
    "applications/web/hello.yaml",
    "apps/hello/deployment.yaml",
    "apps/hello/service.yaml",
    "charts/greeter/Chart.yaml",
    "charts/greeter/templates/configmap.yaml",
    "charts/greeter/templates/deployment.yaml",
    "charts/greeter/templates/service.yaml",
    "charts/greeter/values.yaml",
    "clusters/eu-1.yaml",
    "clusters/eu-2.yaml",
    "clusters/eu-canary.yaml",
    "clusters/us-1.yaml",
    "strategies/canary-first.yaml",
    "strategies/careful.yaml",
];

/// The application of a chart, which needs Helm.
pub(super) const GREETER: &str = "applications/web/greeter.yaml";

/// Names of the clusters in it.
pub(super) fn clusters() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(|(path, _)| path.strip_prefix("clusters/")?.strip_suffix(".yaml"))
}
