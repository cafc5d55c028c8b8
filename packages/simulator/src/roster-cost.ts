import { createRoster, noExperience, type Roster, seededRandom, spreadConstraints } from "@granary/domain/miner";
import type { AccountId } from "@granary/primitives";
import { populate } from "./population.js";

/** Accounts as long as the chain's, and in one piece as those read from rows are: a text put together takes twice that. */
const accountOf = (id: number): AccountId =>
  Buffer.from(`cX${String(id).padStart(47, "0")}`).toString("latin1") as AccountId;

/** A roster of so many miners that have all been dealt with, and the bytes that each takes in it, its name included. */
export function measureRoster(
  miners: number,
  memory: { readonly collect: () => void; readonly bytesUsed: () => number },
): { readonly roster: Roster; readonly bytesPerMiner: number } {
  const random = seededRandom(1);
  const specs = populate(miners, "base", random);
  memory.collect();
  const before = memory.bytesUsed();
  const roster = createRoster();
  for (const [id, spec] of specs.entries()) {
    roster.put({
      ...noExperience(0),
      account: accountOf(id),
      chainState: "positive",
      hasEndpoint: true,
      idleBytes: spec.idleBytes,
      groups: spec.groups,
      position: { longitude: 360 * random() - 180, latitude: 180 * random() - 90 },
      evidence: { kept: 20 * random(), broken: random(), at: 0 },
      speed: { secondsPerFragment: 3 * random(), at: 0 },
      reporting: { secondsPerReport: 7, peakLagMs: 40_000, at: 0 },
      inflight: Math.floor(3 * random()),
      unreported: Math.floor(4 * random()),
    });
  }
  memory.collect();
  // Of the specs, so that they are still held when the memory is counted the second time.
  const bytesPerMiner = (memory.bytesUsed() - before) / specs.length;
  return { roster, bytesPerMiner };
}

/** Twelve columns of a new file. */
export const chooseTwelve = (roster: Roster, random: () => number) =>
  roster.choose({
    need: { columns: 12, fragmentsPerColumn: 1 },
    exclude: new Set(),
    holders: [],
    constraints: spreadConstraints,
    wishes: {},
    now: 1_000,
    random,
  });
