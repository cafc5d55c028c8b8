// Who imports whom, by the rules of .dependency-cruiser.cjs. A rule that never fires looks like a rule that is kept,
// so first a small tree that breaks each rule must be caught at each.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "../lib/root.mjs";

const config = join(root, ".dependency-cruiser.cjs");
const program = join(root, "node_modules", "dependency-cruiser", "bin", "dependency-cruise.mjs");

/** file → what it imports → the rule that this breaks */
const violations = [
  ["packages/primitives/src/a.ts", "../../telemetry/src/a.js", "layer-of-primitives"],
  ["packages/native/src/a.ts", "../../primitives/src/c.js", "layer-of-native"],
  ["packages/erasure/src/a.ts", "../../domain/src/c.js", "layer-of-erasure"],
  ["packages/domain/src/a.ts", "../../erasure/src/c.js", "layer-of-domain"],
  ["packages/contracts/src/a.ts", "../../domain/src/c.js", "layer-of-contracts"],
  ["packages/telemetry/src/a.ts", "../../contracts/src/c.js", "layer-of-telemetry"],
  ["packages/messaging/src/a.ts", "../../database/src/c.js", "layer-of-messaging"],
  ["packages/jobs/src/a.ts", "../../messaging/src/c.js", "layer-of-jobs"],
  ["packages/database/src/a.ts", "../../telemetry/src/c.js", "layer-of-database"],
  ["packages/chain-client/src/a.ts", "../../domain/src/c.js", "layer-of-chain-client"],
  ["packages/miner-client/src/a.ts", "../../chain-client/src/c.js", "layer-of-miner-client"],
  ["packages/blob-store/src/a.ts", "../../database/src/c.js", "layer-of-blob-store"],
  ["packages/service-runtime/src/a.ts", "../../testnet/src/c.js", "layer-of-service-runtime"],
  ["packages/sdk/src/a.ts", "../../database/src/c.js", "layer-of-sdk"],
  ["packages/simulator/src/a.ts", "../../erasure/src/c.js", "layer-of-simulator"],
  ["packages/common/src/a.ts", "../../primitives/src/c.js", "every-package-has-a-layer"],
  ["apps/scheduler/src/a.ts", "../../retrieval/src/c.js", "no-app-imports-an-app"],
  ["packages/jobs/src/b.ts", "../../../apps/scheduler/src/c.js", "no-package-imports-an-app"],
  ["apps/scheduler/src/b.ts", "../../../packages/testnet/src/c.js", "testnet-stays-out-of-services"],
  ["packages/domain/src/b.ts", "node:fs", "the-core-does-no-io"],
  ["packages/domain/src/d.ts", "library", "the-core-needs-no-library"],
  ["packages/erasure/src/b.ts", "library", "erasure-needs-its-codec-only"],
  ["apps/scheduler/src/flow/a.ts", "@nestjs/common", "nest-is-a-host"],
  ["apps/scheduler/src/flow/b.ts", "../adapters/c.js", "flows-do-not-know-adapters"],
  ["apps/scheduler/src/d.ts", "./e.js", "no-circular"],
  ["packages/jobs/src/d.ts", "./nowhere.js", "everything-resolves"],
];

/** Imports that the rules must let through. */
const permitted = [
  ["apps/cli/src/f.ts", "../../../packages/testnet/src/c.js"],
  ["apps/scheduler/src/f.test.ts", "../../../packages/testnet/src/c.js"],
  ["packages/domain/src/f.ts", "node:crypto"],
  ["packages/messaging/src/f.ts", "@nestjs/common"],
];

function cruise(folder, outputType) {
  const args = [program, "--config", config, "--output-type", outputType, "apps", "packages"];
  return spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 });
}

function writeTree(folder) {
  const write = (file, text) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  write("package.json", '{"type":"module"}');
  for (const name of ["library", "@nestjs/common"]) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, main: "index.js" }));
    write(`node_modules/${name}/index.js`, "");
  }
  for (const [file, target] of [...violations, ...permitted]) {
    const aim = join(dirname(file), target);
    if (target.endsWith("/c.js") || target.endsWith("/a.js"))
      write(aim.replace(/js$/, "ts"), "export const here = 1;\n");
  }
  for (const [file, target] of [...violations, ...permitted]) write(file, `export * from "${target}";\n`);
  write("apps/scheduler/src/e.ts", 'export * from "./d.js";\n');
}

/** Every rule caught its violation, and nothing else was caught. */
function rulesAreAlive() {
  const folder = mkdtempSync(join(tmpdir(), "granary-boundaries-"));
  try {
    writeTree(folder);
    const { summary } = JSON.parse(cruise(folder, "json").stdout);
    const caught = new Set(summary.violations.map(({ rule, from }) => `${rule.name} ${from}`));
    const missed = violations.filter(([file, , rule]) => !caught.has(`${rule} ${file}`));
    const wrong = summary.violations.filter(({ from }) => permitted.some(([file]) => file === from));
    const { forbidden } = createRequire(import.meta.url)(config);
    const untried = forbidden.filter(({ name }) => !violations.some(([, , rule]) => rule === name));
    for (const [file, target, rule] of missed) console.error(`rule ${rule} did not catch ${file} → ${target}`);
    for (const { from, to, rule } of wrong) console.error(`rule ${rule.name} refused ${from} → ${to}`);
    for (const { name } of untried) console.error(`rule ${name} has no violation in this script`);
    return missed.length + wrong.length + untried.length === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const alive = rulesAreAlive();
const { status, stdout, stderr } = cruise(root, "err");
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = alive && status === 0 ? 0 : 1;
