// What a dashboard may hold, by the types that Grafana publishes. What must be in it is not asked here: Grafana fills in what is left out.

import type { Dashboard, FieldConfig, Panel, RowPanel, VariableModel } from "@grafana/schema";
import type { GraphFieldConfig, TableFieldOptions } from "@grafana/schema";
import type { Options as BarGauge } from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type { Options as Stat } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { Options as Table } from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type { Options as TimeSeries } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// As it is in JSON, where a member of an enum is its word.
type Json<T> = T extends string
  ? `${T}`
  : T extends (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Key in keyof T]?: Json<T[Key]> }
      : T;

type Shows<Kind, Options, Custom> = Omit<Json<Panel>, "type" | "options" | "fieldConfig"> & {
  type: Kind;
  options?: Json<Options>;
  fieldConfig?: {
    defaults: Json<Omit<FieldConfig, "custom">> & { custom?: Json<Custom> };
    overrides: Json<NonNullable<Panel["fieldConfig"]>["overrides"]>;
  };
};

// Grafana writes the definition of a variable, and its types leave it out.
type Variable = Json<VariableModel> & { definition?: string };

export type Whole = Json<Omit<Dashboard, "panels" | "templating">> & { templating?: { list?: Variable[] } };
export type Part =
  | (Omit<Json<RowPanel>, "type"> & { type: "row" })
  | Shows<"bargauge", BarGauge, {}>
  | Shows<"stat", Stat, {}>
  | Shows<"table", Table, TableFieldOptions>
  | Shows<"timeseries", TimeSeries, GraphFieldConfig>;
