// Whether every field of a dashboard is one that Grafana has, and every word one that the field may have.

import ts from "typescript";

const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};

// The faults of a dashboard, as the compiler tells them of literals with the types of `types`, a file.
export function misfits({ panels, ...whole }, types) {
  const text = [
    `import type { Part, Whole } from "./${types.split("/").at(-1).replace(".ts", "")}";`,
    `export const whole: Whole = ${JSON.stringify(whole)};`,
    ...panels.map((panel, place) => `export const part${place}: Part = ${JSON.stringify(panel)};`),
  ];
  const path = types.replace(/[^/]*$/, "dashboard.ts");
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (name, ...how) =>
    name === path ? ts.createSourceFile(name, text.join("\n"), options.target) : read(name, ...how);
  const fileExists = host.fileExists;
  host.fileExists = (name) => name === path || fileExists(name);
  return ts.getPreEmitDiagnostics(ts.createProgram([path], options, host)).map(({ file, start, messageText }) => {
    const line = file ? file.getLineAndCharacterOfPosition(start).line : 0;
    const panel = panels[line - 2]?.title ?? "outside of panels";
    return `${panel}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}
