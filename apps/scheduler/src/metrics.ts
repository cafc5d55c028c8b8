import { type DealState } from "@granary/domain/deal";
import { dimensions, refusals } from "@granary/domain/miner";
import { minerErrorCategories } from "@granary/miner-client";
import type { Register } from "@granary/telemetry";
import type { DeclareOutcome } from "./flow/declare-deal.js";
import type { HedgeOutcome, Observer, PickKind, TransactionRecord } from "./ports.js";

const dealStates: readonly DealState[] = ["opened", "declaring", "placing", "active", "failed"];
const columnOutcomes = [
  "placed",
  "reported",
  "report_late",
  "REPORT_MISSED",
  "LEASE_LAPSED",
  "OVERTAKEN",
  "DEAL_REMOVED",
  "HEDGE_LOST",
  "MINER_TOO_SLOW",
  "STAGED_OBJECT_ABSENT",
  "STAGED_BYTES_CORRUPT",
  ...Object.keys(minerErrorCategories),
  "OTHER",
];
const relaxations = ["area", ...dimensions];
const restReasons = ["REPORT_MISSED", ...Object.keys(minerErrorCategories), "MINER_TOO_SLOW", "OTHER"];
const pickKinds: readonly PickKind[] = ["drawn", "preferred", "exploration", "probe"];
const hedgeOutcomes: readonly HedgeOutcome[] = ["begun", "won", "lost", "failed", "no-budget"];
const known = (values: readonly string[], value: string): string => (values.includes(value) ? value : "OTHER");
const transactionStates: readonly TransactionRecord["state"][] = [
  "prepared",
  "submitted",
  "included",
  "finalized",
  "failed",
  "lost",
];
const declareOutcomes: readonly DeclareOutcome[] = ["not-due", "declared", "active", "waiting", "failed", "retried"];
const standings = ["available", "cooldown", "probing", "quarantined", "unavailable"] as const;
const dealSeconds = [5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800, 7200];

/** The chain counts in units of 10⁻¹⁸ tokens. */
export const UNITS_PER_TOKEN = 1e18;

export type SchedulerMetrics = ReturnType<typeof createSchedulerMetrics>;

/** Of a column that is not reported yet. */
export const openColumnStates = ["pending", "sending", "placed"] as const;
type OpenColumnState = (typeof openColumnStates)[number];

export interface ProgressReadings {
  readonly columns: () => Promise<Readonly<Record<OpenColumnState, number>>>;
  readonly oldestUnreportedSeconds: () => Promise<number>;
  readonly oldestTransactionSeconds: () => Promise<number>;
  readonly balanceTokens: () => Promise<number>;
}

/** What is asked for at scrape time. */
export interface Readings extends ProgressReadings {
  readonly deals: () => Promise<Readonly<Record<DealState, number>>>;
  readonly oldestOpenSeconds: () => Promise<number>;
  readonly miners: () => Promise<Readonly<Record<(typeof standings)[number], number>>>;
  readonly restingMiners: () => Promise<readonly { readonly code: string; readonly count: number }[]>;
  /** Of the columns given in the last hour, relative to free space. */
  readonly loadGini: () => Promise<number>;
  readonly openTransactions: () => Promise<number>;
  readonly buffersInUse: () => number;
}

export function createSchedulerMetrics(register: Register, read: Readings) {
  gauges(register, read);
  progress(register, read);
  return {
    columns: register.counter<{ outcome: string }>({
      name: "granary_scheduler_columns_total",
      help: "Attempts to place a column, by how they ended",
      labels: { outcome: columnOutcomes },
    }),
    placedSeconds: register.histogram({
      name: "granary_scheduler_deal_placed_seconds",
      help: "From the opening of a deal until all twelve columns are at miners",
      buckets: dealSeconds,
    }),
    activeSeconds: register.histogram({
      name: "granary_scheduler_deal_active_seconds",
      help: "From the opening of a deal until the file is active in a finalized block",
      buckets: dealSeconds,
    }),
    fragmentSeconds: register.histogram({
      name: "granary_scheduler_fragment_put_seconds",
      help: "Sending one fragment to one miner",
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    }),
    relaxations: register.counter<{ dimension: string }>({
      name: "granary_scheduler_relaxations_total",
      help: "Columns for whose miner a constraint had to be relaxed",
      labels: { dimension: relaxations },
    }),
    refusedMiners: register.counter<{ reason: string }>({
      name: "granary_scheduler_miners_refused_total",
      help: "Miners that could not be chosen in rounds that found too few, by reason",
      labels: { reason: refusals },
    }),
    shortfalls: register.counter({
      name: "granary_scheduler_columns_without_miner_total",
      help: "Columns for which no miner was found in a round",
    }),
    picks: register.counter<{ kind: PickKind }>({
      name: "granary_scheduler_picks_total",
      help: "Miners chosen for a column, by why they were among the compared",
      labels: { kind: pickKinds },
    }),
    decisionSeconds: register.histogram({
      name: "granary_scheduler_decision_seconds",
      help: "Choosing the miners of one round, without the reading of rows",
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
    }),
    sentBytes: register.counter({
      name: "granary_scheduler_sent_bytes_total",
      help: "Bytes of fragments that miners have taken",
    }),
    hedges: register.counter<{ outcome: HedgeOutcome }>({
      name: "granary_scheduler_hedges_total",
      help: "Columns that were sent to a second miner, and how that ended",
      labels: { outcome: hedgeOutcomes },
    }),
    hedgeWastedBytes: register.counter({
      name: "granary_scheduler_hedge_wasted_bytes_total",
      help: "Bytes of fragments that went to the loser of a hedge",
    }),
    sentTwice: register.counter({
      name: "granary_scheduler_columns_sent_twice_total",
      help: "Columns whose sender was done after its lease had gone to another: their bytes went out twice",
    }),
    falseRedispatches: register.counter({
      name: "granary_scheduler_false_redispatches_total",
      help: "Columns taken from a miner for want of a report that came after all",
    }),
    brakes: register.counter({
      name: "granary_scheduler_redispatches_braked_total",
      help: "Overdue reports that are waited for longer, because too many are overdue at once",
    }),
    transactions: register.counter<{ state: TransactionRecord["state"] }>({
      name: "granary_scheduler_transactions_total",
      help: "Transactions of the gateway's account that came into a state",
      labels: { state: transactionStates },
    }),
    fees: register.counter({
      name: "granary_scheduler_fees_tokens_total",
      help: "Tokens that transactions of the gateway's account cost, as blocks said it; also of those that failed",
    }),
    declarations: register.counter<{ outcome: DeclareOutcome }>({
      name: "granary_scheduler_declaration_steps_total",
      help: "Steps towards a declared deal, by how they ended",
      labels: { outcome: declareOutcomes },
    }),
  };
}

function gauges(register: Register, read: Readings): void {
  register.gauge<"granary_scheduler_deals", { state: DealState }>({
    name: "granary_scheduler_deals",
    help: "Deals by state",
    labels: { state: dealStates },
    collect: async (gauge) => {
      for (const [state, count] of Object.entries(await read.deals())) gauge.set({ state: state as DealState }, count);
    },
  });
  register.gauge<"granary_scheduler_miners", { standing: (typeof standings)[number] }>({
    name: "granary_scheduler_miners",
    help: "Miners by what may be given to them",
    labels: { standing: standings },
    collect: async (gauge) => {
      const counts = await read.miners();
      for (const standing of standings) gauge.set({ standing }, counts[standing]);
    },
  });
  register.gauge<"granary_scheduler_resting_miners", { reason: string }>({
    name: "granary_scheduler_resting_miners",
    help: "Miners in cooldown, by the code of their last failure",
    labels: { reason: restReasons },
    collect: async (gauge) => {
      const counts = new Map(restReasons.map((reason) => [reason, 0]));
      for (const { code, count } of await read.restingMiners()) {
        const reason = known(restReasons, code);
        counts.set(reason, (counts.get(reason) ?? 0) + count);
      }
      for (const [reason, count] of counts) gauge.set({ reason }, count);
    },
  });
  register.gauge({
    name: "granary_scheduler_load_gini",
    help: "Inequality of the columns given in the last hour by free space, over miners in use: 0 even, towards 1 all to one",
    collect: async (gauge) => gauge.set({}, await read.loadGini()),
  });
  register.gauge({
    name: "granary_scheduler_oldest_open_deal_seconds",
    help: "Age of the oldest deal that is neither active nor failed",
    collect: async (gauge) => gauge.set({}, await read.oldestOpenSeconds()),
  });
  register.gauge({
    name: "granary_scheduler_lane_depth",
    help: "Transactions of the gateway's account that are not final",
    collect: async (gauge) => gauge.set({}, await read.openTransactions()),
  });
  register.gauge({
    name: "granary_scheduler_buffers_in_use",
    help: "Buffers of encoded segments in use",
    collect: (gauge) => gauge.set({}, read.buffersInUse()),
  });
}

function progress(register: Register, read: ProgressReadings): void {
  register.gauge<"granary_scheduler_open_columns", { state: OpenColumnState }>({
    name: "granary_scheduler_open_columns",
    help: "Columns of open deals that are not reported yet, by state",
    labels: { state: openColumnStates },
    collect: async (gauge) => {
      const counts = await read.columns();
      for (const state of openColumnStates) gauge.set({ state }, counts[state]);
    },
  });
  register.gauge({
    name: "granary_scheduler_oldest_unreported_seconds",
    help: "How long the column that waits longest for its miner's report has been at the miner",
    collect: async (gauge) => gauge.set({}, await read.oldestUnreportedSeconds()),
  });
  register.gauge({
    name: "granary_scheduler_oldest_transaction_seconds",
    help: "Age of the oldest transaction of the gateway's account that is not final",
    collect: async (gauge) => gauge.set({}, await read.oldestTransactionSeconds()),
  });
  register.gauge({
    name: "granary_scheduler_balance_tokens",
    help: "Free tokens of the gateway's account: what fees are paid from",
    collect: async (gauge) => gauge.set({}, await read.balanceTokens()),
  });
}

/** Flows speak to this; what they say becomes numbers. Codes that are not known have one name. */
export function createObserver(metrics: () => SchedulerMetrics): Observer {
  return {
    columnEnded: (outcome) => metrics().columns.add({ outcome: known(columnOutcomes, outcome) }),
    dealPlaced: (seconds) => metrics().placedSeconds.observe({}, seconds),
    dealActive: (seconds) => metrics().activeSeconds.observe({}, seconds),
    fragmentSent: (seconds) => metrics().fragmentSeconds.observe({}, seconds),
    relaxed: (dimension) => metrics().relaxations.add({ dimension }),
    picked: (kind) => metrics().picks.add({ kind }),
    decided: (seconds) => metrics().decisionSeconds.observe({}, seconds),
    bytesSent: (bytes) => metrics().sentBytes.add({}, bytes),
    sentTwice: () => metrics().sentTwice.add({}),
    falselyRedispatched: () => metrics().falseRedispatches.add({}),
    braked: () => metrics().brakes.add({}),
    hedged: (outcome) => metrics().hedges.add({ outcome }),
    hedgeWasted: (bytes) => metrics().hedgeWastedBytes.add({}, bytes),
    refusedMiners(counts, shortfall) {
      for (const [reason, count] of Object.entries(counts)) metrics().refusedMiners.add({ reason }, count);
      metrics().shortfalls.add({}, shortfall);
    },
    transaction: (state) => metrics().transactions.add({ state }),
    feePaid: (amount) => metrics().fees.add({}, Number(amount) / UNITS_PER_TOKEN),
    declared: (outcome) => metrics().declarations.add({ outcome: outcome as DeclareOutcome }),
  };
}
