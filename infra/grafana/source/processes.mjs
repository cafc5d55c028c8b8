import { dashboard, lines, query, row } from "./panel.mjs";

const byInstance = "{{service}} {{instance}}";

export default dashboard(
  "processes",
  "Processes",
  "What the services cost: processor, memory, event loop, garbage collection, threads, connections, loops.",
  row(
    "Process",
    lines("Processor", "percentunit", "Of one core", [
      query("sum by (service, instance) (rate(process_cpu_seconds_total[$__rate_interval]))", byInstance),
    ]),
    lines("Memory", "bytes", "Resident", [
      query("sum by (service, instance) (process_resident_memory_bytes)", byInstance),
    ]),
    lines("Heap", "bytes", "Of JavaScript, used; the rest is buffers", [
      query("sum by (service, instance) (nodejs_heap_size_used_bytes)", `${byInstance} heap`),
      query("sum by (service, instance) (nodejs_external_memory_bytes)", `${byInstance} external`),
    ]),
    lines("Event loop, 99 %", "s", "How late it comes to what is due", [
      query("max by (service, instance) (nodejs_eventloop_lag_p99_seconds)", byInstance),
    ]),
    lines("Garbage collection", "percentunit", "Share of time", [
      query("sum by (service, kind) (rate(nodejs_gc_duration_seconds_sum[$__rate_interval]))", "{{service}} {{kind}}"),
    ]),
    lines("Files and sockets", "short", "Open", [query("sum by (service, instance) (process_open_fds)", byInstance)]),
    lines("Up for", "s", "Since the process started", [
      query("time() - max by (service, instance) (process_start_time_seconds)", byInstance),
    ]),
    lines("Draining", "short", "1 while a service is about to end", [
      query("max by (service, instance) (granary_service_draining)", byInstance),
    ]),
  ),
  row(
    "Pools",
    lines("Connections to Postgres", "short", "waiting: work that waits for one", [
      query("sum by (service, state) (granary_database_connections)", "{{service}} {{state}}"),
    ]),
    lines("Tasks of worker threads", "short", "Waiting and running", [
      query("sum by (service, pool, state) (granary_thread_tasks)", "{{service}} {{pool}} {{state}}"),
    ]),
    lines("Threads in use", "percentunit", "Of those that a pool may have", [
      query(
        'sum by (service, pool) (granary_thread_tasks{state="running"}) / sum by (service, pool) (granary_threads)',
        "{{service}} {{pool}}",
      ),
    ]),
  ),
  row(
    "Loops",
    lines("Steps", "ops", "By what they came to", [
      query("sum by (service, outcome) (rate(granary_loop_steps_total[$__rate_interval]))", "{{service}} {{outcome}}"),
    ]),
    lines("Failed steps", "ops", "By loop", [
      query(
        'sum by (service, loop) (rate(granary_loop_steps_total{outcome="failed"}[$__rate_interval])) > 0',
        "{{service}} {{loop}}",
      ),
    ]),
    lines("Unread gauges", "ops", "That were missing from scrapes", [
      query("sum by (service) (rate(granary_scrape_failures_total[$__rate_interval]))", "{{service}}"),
    ]),
  ),
);
