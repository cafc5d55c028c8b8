import type { Register } from "@granary/telemetry";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";

const statusClasses = ["2xx", "3xx", "4xx", "5xx"] as const;
type StatusClass = (typeof statusClasses)[number];
/** What no route matches: its path is the client's invention, and no label. */
const OTHER = "other";
/** What Kubernetes and Prometheus ask all the time would hide the rest. */
const quiet = new Set(["/live", "/ready", "/startup", "/metrics"]);

/** Counts and times every request of every route, by the route's template. Call before the routes are made. */
export function observeHttp(app: NestFastifyApplication, register: Register): void {
  const server = app.getHttpAdapter().getInstance();
  const routes = new Set([OTHER]);
  server.addHook("onRoute", ({ url, method }) => {
    if (method !== "HEAD" && !quiet.has(url)) routes.add(url);
  });
  let metrics: ReturnType<typeof createHttpMetrics> | undefined;
  server.addHook("onReady", async () => {
    metrics = createHttpMetrics(register, [...routes].sort());
  });
  server.addHook("onRequest", async (request, reply) => {
    const url = request.routeOptions.url ?? OTHER;
    if (quiet.has(url)) return;
    metrics?.inFlight.add({}, 1);
    // Not onResponse: a connection that breaks has none.
    reply.raw.once("close", () => {
      const route = routes.has(url) ? url : OTHER;
      metrics?.inFlight.add({}, -1);
      metrics?.seconds.observe({ route }, reply.elapsedTime / 1000);
      metrics?.requests.add({ route, status: reply.raw.headersSent ? classOf(reply.statusCode) : "aborted" });
    });
  });
}

/** The metrics of HTTP with these routes. */
export function createHttpMetrics(register: Register, routes: readonly string[]) {
  return {
    requests: register.counter<{ route: string; status: StatusClass | "aborted" }>({
      name: "granary_http_requests_total",
      help: "HTTP requests by route and class of status; aborted: the client went before an answer began",
      labels: { route: routes, status: [...statusClasses, "aborted"] },
    }),
    seconds: register.histogram<{ route: string }>({
      name: "granary_http_request_seconds",
      help: "From the first byte of an HTTP request to the last of its answer",
      buckets: [0.005, 0.025, 0.1, 0.25, 1, 5, 30, 120, 600],
      labels: { route: routes },
    }),
    inFlight: register.gauge({
      name: "granary_http_requests_in_flight",
      help: "HTTP requests that are being received or answered now",
    }),
  };
}

const classOf = (status: number): StatusClass =>
  status < 300 ? "2xx" : status < 400 ? "3xx" : status < 500 ? "4xx" : "5xx";
