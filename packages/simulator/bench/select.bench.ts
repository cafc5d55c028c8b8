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
  const collect = runInNewContext("gc") as () => void;
  const bytesUsed = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  return { collect, bytesUsed };
}

/** Milliseconds of processor time of each of many decisions, sorted: neighbours on the machine disturb it least. */
function timeDecisions(decide: () => number): Float64Array {
  return Float64Array.from({ length: DECISIONS }, () => {
    const before = process.cpuUsage();
    if (decide() !== 12) throw new Error("twelve miners were to be found");
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  }).sort();
}

export default defineBench({
  names: ["select.decision-p50", "select.decision-p99", "select.bytes-per-miner"],
  about: "twelve miners for a file out of a roster of 100 000, processor time; and what the roster takes of memory",
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
