import type { InputOf, OutputOf } from "@granary/contracts";
import { explain, type MinerPolicy, type Obstruction } from "@granary/domain/miner";
import type { Clock, MinerPool, MinerRecord, OperatorLog } from "../ports.js";
import { rate } from "./list-miners.js";

const ATTEMPTS_SHOWN = 20;
const ACTIONS_SHOWN = 20;
/** What a miner is asked to be ready for: a column of one segment of a file that nobody holds yet. */
const nextColumn = { exclude: new Set<never>(), need: { columns: 1, fragmentsPerColumn: 1 } };

/** All that speaks for and against one miner, in numbers; null when nobody knows it. */
export async function explainMiner(
  ports: {
    readonly miners: Pick<MinerPool, "find" | "all" | "history" | "outcomes">;
    readonly operators: Pick<OperatorLog, "about">;
    readonly clock: Clock;
  },
  policy: MinerPolicy,
  { account }: InputOf<"minerExplain">,
): Promise<OutputOf<"minerExplain">> {
  const record = await ports.miners.find(account);
  if (record === null) return { miner: null };
  const now = ports.clock();
  const [all, attempts, outcomes, actions] = await Promise.all([
    ports.miners.all(),
    ports.miners.history(account, ATTEMPTS_SHOWN),
    ports.miners.outcomes(account),
    ports.operators.about(account, ACTIONS_SHOWN),
  ]);
  const explainNow = (one: MinerRecord) => explain(one, { ...nextColumn, now }, false, policy);
  const costs = all.map(explainNow).flatMap((one) => (one.obstructions.length === 0 ? [one.cost] : []));
  const { obstructions, cost, cooldown, seconds } = explainNow(record);
  const [first] = obstructions;
  return {
    miner: {
      ...rate(record, policy, now),
      refusal: first === undefined ? null : { code: first.refusal, reason: obstructions.map(inWords).join("; ") },
      rank: first === undefined ? 1 + costs.filter((one) => one < cost).length : null,
      eligibleMiners: costs.length,
      groups: { ...record.groups },
      position: record.position,
      cooldown: {
        failuresInRow: cooldown.failuresInRow,
        failuresToRest: cooldown.failuresToCooldown,
        exponent: record.cooldown.exponent,
        nextRestSeconds: cooldown.nextAtMostMs / 1000,
      },
      secondsPerFragment: seconds.isMeasured ? seconds.perFragment : null,
      secondsPerReport: seconds.perReport,
      attempts: attempts.map(({ uploadId, fid, index, startedAt, endedAt, outcome }) => ({
        uploadId,
        fid,
        index,
        startedAt: new Date(startedAt).toISOString(),
        endedAt: endedAt === null ? null : new Date(endedAt).toISOString(),
        outcome,
      })),
      outcomes,
      actions,
    },
  };
}

const inWords = ({ refusal, has, limit, until }: Obstruction): string =>
  until === null ? `${refusal}: ${has}, wanted ${limit}` : `${refusal} until ${new Date(until).toISOString()}`;
