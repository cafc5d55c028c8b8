import { bars, dashboard, lines, number, quantile, query, row } from "./panel.mjs";

const stages = (share) => quantile(share, "granary_ingest_upload_stage_seconds", ["stage"]);

export default dashboard(
  "uploads",
  "Uploads and durability",
  "From the first byte to the active file: what is where, for how long, and what does not get through.",
  row(
    "Now",
    number("Bytes received", "Bps", "Bodies, as they come", "sum(rate(granary_ingest_received_bytes_total[5m]))"),
    number("Bodies in flight", "short", "Being received now", "sum(granary_ingest_bodies_in_flight)"),
    number("Staged", "bytes", "Acknowledged, not released: not final on chain yet", "max(granary_ingest_staged_bytes)"),
    number("Room to stage", "bytes", "Above what is kept in reserve", "min(granary_ingest_staging_free_bytes)", {
      limits: [20 * 1024 ** 3, 60 * 1024 ** 3],
      isLowBad: true,
    }),
    number(
      "Failed, 24 h",
      "short",
      "Acknowledged uploads that cannot become files",
      'sum(increase(granary_ingest_upload_stage_seconds_count{stage="failed"}[24h]))',
      {
        limits: [1],
      },
    ),
    number(
      "Active, 24 h",
      "short",
      "Uploads that became files",
      'sum(increase(granary_ingest_upload_stage_seconds_count{stage="active"}[24h]))',
    ),
  ),
  row(
    "Every durable state",
    lines(
      "Uploads by state",
      "short",
      "Neither active nor failed",
      [query("max by (state) (granary_ingest_uploads)", "{{state}}")],
      { stacked: true },
    ),
    lines("Longest in its state", "s", "By state; receiving may last as long as the client likes", [
      query('max by (state) (granary_ingest_oldest_upload_seconds{state!="receiving"})', "{{state}}"),
    ]),
    lines("Until each stage, 95 %", "s", "From the last byte", [query(stages(0.95), "{{stage}}")]),
    lines("Until each stage, median", "s", "From the last byte", [query(stages(0.5), "{{stage}}")]),
    lines("Stages reached", "ops", "Uploads that came to a stage", [
      query("sum by (stage) (rate(granary_ingest_upload_stage_seconds_count[$__rate_interval]))", "{{stage}}"),
    ]),
    lines("Staged bytes", "bytes", "And the room that is left", [
      query("max(granary_ingest_staged_bytes)", "staged"),
      query("min(granary_ingest_staging_free_bytes)", "free"),
    ]),
  ),
  row(
    "Coming in",
    lines("Throughput", "Bps", "Bytes of bodies", [
      query("sum(rate(granary_ingest_received_bytes_total[$__rate_interval]))", "received"),
    ]),
    lines(
      "Attempts to upload",
      "ops",
      "By how they ended",
      [query("sum by (outcome) (rate(granary_ingest_upload_attempts_total[$__rate_interval])) > 0", "{{outcome}}")],
      { stacked: true },
    ),
    bars("Refusals, 24 h", "short", "By code", [
      query(
        'topk(10, sum by (outcome) (increase(granary_ingest_upload_attempts_total{outcome!="RECEIVED"}[24h])) > 0)',
        "{{outcome}}",
      ),
    ]),
  ),
  row(
    "Encoding",
    lines(
      "Encodings by state",
      "short",
      "Not ended",
      [query("max by (state) (granary_preprocessor_encodings)", "{{state}}")],
      { stacked: true },
    ),
    lines("Oldest encoding", "s", "Since the upload came to the preprocessor", [
      query("max by (state) (granary_preprocessor_oldest_encoding_seconds)", "{{state}}"),
    ]),
    lines("Attempts", "ops", "By how they ended", [
      query("sum by (outcome) (rate(granary_preprocessor_encodings_total[$__rate_interval]))", "{{outcome}}"),
    ]),
    lines("Segments", "ops", "Encoded and hashed, by what did it: a native engine, or node:crypto beside a codec", [
      query("sum by (engine) (rate(granary_preprocessor_segments_total[$__rate_interval])) > 0", "{{engine}}"),
    ]),
    lines("One segment, 95 %", "s", "Erasure coding, and hashing", [
      query(quantile(0.95, "granary_preprocessor_segment_encode_seconds"), "encode"),
      query(quantile(0.95, "granary_preprocessor_segment_hash_seconds"), "hash"),
    ]),
    lines("Errors", "ops", "By code, and whether they are tried again", [
      query(
        "sum by (code, outcome) (rate(granary_preprocessor_failures_total[$__rate_interval])) > 0",
        "{{code}} {{outcome}}",
      ),
    ]),
    lines("Segment buffers", "short", "In use", [query("sum(granary_preprocessor_segment_buffers)", "in use")]),
  ),
);
