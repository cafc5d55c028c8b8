// The AsyncAPI and OpenAPI documents, the description of the protos and docs/contracts.md say what the code says now.
import "../lib/typescript.mjs";
import { contractFiles, firstDifference } from "../lib/contract-docs.mjs";

for (const [file, text] of await contractFiles()) {
  const found = firstDifference(file, text);
  if (found === undefined) continue;
  console.error(`${file} is not what the code says; run: node scripts/generate-contracts.mjs`);
  console.error(`  line ${found.line}: ${found.written ?? "(ends)"}\n  should be: ${found.wanted ?? "(end)"}`);
  process.exitCode = 1;
}
