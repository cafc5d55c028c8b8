import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";
import { run } from "./run.mjs";

/** Servers share the machine badly; and a worker that is left after each file takes with it what the file did not free. */
const oneFileAtATime = ["--maxWorkers=1", "--workerIdleMemoryLimit=64MB"];

/** Runs one jest project and adds its numbers to the tally. */
export async function runJest(tally, project, patterns) {
  const report = join(root, "node_modules", ".cache", `jest-${project}.json`);
  mkdirSync(join(root, "node_modules", ".cache"), { recursive: true });
  rmSync(report, { force: true });
  const code = await run(process.execPath, [
    "--experimental-vm-modules",
    "--disable-warning=ExperimentalWarning",
    join("node_modules", "jest", "bin", "jest.js"),
    "--selectProjects",
    project,
    ...(project === "service" ? oneFileAtATime : []),
    "--passWithNoTests",
    "--json",
    `--outputFile=${report}`,
    ...(patterns.length > 0 ? ["--", ...patterns] : []),
  ]);
  const counts = countTests(readReport(report));
  // A run that fails without a failed test (a crash, a bad configuration) must not look like success.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  for (const name of secondTries(readReport(report))) tally.secondTries.push(name);
  if (counts.failed > 0) tally.failures.push(`${project} tests`);
  tally.add(counts);
}

/** A file that cannot even be loaded counts as one failure. */
function countTests(report) {
  if (report === undefined) return { passed: 0, failed: 0, skipped: 0 };
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** The tests that passed only when they were run again. */
function secondTries(report) {
  const tests = (report?.testResults ?? []).flatMap(({ assertionResults }) => assertionResults ?? []);
  return tests.filter(({ status, invocations }) => status === "passed" && invocations > 1).map((test) => test.fullName);
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
