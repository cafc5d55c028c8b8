import { formatBytes } from "@granary/primitives";
import type { Context } from "../context.js";
import { table } from "../output.js";

interface MinerRow {
  readonly account: string;
  readonly endpoint: string;
  readonly chainState: string;
  readonly standing: string;
  readonly idleBytes: number;
  readonly score: number;
  readonly scoreParts: {
    readonly trust: number;
    readonly transferSeconds: number;
    readonly queueSeconds: number;
    readonly cost: number;
  };
  readonly alpha: number;
  readonly beta: number;
  readonly inflightColumns: number;
  readonly unreportedColumns: number;
  readonly consecutiveFailures: number;
  readonly cooldownUntil: string | null;
  readonly quarantinedReason: string | null;
  readonly lastFailureCode: string | null;
  readonly lastFailureAt: string | null;
}

export async function miners(context: Context): Promise<void> {
  const found = await context.gateway.call<MinerRow[]>("/miners");
  const rows = found.map((miner) => [
    miner.account,
    miner.standing,
    miner.scoreParts.trust.toFixed(3),
    miner.scoreParts.transferSeconds.toFixed(1),
    miner.scoreParts.queueSeconds.toFixed(1),
    miner.scoreParts.cost.toFixed(1),
    String(miner.unreportedColumns),
    formatBytes(miner.idleBytes),
    failureOf(miner),
    miner.cooldownUntil ?? "",
  ]);
  const head = [
    "MINER",
    "STANDING",
    "TRUST",
    "TRANSFER s",
    "QUEUE s",
    "COST s",
    "UNREPORTED",
    "FREE",
    "LAST FAILURE",
    "COOLDOWN UNTIL",
  ];
  context.output.result(found, rows.length === 0 ? "no miners" : table(head, rows));
}

const failureOf = ({ lastFailureCode: code, lastFailureAt: at }: MinerRow): string =>
  code === null ? "" : `${code} ${at ?? ""}`.trim();

interface ExplainedMiner extends MinerRow {
  readonly refusal: { readonly code: string; readonly reason: string } | null;
  readonly rank: number | null;
  readonly eligibleMiners: number;
  readonly groups: Readonly<Record<string, string>>;
  readonly position: { readonly longitude: number; readonly latitude: number } | null;
  readonly cooldown: {
    readonly failuresInRow: number;
    readonly failuresToRest: number;
    readonly exponent: number;
    readonly nextRestSeconds: number;
  };
  readonly attempts: readonly {
    readonly fid: string;
    readonly index: number;
    readonly startedAt: string;
    readonly outcome: string | null;
  }[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly actions: readonly OperatorAction[];
}

interface OperatorAction {
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
}

/** Why a miner gets columns, or does not. */
export async function why(context: Context, account: string): Promise<void> {
  const miner = await context.gateway.call<ExplainedMiner>(`/miners/${account}`);
  context.output.result(miner, explain(miner));
}

function explain(miner: ExplainedMiner): string {
  const { trust, transferSeconds, queueSeconds, cost } = miner.scoreParts;
  const { cooldown, groups, position } = miner;
  const verdict =
    miner.refusal === null
      ? `may be given columns: ${miner.rank} of ${miner.eligibleMiners} by cost`
      : `is given nothing now (${miner.refusal.code}): ${miner.refusal.reason}`;
  const place = position === null ? [] : [`${position.latitude}° N ${position.longitude}° E`];
  const outcomes = Object.entries(miner.outcomes).map(([outcome, count]) => `${outcome} ${count}`);
  const facts: [string, string][] = [
    ["miner", `${miner.account} at ${miner.endpoint}, on chain "${miner.chainState}", ${miner.standing}`],
    ["now", verdict],
    [
      "cost",
      `${cost.toFixed(1)} s = (transfer ${transferSeconds.toFixed(1)} + queue ${queueSeconds.toFixed(1)} + failures) / trust`,
    ],
    ["trust", `${trust.toFixed(3)}, from promises kept ${miner.alpha.toFixed(2)} and broken ${miner.beta.toFixed(2)}`],
    ["columns", `${miner.inflightColumns} on the way, ${miner.unreportedColumns} there and not reported`],
    [
      "cooldown",
      `${miner.cooldownUntil === null ? "none" : `until ${miner.cooldownUntil}`}; ${cooldown.failuresInRow} of ${cooldown.failuresToRest} failures in a row, step ${cooldown.exponent}, the next rest at most ${cooldown.nextRestSeconds} s`,
    ],
    ["place", [...place, ...Object.entries(groups).map(([name, value]) => `${name} ${value}`)].join(", ") || "unknown"],
    ["last failure", failureOf(miner) || "none"],
    ["outcomes", outcomes.join(", ") || "none"],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, text]) => `${name.padEnd(width)}  ${text}`);
  const attempts = miner.attempts.map((one) => [one.startedAt, one.fid, String(one.index), one.outcome ?? "under way"]);
  const past = attempts.length === 0 ? [] : ["", table(["STARTED", "FID", "COLUMN", "OUTCOME"], attempts)];
  const deeds = miner.actions.length === 0 ? [] : ["", renderActions(miner.actions)];
  return [...lines, ...past, ...deeds].join("\n");
}

const renderActions = (actions: readonly OperatorAction[]): string =>
  table(
    ["AT", "OPERATOR", "DID", "SUBJECT", "REASON"],
    actions.map(({ at, actor, action, subject, reason }) => [at, actor, action, subject, reason ?? ""]),
  );

/** Asks the gateway as an operator. */
export async function operate<T>(context: Context, path: string, method: string, reason?: string): Promise<T> {
  const query = reason === undefined ? "" : `?${new URLSearchParams({ reason })}`;
  const headers = { Authorization: `Bearer ${context.settings.operatorToken()}` };
  return context.gateway.call<T>(`/operator${path}${query}`, { method, headers });
}

export async function quarantine(context: Context, account: string, reason: string): Promise<void> {
  const done = await operate<{ standing: string }>(context, `/miners/${account}/quarantine`, "PUT", reason);
  context.output.result(done, `${account} is ${done.standing}`);
}

export async function release(context: Context, account: string, reason: string): Promise<void> {
  const done = await operate<{ standing: string }>(context, `/miners/${account}/quarantine`, "DELETE", reason);
  context.output.result(done, `${account} is ${done.standing}`);
}

/** Takes up an upload whose deal has failed. */
export async function resume(context: Context, uploadId: string, reason: string): Promise<void> {
  const done = await operate<{ state: string }>(context, `/uploads/${uploadId}/resume`, "PUT", reason);
  context.output.result(done, `the deal of ${uploadId} is ${done.state}`);
}

export async function actions(context: Context): Promise<void> {
  const found = await operate<OperatorAction[]>(context, "/actions", "GET");
  context.output.result(found, found.length === 0 ? "nobody did anything by hand" : renderActions(found));
}
