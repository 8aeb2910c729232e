// What Grafana's libraries know of the settings of panels, and what they make of the answers to queries: which series and columns are left, and
// what each is called. What would be shown otherwise than it is meant is a fault. Grafana says nothing of it: it writes a unit that it does not
// know behind the number, and leaves out a transformation.

// The libraries are made for a browser.
globalThis.window ??= globalThis;
globalThis.navigator ??= { languages: ["en"] };

import {
  FieldType,
  createDataFrame,
  fieldReducers,
  getFieldDisplayName,
  getValueFormats,
  renderLegendFormat,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from "@grafana/data";
import { lastValueFrom } from "rxjs";

// Some are there under two names.
const known = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
standardTransformersRegistry.setInit(() =>
  [...known.values()].map((one) => ({ ...one, transformation: async () => one })),
);
const units = new Set(getValueFormats().flatMap((group) => group.submenu.map((unit) => unit.value)));

// Faults of a dashboard; of what is shown only where there are answers: for each panel's id, of each `refId`, series with `labels` and `value`.
export async function faults(dashboard, answers) {
  const all = [];
  for (const panel of dashboard.panels.filter((panel) => panel.type !== "row")) {
    const found = [...settings(panel), ...(answers ? await pictures(panel, answers[panel.id]) : [])];
    all.push(...found.map((fault) => `${panel.title}: ${fault}`));
  }
  return all;
}

function* settings({ fieldConfig, options, transformations = [] }) {
  const { unit, thresholds } = fieldConfig.defaults;
  if (unit && !units.has(unit)) yield `no unit ${unit}`;
  const [first, ...steps] = (thresholds?.steps ?? []).map((step) => step.value);
  if (first !== undefined && first !== null) yield "the first threshold has a value";
  if (steps.some((value, place) => value === null || value <= steps[place - 1])) yield "thresholds do not rise";
  for (const calc of options.reduceOptions?.calcs ?? []) {
    if (!fieldReducers.getIfExists(calc)) yield `no calculation ${calc}`;
  }
  for (const { id } of transformations) {
    if (!known.has(id)) yield `no transformation ${id}`;
  }
}

async function pictures(panel, answers) {
  const found = [];
  const given = panel.targets.flatMap((target) => frames(target, answers?.[target.refId] ?? [], found));
  for (const { id, options } of given.length ? panel.transformations ?? [] : []) {
    const columns = new Set(given.flatMap((frame) => frame.fields.map((field) => getFieldDisplayName(field, frame, given))));
    const named = id === "organize" ? ["excludeByName", "indexByName", "renameByName"].flatMap((by) => Object.keys(options[by] ?? {})) : [];
    found.push(...named.filter((name) => !columns.has(name)).map((name) => `no column ${name}`));
  }
  const left = await lastValueFrom(transformDataFrame(panel.transformations ?? [], given));
  const names = new Set();
  for (const frame of left) {
    for (const field of frame.fields.filter((field) => field.type !== FieldType.time)) {
      const name = getFieldDisplayName(field, frame, left);
      if (names.has(name)) found.push(`two series are called ${name}`);
      names.add(name);
    }
  }
  return given.length && !names.size ? [...found, "nothing is left of the answers"] : found;
}

// As Grafana's data source makes frames of what Prometheus answers: a table, or a frame for each series with its legend.
function frames(target, series, found) {
  const time = (values) => ({ name: "Time", type: FieldType.time, values });
  if (!series.length) return [];
  if (target.format === "table") {
    const labels = [...new Set(series.flatMap((one) => Object.keys(one.labels)))].sort();
    const text = (label) => ({ name: label, type: FieldType.string, values: series.map((one) => one.labels[label] ?? "") });
    const values = { name: "Value", type: FieldType.number, values: series.map((one) => one.value) };
    return [createDataFrame({ refId: target.refId, fields: [time(series.map(() => 0)), ...labels.map(text), values] })];
  }
  const written = target.legendFormat.matchAll(/\{\{\s*(.+?)\s*\}\}/g);
  const absent = [...written].filter(([, label]) => series.some((one) => !one.labels[label]));
  found.push(...absent.map(([, label]) => `the legend names ${label}, which series do not have`));
  return series.map(({ labels, value }) => {
    const config = { displayNameFromDS: renderLegendFormat(target.legendFormat, labels) };
    return createDataFrame({
      refId: target.refId,
      fields: [time([0]), { name: "Value", type: FieldType.number, labels, config, values: [value] }],
    });
  });
}
