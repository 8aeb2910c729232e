// Reads dashboards by the schema that Grafana publishes for them and for its panels. A field that there is not, one that is missing, or
// one that is of another type is a fault, a word that is not among those that a field may have is none; faults are told one a line.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func faults(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var read dashboard.Dashboard
	// What is whole comes with an error that lists nothing.
	if err := read.UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
		return err.Error(), nil
	}
	if err := read.Validate(); err != nil {
		return err.Error(), nil
	}
	return "", nil
}

func main() {
	known := cog.NewRuntime()
	known.RegisterPanelcfgVariant(bargauge.VariantConfig())
	known.RegisterPanelcfgVariant(stat.VariantConfig())
	known.RegisterPanelcfgVariant(table.VariantConfig())
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	known.RegisterDataqueryVariant(prometheus.VariantConfig())
	for _, path := range os.Args[1:] {
		found, err := faults(path)
		if err != nil {
			log.Fatal(err)
		}
		for fault := range strings.Lines(found) {
			fmt.Printf("%s: %s\n", path, strings.TrimSpace(fault))
		}
	}
}
