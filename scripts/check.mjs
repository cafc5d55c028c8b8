// npm run check: format, lint, types, boundaries and the repository's own checks; no test is run.
import { runChecks } from "./lib/checks.mjs";
import { requireNode } from "./lib/root.mjs";
import { Tally } from "./lib/tally.mjs";

requireNode();
const tally = new Tally();
await runChecks(tally);
console.log(tally.line);
process.exitCode = tally.exitCode;
