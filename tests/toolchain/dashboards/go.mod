// Reads dashboards as Grafana's own schema has them.
module shipper.dev/toolchain/dashboards

go 1.26.8

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
