import { bars, dashboard, lines, number, quantile, query, row } from "./panel.mjs";

export default dashboard(
  "miners",
  "Miners and reputation",
  "Who may be given something, what becomes of what is given, and why somebody is passed over. Each miner: npx granary miners.",
  row(
    "Now",
    number("Available", "short", "May be chosen", 'max(granary_scheduler_miners{standing="available"})', {
      limits: [12, 16],
      isLowBad: true,
    }),
    number("Resting", "short", "After failures in a row", 'max(granary_scheduler_miners{standing="cooldown"})'),
    number(
      "In quarantine",
      "short",
      "They served wrong bytes",
      'max(granary_scheduler_miners{standing="quarantined"})',
      { limits: [1] },
    ),
    number(
      "Deals under way",
      "short",
      "Opened, declaring, placing",
      'sum(max by (state) (granary_scheduler_deals{state=~"opened|declaring|placing"}))',
    ),
    number("Oldest deal", "s", "Neither active nor failed", "max(granary_scheduler_oldest_open_deal_seconds)", {
      limits: [1800, 7200],
    }),
    number(
      "Attempts that fail",
      "percentunit",
      "To place a column, 15 minutes",
      "granary:columns_failed:ratio_rate15m",
      { limits: [0.1, 0.3] },
    ),
  ),
  row(
    "Miners",
    lines(
      "By standing",
      "short",
      "What may be given to them",
      [query("max by (standing) (granary_scheduler_miners)", "{{standing}}")],
      { stacked: true },
    ),
    bars("Refused, 1 h", "short", "In rounds that found too few, by reason", [
      query("topk(12, sum by (reason) (increase(granary_scheduler_miners_refused_total[1h])) > 0)", "{{reason}}"),
    ]),
    bars("Conditions relaxed, 1 h", "short", "For want of miners that fulfil them all", [
      query("sum by (dimension) (increase(granary_scheduler_relaxations_total[1h]))", "{{dimension}}"),
    ]),
    lines("Columns without a miner", "short", "In rounds of choosing", [
      query("sum(increase(granary_scheduler_columns_without_miner_total[$__rate_interval]))", "columns"),
    ]),
    lines("Wrong bytes", "short", "Fragments that were not what their hash says, put on record", [
      query("sum(increase(granary_retrieval_corrupt_fragments_total[$__rate_interval]))", "fragments"),
    ]),
  ),
  row(
    "Placing",
    lines("Deals by state", "short", "All that there ever were; failed ones stay", [
      query("max by (state) (granary_scheduler_deals)", "{{state}}"),
    ]),
    lines(
      "Open columns",
      "short",
      "Of deals under way: pending, being sent, at the miner and not reported",
      [query("max by (state) (granary_scheduler_open_columns)", "{{state}}")],
      { stacked: true },
    ),
    lines("Attempts", "ops", "To place a column, by outcome", [
      query("sum by (outcome) (rate(granary_scheduler_columns_total[$__rate_interval])) > 0", "{{outcome}}"),
    ]),
    lines("All twelve at miners", "s", "Since the deal was opened", [
      query(quantile(0.5, "granary_scheduler_deal_placed_seconds"), "median"),
      query(quantile(0.95, "granary_scheduler_deal_placed_seconds"), "95 %"),
    ]),
    lines("Active", "s", "Since the deal was opened, until a finalized block says so", [
      query(quantile(0.5, "granary_scheduler_deal_active_seconds"), "median"),
      query(quantile(0.95, "granary_scheduler_deal_active_seconds"), "95 %"),
    ]),
    lines("One fragment", "s", "Sending it to a miner", [
      query(quantile(0.5, "granary_scheduler_fragment_put_seconds"), "median"),
      query(quantile(0.95, "granary_scheduler_fragment_put_seconds"), "95 %"),
    ]),
    lines("Longest wait for a report", "s", "Of a column that is at its miner", [
      query("max(granary_scheduler_oldest_unreported_seconds)", "oldest"),
    ]),
    lines("Steps towards a declaration", "ops", "By how they ended", [
      query("sum by (outcome) (rate(granary_scheduler_declaration_steps_total[$__rate_interval])) > 0", "{{outcome}}"),
    ]),
    lines("Buffers of encoded segments", "short", "In use", [query("sum(granary_scheduler_buffers_in_use)", "in use")]),
  ),
  row(
    "Choosing and sending",
    bars("Resting, by failure", "short", "Miners in cooldown, by the code of their last failure", [
      query("topk(10, max by (reason) (granary_scheduler_resting_miners) > 0)", "{{reason}}"),
    ]),
    lines(
      "Inequality of load",
      "percentunit",
      "Of the columns given in the last hour, by free space: 0 even, 1 all to one",
      [query("max(granary_scheduler_load_gini)", "Gini")],
    ),
    lines("Why they were compared", "ops", "Miners chosen for a column", [
      query("sum by (kind) (rate(granary_scheduler_picks_total[$__rate_interval]))", "{{kind}}"),
    ]),
    lines("One round of choosing, 95 %", "s", "Without the reading of rows", [
      query(quantile(0.95, "granary_scheduler_decision_seconds"), "decision"),
    ]),
    lines("Sent", "Bps", "Bytes that miners took, and of these what a hedge wasted", [
      query("sum(rate(granary_scheduler_sent_bytes_total[$__rate_interval]))", "sent"),
      query("sum(rate(granary_scheduler_hedge_wasted_bytes_total[$__rate_interval]))", "wasted"),
    ]),
    lines("Hedges", "ops", "Columns sent to a second miner, by how it ended", [
      query("sum by (outcome) (rate(granary_scheduler_hedges_total[$__rate_interval]))", "{{outcome}}"),
    ]),
    lines(
      "Work done twice",
      "short",
      "Sent by two senders; taken from a miner that reported after all; held back by the brake",
      [
        query("sum(increase(granary_scheduler_columns_sent_twice_total[$__rate_interval]))", "sent twice"),
        query("sum(increase(granary_scheduler_false_redispatches_total[$__rate_interval]))", "false redispatches"),
        query("sum(increase(granary_scheduler_redispatches_braked_total[$__rate_interval]))", "braked"),
      ],
    ),
  ),
  row(
    "Storage miners of our own",
    lines("Fragments offered", "ops", "By outcome", [
      query("sum by (outcome) (rate(granary_miner_puts_total[$__rate_interval]))", "{{outcome}}"),
    ]),
    lines("Fragments asked", "ops", "By outcome", [
      query("sum by (outcome) (rate(granary_miner_gets_total[$__rate_interval]))", "{{outcome}}"),
    ]),
    lines("Columns reported", "ops", "lost: another miner was first", [
      query("sum by (outcome) (rate(granary_miner_reports_total[$__rate_interval]))", "{{outcome}}"),
    ]),
  ),
);
