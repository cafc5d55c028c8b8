import { bars, dashboard, lines, number, quantile, query, row } from "./panel.mjs";

export default dashboard(
  "overview",
  "Overview",
  "Is it well? Who asks how much, how fast is it answered, what goes wrong.",
  row(
    "Now",
    number("Services up", "short", "Processes that answer Prometheus", 'sum(up{job="granary"})', { width: 3 }),
    number("Services down", "short", "Processes that do not", 'count(up{job="granary"} == 0) or vector(0)', {
      limits: [1],
      width: 3,
    }),
    number(
      "Dependencies down",
      "short",
      "Answers that services miss",
      "count(granary_dependency_up == 0) or vector(0)",
      {
        limits: [1],
        width: 3,
      },
    ),
    number(
      "Alerts firing",
      "short",
      "Of the rules in infra/prometheus",
      'count(ALERTS{alertstate="firing"}) or vector(0)',
      {
        limits: [1],
        width: 3,
      },
    ),
    number("Uploads under way", "short", "Neither active nor failed", "sum(max by (state) (granary_ingest_uploads))", {
      width: 3,
    }),
    number(
      "Oldest of them",
      "s",
      "Acknowledged, and not active yet",
      'max(granary_ingest_oldest_upload_seconds{state!="receiving"})',
      {
        limits: [900, 3600],
        width: 3,
      },
    ),
    number("Miners available", "short", "A file needs twelve", 'max(granary_scheduler_miners{standing="available"})', {
      limits: [12, 16],
      isLowBad: true,
      width: 3,
    }),
    number(
      "Behind the chain",
      "s",
      "How long the tables have not had all that is final",
      "min(granary_chain_indexer_finalized_lag_seconds)",
      {
        limits: [30, 120],
        width: 3,
      },
    ),
  ),
  row(
    "HTTP",
    lines("Requests", "reqps", "By service", [
      query("sum by (service) (service:granary_http_requests:rate5m)", "{{service}}"),
    ]),
    lines("Faults of ours", "percentunit", "Share of 5xx; nothing where nobody asks", [
      query("service:granary_http_errors:ratio_rate5m", "{{service}}"),
    ]),
    lines("Duration, 95 %", "s", "Transfers of bodies included", [
      query("service:granary_http_request_seconds:p95_5m", "{{service}}"),
    ]),
    lines(
      "By status",
      "reqps",
      "4xx are the clients', 5xx ours; aborted: the client went first",
      [query("sum by (status) (rate(granary_http_requests_total[$__rate_interval]))", "{{status}}")],
      { stacked: true },
    ),
    lines("In flight", "short", "Requests being received or answered", [
      query("sum by (service) (granary_http_requests_in_flight)", "{{service}}"),
    ]),
    bars("Busiest routes", "reqps", "Of all services", [
      query("topk(10, sum by (service, route) (rate(granary_http_requests_total[5m])))", "{{service}} {{route}}"),
    ]),
  ),
  row(
    "gRPC",
    lines(
      "gRPC calls",
      "reqps",
      "By status; CANCELLED: the client went first",
      [query("sum by (outcome) (rate(granary_grpc_calls_total[$__rate_interval]))", "{{outcome}}")],
      { stacked: true },
    ),
    bars("Busiest gRPC methods", "reqps", "other: health and reflection", [
      query("topk(10, sum by (method) (rate(granary_grpc_calls_total[5m])))", "{{method}}"),
    ]),
    lines("gRPC call, 95 %", "s", "From its metadata to its status, watches and transfers included", [
      query(`${quantile(0.95, "granary_grpc_call_seconds", ["method"])} > 0`, "{{method}}"),
    ]),
  ),
  row(
    "Between services",
    lines("Questions over NATS", "reqps", "By who asks", [
      query("sum by (service) (rate(granary_nats_calls_total[$__rate_interval]))", "{{service}}"),
    ]),
    lines("Failed questions", "percentunit", "No answer, or a fault for an answer", [
      query("service:granary_nats_failures:ratio_rate5m", "{{service}}"),
    ]),
    lines("Until the answer, 95 %", "s", "As the one who asks sees it", [
      query("service:granary_nats_call_seconds:p95_5m", "{{service}}"),
    ]),
    lines("Answers", "reqps", "By question and outcome", [
      query(
        "sum by (request, outcome) (rate(granary_nats_requests_total[$__rate_interval])) > 0",
        "{{request}} {{outcome}}",
      ),
    ]),
    lines("Answering, 95 %", "s", "By question, at the one who answers", [
      query(`${quantile(0.95, "granary_nats_request_seconds", ["request"])} > 0`, "{{request}}"),
    ]),
    lines("Dependencies", "short", "1 where what a service needs answers", [
      query("min by (service, dependency) (granary_dependency_up)", "{{service}} → {{dependency}}"),
    ]),
  ),
);
