import type { OutputOf } from "@granary/contracts";
import { type AccountId, CodedError } from "@granary/primitives";
import type { Ports } from "../ports.js";

export type ExplainedMiner = NonNullable<OutputOf<"minerExplain">["miner"]>;

/** Why a miner gets columns, or does not. @throws CodedError MINER_UNKNOWN (absent) */
export async function explainMiner(ports: Pick<Ports, "request">, account: AccountId): Promise<ExplainedMiner> {
  const { miner } = await ports.request("minerExplain", { account });
  if (miner === null) throw new CodedError("MINER_UNKNOWN", "absent", "no miner has this account", { account });
  return miner;
}
