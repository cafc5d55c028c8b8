// Module hooks: `import` of the workspace's TypeScript, straight from its source. Only for scripts that run after the
// packages are installed: node --import ./scripts/lib/typescript.mjs <script>
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { transform } from "@swc/core";

const options = {
  jsc: {
    target: "es2022",
    parser: { syntax: "typescript", decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
  module: { type: "es6" },
};

export function resolve(specifier, context, next) {
  if (specifier.startsWith("@granary/")) {
    return next(specifier, { ...context, conditions: [...context.conditions, "source"] });
  }
  const isOurs = context.parentURL?.endsWith(".ts") && specifier.startsWith(".");
  return next(isOurs ? specifier.replace(/\.js$/, ".ts") : specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const file = fileURLToPath(url);
  const { code } = await transform(await readFile(file, "utf8"), { ...options, filename: file });
  return { format: "module", source: code, shortCircuit: true };
}
