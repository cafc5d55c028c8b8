// A process of its own for each size: the largest resident memory of a process never goes down again.
import { openPipeline } from "./pipeline.js";
import { stagedFiles } from "./staged.js";

const [folder, size] = process.argv.slice(2) as [string, string];
const files = await stagedFiles(folder);
const claim = await files.claim(Number(size));
const pipeline = openPipeline(files.staging, "native");
const startedAt = performance.now();
await pipeline.encode(claim);
const ms = performance.now() - startedAt;
await pipeline.close();
process.send?.({ ms, peakMiB: process.resourceUsage().maxRSS / 1024 });
process.disconnect?.();
