import type { ChainEventKind, NodeStanding } from "@granary/chain-client";
import type { Register, TypedGauge } from "@granary/telemetry";
import type { Fact, Observer } from "./ports.js";

const eventKinds = [
  "authorizationCancelled",
  "authorized",
  "columnReport",
  "columnTagged",
  "dealDeclared",
  "extrinsicFailed",
  "extrinsicSucceeded",
  "feePaid",
  "fileDeleted",
  "fileDelivered",
  "gatewayRegistered",
  "gatewayRemoved",
  "gatewayUpdated",
  "minerChanged",
  "minerRegistered",
  "orderPaid",
  "other",
  "restoralClaimed",
  "restoralCompleted",
  "restoralOrdered",
  "runtimeUpdated",
  "storageCompleted",
  "sudoFailed",
  "territoryChanged",
  "territoryMinted",
  "transferred",
] as const satisfies readonly ChainEventKind[];
type EventKind = (typeof eventKinds)[number];
// A kind of event without a series does not compile.
const _complete: ChainEventKind extends EventKind ? true : never = true;

const factNames = [
  "columnReported",
  "fileActivated",
  "fileDeleted",
  "dealRemoved",
  "dealDeclared",
  "minerChanged",
] as const satisfies readonly Fact["name"][];
type FactName = (typeof factNames)[number];
const recoveryReasons = ["first", "other-chain", "history", "pruned"] as const;

export interface IndexerGauges {
  readonly indexedBlock: () => Promise<number>;
  readonly finalizedBlock: () => number;
  /** Seconds since the tables were last seen to have all that is final. */
  readonly lagSeconds: () => number;
  /** Of the nodes in the order of the setting. */
  readonly nodes: () => readonly NodeStanding[];
}

export type IndexerMetrics = ReturnType<typeof createIndexerMetrics>;

export function createIndexerMetrics(register: Register, read: IndexerGauges) {
  register.gauge({
    name: "granary_chain_indexer_indexed_block",
    help: "Height of the tables",
    collect: async (gauge) => gauge.set({}, await read.indexedBlock()),
  });
  register.gauge({
    name: "granary_chain_indexer_finalized_block",
    help: "Newest finalized height that the node told",
    collect: (gauge) => gauge.set({}, read.finalizedBlock()),
  });
  register.gauge({
    name: "granary_chain_indexer_finalized_lag_blocks",
    help: "Finalized blocks that the tables do not have yet",
    collect: async (gauge) => gauge.set({}, Math.max(0, read.finalizedBlock() - (await read.indexedBlock()))),
  });
  register.gauge({
    name: "granary_chain_indexer_finalized_lag_seconds",
    help: "How long the tables have not had all that is final",
    collect: (gauge) => gauge.set({}, read.lagSeconds()),
  });
  nodeGauges(register, read);
  return {
    leader: register.gauge({
      name: "granary_chain_indexer_leader",
      help: "1 where this replica follows the chain",
    }),
    blocks: register.counter({ name: "granary_chain_indexer_blocks_total", help: "Blocks applied" }),
    events: register.counter<{ kind: EventKind }>({
      name: "granary_chain_indexer_events_total",
      help: "Events of applied blocks, by kind",
      labels: { kind: eventKinds },
    }),
    facts: register.counter<{ fact: FactName }>({
      name: "granary_chain_indexer_facts_total",
      help: "Facts announced, by name",
      labels: { fact: factNames },
    }),
    recoveries: register.counter<{ reason: (typeof recoveryReasons)[number] }>({
      name: "granary_chain_indexer_snapshots_total",
      help: "Times that the tables were made anew from the chain's state, by reason",
      labels: { reason: recoveryReasons },
    }),
    rescanSeconds: register.histogram({
      name: "granary_chain_indexer_rescan_seconds",
      help: "Comparing everything with the chain",
      buckets: [0.05, 0.2, 1, 5, 20, 60, 300],
    }),
  };
}

/** Nodes go by their place in the setting, from 1 on: an address may hold a key. */
function nodeGauges(register: Register, { nodes }: Pick<IndexerGauges, "nodes">): void {
  const labels = { node: nodes().map((_, index) => String(index + 1)) };
  const each = (value: (node: NodeStanding) => number | null) => (gauge: TypedGauge<{ node: string }>) => {
    for (const [index, node] of nodes().entries()) {
      const sample = value(node);
      if (sample !== null) gauge.set({ node: String(index + 1) }, sample);
    }
  };
  register.gauge<"granary_chain_indexer_node_lag_blocks", { node: string }>({
    name: "granary_chain_indexer_node_lag_blocks",
    help: "Finalized blocks that another node has and this one has not, by place in CHAIN_URL",
    labels,
    collect: each(({ lagBlocks }) => lagBlocks),
  });
  register.gauge<"granary_chain_indexer_node_up", { node: string }>({
    name: "granary_chain_indexer_node_up",
    help: "1 where the node answered when it was asked last, by place in CHAIN_URL",
    labels,
    collect: each(({ isUp }) => Number(isUp)),
  });
  register.gauge<"granary_chain_indexer_node_in_use", { node: string }>({
    name: "granary_chain_indexer_node_in_use",
    help: "1 where this is the node that is read from, by place in CHAIN_URL",
    labels,
    collect: each(({ isCurrent }) => Number(isCurrent)),
  });
}

export const observerOf = (metrics: IndexerMetrics): Observer => ({
  blockApplied({ events }) {
    metrics.blocks.add({});
    for (const { kind } of events) metrics.events.add({ kind: kind as EventKind });
  },
  factsAnnounced(facts) {
    for (const { name } of facts) metrics.facts.add({ fact: name as FactName });
  },
  recovered: (reason) => metrics.recoveries.add({ reason }),
  rescanned: (seconds) => metrics.rescanSeconds.observe({}, seconds),
  leading: (isLeading) => metrics.leader.set({}, isLeading ? 1 : 0),
});
