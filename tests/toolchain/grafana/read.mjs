// Reads dashboards with the libraries that Grafana's own page reads them with. Faults are told one a line.
// `node read.mjs FILE...`: each has a `dashboard`, and `answers` to its queries, by panel and `refId`, where there are any.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { misfits } from "./words.mjs";

const beside = (name) => fileURLToPath(new URL(name, import.meta.url));

// The libraries are made for a bundler: as they are, Node.js takes them in some versions only.
const bundle = buildSync({
  entryPoints: [beside("shown.mjs")],
  bundle: true,
  platform: "node",
  format: "cjs",
  write: false,
  logLevel: "error",
});
const shown = { exports: {} };
new Function("module", "require", bundle.outputFiles[0].text)(shown, createRequire(import.meta.url));

for (const path of process.argv.slice(2)) {
  const { dashboard, answers } = JSON.parse(readFileSync(path, "utf8"));
  for (const fault of [...misfits(dashboard, beside("words.ts")), ...(await shown.exports.faults(dashboard, answers))]) {
    console.log(`${dashboard.title}: ${fault}`);
  }
}
