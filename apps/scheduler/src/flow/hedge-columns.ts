import { decideHedge, fullBucket, type HedgeSituation } from "@granary/domain/miner";
import { type Lane, type LaneOrder, type LanePorts, openLane, type Sending } from "./run-lane.js";

export interface HedgePorts extends LanePorts {
  /** Gives a column that is being sent a second miner, when there is one. */
  readonly chooseRival: (index: number) => Promise<LaneOrder | null>;
}

const LOOK_EVERY_MS = 500;

/**
 * Looks for columns that are late while most others of their round have arrived, and has them sent to a second miner as
 * well, within the budget of all replicas. Whoever has the column first keeps it.
 */
export function watchHedges(
  sending: Sending<HedgePorts>,
  send: (lane: Lane) => Promise<void>,
): { end(): Promise<void> } {
  const { lanes, ports, rules } = sending;
  const firsts = [...lanes];
  const under: Promise<void>[] = [];
  const timer = setInterval(() => {
    for (const lane of firsts) {
      if (!lane.isLive || lane.isHedged) continue;
      const situation = situationOf(lane, firsts, ports.clock());
      if (!decideHedge(situation, fullBucket(1), rules.policy).decision.hedge) continue;
      lane.isHedged = true;
      under.push(hedge(sending, lane, situation, send));
    }
  }, LOOK_EVERY_MS);
  return {
    async end() {
      clearInterval(timer);
      await Promise.all(under);
    },
  };
}

export const situationOf = (lane: Lane, firsts: readonly Lane[], now: number): HedgeSituation => ({
  now,
  startedAt: lane.startedAt,
  hasRival: false,
  expectedSeconds: lane.expectedSeconds,
  columns: firsts.length,
  arrivedSeconds: firsts.flatMap(({ arrivedAt, startedAt }) =>
    arrivedAt === null ? [] : [(arrivedAt - startedAt) / 1000],
  ),
});

/** Never rejects: without a second miner the first goes on as before. */
async function hedge(
  { lanes, ports, rules }: Sending<HedgePorts>,
  late: Lane,
  situation: HedgeSituation,
  send: (lane: Lane) => Promise<void>,
): Promise<void> {
  const { policy } = rules;
  try {
    const isGranted = await ports.budgets.draw("hedge", policy.hedgeBurst, ({ tokens }) => {
      const { decision, budget } = decideHedge(situation, { tokens }, policy);
      return { tokens: budget.tokens, at: situation.now, result: decision.hedge };
    });
    if (!isGranted) return ports.observer.hedged("no-budget");
    const rival = late.isLive ? await ports.chooseRival(late.index) : null;
    if (rival === null) return await ports.budgets.earn("hedge", 1, policy.hedgeBurst);
    ports.observer.hedged("begun");
    const lane = openLane(rival, ports.clock(), true);
    lanes.push(lane);
    await send(lane);
  } catch (error) {
    ports.log.thrown("a late column could not be hedged", error, { index: late.index });
  }
}
