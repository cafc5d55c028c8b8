// npm test                       everything: checks, unit tests, service tests
// npm test -- --checks|--unit|--service   only these
// npm test -- <pattern>          only tests whose file matches
// The last line says `N passed, N failed`; the exit code is 0 only when something ran and nothing failed.
import { build } from "./lib/build.mjs";
import { runChecks } from "./lib/checks.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { runJest } from "./lib/jest.mjs";
import { requireNode } from "./lib/root.mjs";
import { stage } from "./lib/stage.mjs";
import { Tally } from "./lib/tally.mjs";

const parts = ["checks", "unit", "service"];

/** Which parts run, and which test files. */
function readArguments(args) {
  const options = args.filter((arg) => arg.startsWith("--")).map((arg) => arg.slice(2));
  const unknown = options.find((option) => !parts.includes(option));
  if (unknown !== undefined) {
    console.error(`--${unknown} is not one of ${parts.map((part) => `--${part}`).join(", ")}`);
    process.exit(2);
  }
  const patterns = args.filter((arg) => !arg.startsWith("--"));
  const all = patterns.length > 0 ? ["unit", "service"] : parts;
  return { wanted: options.length > 0 ? options : all, patterns };
}

requireNode();
const { wanted, patterns } = readArguments(process.argv.slice(2));
const tally = new Tally();
const isInstalled = await stage("install", ensureInstalled);
if (isInstalled) {
  await tally.check("build", build);
  if (wanted.includes("checks")) await runChecks(tally);
  for (const project of ["unit", "service"]) {
    if (wanted.includes(project)) await stage(`${project} tests`, () => runJest(tally, project, patterns));
  }
} else {
  tally.add({ failed: 1 });
  tally.failures.push("install");
}
for (const name of tally.secondTries) console.log(`passed at its second try: ${name}`);
if (tally.failures.length > 0) console.log(`\nfailed: ${tally.failures.join(", ")}`);
console.log(tally.line);
process.exitCode = tally.exitCode;
