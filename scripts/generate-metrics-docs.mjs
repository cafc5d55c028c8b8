// node scripts/generate-metrics-docs.mjs   writes docs/metrics.md from what the services measure
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import "./lib/typescript.mjs";
import { metricsDocs } from "./lib/metrics-docs.mjs";
import { root } from "./lib/root.mjs";

writeFileSync(join(root, "docs", "metrics.md"), await metricsDocs());
