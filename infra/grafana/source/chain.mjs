import { bars, dashboard, lines, number, quantile, query, row } from "./panel.mjs";

export default dashboard(
  "chain",
  "Chain and queues",
  "How far the finalized chain is read, what becomes of our transactions, what they cost, and what waits between services.",
  row(
    "Now",
    number("Finalized", "none", "Newest height that the node told", "max(granary_chain_indexer_finalized_block)"),
    number(
      "Blocks behind",
      "short",
      "Finalized, and not in the tables",
      "min(granary_chain_indexer_finalized_lag_blocks)",
      { limits: [5, 20] },
    ),
    number("Leaders", "short", "Replicas that follow the chain: one", "sum(granary_chain_indexer_leader)", {
      limits: [1],
      isLowBad: true,
    }),
    number("Open transactions", "short", "Of the gateway's account, not final", "max(granary_scheduler_lane_depth)", {
      limits: [20, 60],
    }),
    number("Oldest of them", "s", "Since it was signed", "max(granary_scheduler_oldest_transaction_seconds)", {
      limits: [120, 600],
    }),
    number("Tokens", "short", "Free, in the gateway's account", "min(granary_scheduler_balance_tokens)", {
      limits: [10, 100],
      isLowBad: true,
    }),
  ),
  row(
    "Chain",
    lines(
      "Height",
      "none",
      "Told by the node, and in the tables",
      [
        query("max(granary_chain_indexer_finalized_block)", "finalized"),
        query("max(granary_chain_indexer_indexed_block)", "indexed"),
      ],
      { min: null },
    ),
    lines("Behind", "s", "How long the tables have not had all that is final", [
      query("min(granary_chain_indexer_finalized_lag_seconds)", "lag"),
    ]),
    lines("Nodes behind", "short", "Finalized blocks that another node has, by place in CHAIN_URL", [
      query("max by (node) (granary_chain_indexer_node_lag_blocks)", "node {{node}}"),
    ]),
    lines("Nodes", "none", "Answering, and in use by a replica, by place in CHAIN_URL", [
      query("min by (node) (granary_chain_indexer_node_up)", "node {{node}} up"),
      query("max by (node) (granary_chain_indexer_node_in_use)", "node {{node}} in use"),
    ]),
    lines("Blocks", "ops", "Applied", [
      query("sum(rate(granary_chain_indexer_blocks_total[$__rate_interval]))", "blocks"),
    ]),
    lines("Events", "ops", "Of applied blocks, by kind", [
      query("sum by (kind) (rate(granary_chain_indexer_events_total[$__rate_interval])) > 0", "{{kind}}"),
    ]),
    lines("Facts of the chain", "ops", "Announced to the other services", [
      query("sum by (fact) (rate(granary_chain_indexer_facts_total[$__rate_interval])) > 0", "{{fact}}"),
    ]),
    lines("Comparing everything, 95 %", "s", "The tables with the chain's state", [
      query(quantile(0.95, "granary_chain_indexer_rescan_seconds"), "rescan"),
    ]),
    bars("Tables made anew", "short", "Since the start of the process, by reason", [
      query("sum by (reason) (granary_chain_indexer_snapshots_total)", "{{reason}}"),
    ]),
  ),
  row(
    "Transactions",
    lines("States", "ops", "That transactions came into", [
      query("sum by (state) (rate(granary_scheduler_transactions_total[$__rate_interval]))", "{{state}}"),
    ]),
    lines("The lane", "short", "Nonces that are taken and not final", [
      query("max(granary_scheduler_lane_depth)", "open"),
    ]),
    lines("Fees", "short", "Tokens that transactions cost, in an hour", [
      query("sum(increase(granary_scheduler_fees_tokens_total[1h]))", "tokens"),
    ]),
    lines("Money", "short", "Free tokens of the gateway's account", [
      query("min(granary_scheduler_balance_tokens)", "tokens"),
    ]),
  ),
  row(
    "Queues",
    lines("Jobs", "short", "By queue and state", [
      query("max by (service, queue, state) (granary_queue_jobs)", "{{service}} {{queue}} {{state}}"),
    ]),
    lines("Next job has waited", "s", "0 where none waits", [
      query("max by (service, queue) (granary_queue_oldest_seconds)", "{{service}} {{queue}}"),
    ]),
    lines("Jobs ended", "ops", "By queue and outcome", [
      query("sum by (queue, outcome) (rate(granary_jobs_total[$__rate_interval]))", "{{queue}} {{outcome}}"),
    ]),
    lines("One job, 95 %", "s", "By queue", [query(quantile(0.95, "granary_job_seconds", ["queue"]), "{{queue}}")]),
  ),
  row(
    "Facts between services",
    lines("Published", "ops", "From outboxes to the stream", [
      query("sum by (event) (rate(granary_facts_published_total[$__rate_interval])) > 0", "{{event}}"),
    ]),
    lines("Waiting to be published", "s", "The oldest fact in each outbox", [
      query("max by (service) (granary_outbox_lag_seconds)", "{{service}}"),
    ]),
    lines("Waiting to be heard", "short", "In the stream, by who has not dealt with them", [
      query("max by (service, event) (granary_facts_pending)", "{{service}} {{event}}"),
    ]),
    lines("Deliveries", "ops", "By what became of them", [
      query(
        "sum by (service, outcome) (rate(granary_facts_consumed_total[$__rate_interval]))",
        "{{service}} {{outcome}}",
      ),
    ]),
    lines("Dead letters", "short", "Given up, and settled by no operator yet", [
      query("max by (service) (granary_facts_dead_letters)", "{{service}}"),
    ]),
    lines("Until the effect is committed, 95 %", "s", "Since delivery", [
      query(quantile(0.95, "granary_fact_handling_seconds", ["service"]), "{{service}}"),
    ]),
  ),
);
