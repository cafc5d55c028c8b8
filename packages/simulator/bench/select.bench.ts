import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { defineBench } from "@granary/bench";
import { seededRandom } from "@granary/domain/miner";
import { chooseTwelve, measureRoster } from "../src/roster-cost.js";

const MINERS = 100_000;
const ROUNDS = 5;
const DECISIONS = 4_000;

function memory() {
  setFlagsFromString("--expose-gc");
  const collectOnce = runInNewContext("gc") as () => void;
  const collect = () => {
    // What buffers that grew had before is given back on another thread: the second waits for that of the first.
    collectOnce();
    collectOnce();
  };
  const bytesUsed = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  return { collect, bytesUsed };
}

/**
 * Milliseconds of each of many decisions, sorted: by the clock, or by the processor where that is less. The clock counts
 * neighbours on the machine, the processor what the collector's threads do meanwhile; what the decision took is in both.
 */
function timeDecisions(decide: () => number): Float64Array {
  return Float64Array.from({ length: DECISIONS }, () => {
    const usage = process.cpuUsage();
    const startedAt = performance.now();
    if (decide() !== 12) throw new Error("twelve miners were to be found");
    const elapsed = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(usage);
    return Math.min(elapsed, (user + system) / 1000);
  }).sort();
}

export default defineBench({
  names: ["select.decision-p50", "select.decision-p99", "select.bytes-per-miner"],
  about: "twelve miners for a file out of a roster of 100 000; and what the roster takes of memory",
  async run({ record }) {
    const random = seededRandom(1);
    const { roster, bytesPerMiner } = measureRoster(MINERS, memory());
    const decide = () => chooseTwelve(roster, random).chosen.length;
    timeDecisions(decide);
    const rounds = Array.from({ length: ROUNDS }, () => timeDecisions(decide));
    const at = (share: number) => rounds.map((sorted) => sorted[Math.floor(share * DECISIONS)] as number);
    record("select.decision-p50", "ms", at(0.5));
    record("select.decision-p99", "ms", at(0.99));
    record("select.bytes-per-miner", "bytes", [bytesPerMiner]);
  },
});
