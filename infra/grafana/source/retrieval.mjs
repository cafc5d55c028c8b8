import { bars, dashboard, lines, number, quantile, query, row } from "./panel.mjs";

export default dashboard(
  "retrieval",
  "Retrieval and cache",
  "What is read, where it comes from, how long clients wait for the first byte, and what miners answer.",
  row(
    "Now",
    number("Sent", "Bps", "Bytes of objects to clients", "sum(rate(granary_retrieval_sent_bytes_total[5m]))"),
    number("Reads", "ops", "Ended", "sum(rate(granary_retrieval_reads_total[5m]))"),
    number(
      "Unreadable, 24 h",
      "short",
      "Too few fragments, or wrong ones",
      'sum(increase(granary_retrieval_reads_total{outcome=~"FRAGMENTS_NOT_ENOUGH|SEGMENT_CORRUPT"}[24h]))',
      {
        limits: [1],
      },
    ),
    number("Cache hits", "percentunit", "Of look-ups, 5 minutes", "granary:cache_hits:ratio_rate5m"),
    number("In the cache", "bytes", "Segments on disk", "sum(granary_retrieval_cache_bytes)"),
    number("Buffers free", "short", "For segments", "min(granary_retrieval_segment_buffers_free)", {
      limits: [1, 2],
      isLowBad: true,
    }),
  ),
  row(
    "Reads",
    lines("Outcomes", "ops", "Of reads", [
      query("sum by (outcome) (rate(granary_retrieval_reads_total[$__rate_interval])) > 0", "{{outcome}}"),
    ]),
    lines("First byte, 95 %", "s", "By where the first segment came from", [
      query(quantile(0.95, "granary_retrieval_first_byte_seconds", ["source"]), "{{source}}"),
    ]),
    lines("First byte, median", "s", "By where the first segment came from", [
      query(quantile(0.5, "granary_retrieval_first_byte_seconds", ["source"]), "{{source}}"),
    ]),
    lines("Throughput", "Bps", "To clients", [
      query("sum(rate(granary_retrieval_sent_bytes_total[$__rate_interval]))", "sent"),
    ]),
    lines(
      "Segments",
      "ops",
      "By where they came from",
      [query("sum by (source) (rate(granary_retrieval_segments_total[$__rate_interval]))", "{{source}}")],
      { stacked: true },
    ),
    lines("Cut off", "ops", "Downloads whose client took too little", [
      query("sum(rate(granary_ingest_downloads_cut_total[$__rate_interval]))", "downloads"),
    ]),
    lines("Buffers", "short", "Free, for segments", [
      query("min by (instance) (granary_retrieval_segment_buffers_free)", "{{instance}}"),
    ]),
  ),
  row(
    "Cache",
    lines("Look-ups", "ops", "dropped: found, and not what it should be", [
      query("sum by (outcome) (rate(granary_retrieval_cache_lookups_total[$__rate_interval]))", "{{outcome}}"),
    ]),
    lines("Hits", "percentunit", "Of look-ups", [query("granary:cache_hits:ratio_rate5m", "hits")]),
    lines("Size", "bytes", "On disk", [query("sum by (instance) (granary_retrieval_cache_bytes)", "{{instance}}")]),
  ),
  row(
    "Miners",
    lines("Fragments asked", "ops", "By how it ended", [
      query("sum by (code) (rate(granary_retrieval_fragments_total[$__rate_interval])) > 0", "{{code}}"),
    ]),
    lines("Overtaken", "ops", "Miners that were too slow, and for which others were asked as well", [
      query("sum(rate(granary_retrieval_hedges_total[$__rate_interval]))", "hedges"),
    ]),
    bars("Failures, 24 h", "short", "By code", [
      query('topk(10, sum by (code) (increase(granary_retrieval_fragments_total{code!="ok"}[24h])) > 0)', "{{code}}"),
    ]),
    lines("Evidence", "short", "Wrong fragments put on record", [
      query("sum(increase(granary_retrieval_corrupt_fragments_total[$__rate_interval]))", "fragments"),
    ]),
  ),
);
