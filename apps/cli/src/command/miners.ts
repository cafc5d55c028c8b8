import { formatBytes } from "@granary/primitives";
import type { Context } from "../context.js";
import { table } from "../output.js";

interface MinerRow {
  readonly account: string;
  readonly endpoint: string;
  readonly standing: string;
  readonly idleBytes: number;
  readonly score: number;
  readonly unreportedColumns: number;
  readonly cooldownUntil: string | null;
  readonly lastFailureCode: string | null;
}

export async function miners(context: Context): Promise<void> {
  const found = await context.gateway.call<MinerRow[]>("/miners");
  const rows = found.map((miner) => [
    miner.account,
    miner.standing,
    miner.score.toFixed(3),
    formatBytes(miner.idleBytes),
    String(miner.unreportedColumns),
    miner.lastFailureCode ?? "",
    miner.cooldownUntil ?? "",
  ]);
  const head = ["MINER", "STANDING", "SCORE", "IDLE", "UNREPORTED", "LAST FAILURE", "COOLDOWN UNTIL"];
  context.output.result(found, rows.length === 0 ? "no miners" : table(head, rows));
}
