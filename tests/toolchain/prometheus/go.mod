// Prometheus, without its service discoveries, which would bring the clients of a dozen clouds.
module shipper.dev/toolchain/prometheus

go 1.26.8

require github.com/prometheus/prometheus v0.316.0
