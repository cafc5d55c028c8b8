import type { InputOf, OutputOf } from "@granary/contracts";
import { type AccountId, CodedError } from "@granary/primitives";
import type { Clock, MinerPool, OperatorLog } from "../ports.js";
import { standingOf } from "./list-miners.js";

interface OperatePorts {
  readonly miners: Pick<MinerPool, "find" | "quarantine" | "release">;
  readonly operators: Pick<OperatorLog, "act">;
  readonly clock: Clock;
}

/**
 * Takes a miner out of use by hand. What it holds and has not reported stays its own until the time for that is over.
 * @throws CodedError MINER_UNKNOWN (absent)
 */
export async function quarantineMiner(
  ports: OperatePorts,
  { account, actor, reason }: InputOf<"minerQuarantine">,
): Promise<OutputOf<"minerQuarantine">> {
  const deed = { actor, action: "miner.quarantined", subject: account, reason } as const;
  await ports.operators.act(deed, async (tx) => {
    if (!(await ports.miners.quarantine(account, `${reason} (${actor})`, tx))) throw unknown(account);
  });
  return { standing: await standingNow(ports, account) };
}

/**
 * Gives a miner back to use by hand. It returns as one whose rest is over: asked first, then with a single column.
 * @throws CodedError MINER_UNKNOWN (absent)
 */
export async function releaseMiner(
  ports: OperatePorts,
  { account, actor, reason }: InputOf<"minerRelease">,
): Promise<OutputOf<"minerRelease">> {
  const deed = { actor, action: "miner.released", subject: account, reason } as const;
  await ports.operators.act(deed, async (tx) => {
    if (!(await ports.miners.release(account, tx))) throw unknown(account);
  });
  return { standing: await standingNow(ports, account) };
}

const unknown = (account: AccountId) =>
  new CodedError("MINER_UNKNOWN", "absent", "no miner has this account", { account });

async function standingNow(ports: OperatePorts, account: AccountId) {
  const record = await ports.miners.find(account);
  if (record === null) throw unknown(account);
  return standingOf(record, ports.clock());
}
