import type { Register } from "@granary/telemetry";

/** Answers whether a dependency works now; throws or rejects with the reason when not. */
export type HealthCheck = () => Promise<void>;

export interface Health {
  /** The process works at all. */
  live(): { status: "ok" };
  /** Every dependency answers and the service is not draining. */
  ready(): Promise<{ ok: boolean; checks: Record<string, string> }>;
  /** All that the service starts is started. */
  started(): void;
  /** Started, and every dependency has answered once: from then on yes, whatever becomes of them. */
  startup(): Promise<{ ok: boolean; checks: Record<string, string> }>;
  /** From now on the service is not ready: it takes no new work. */
  drain(): void;
  /** Shows the same in metrics. */
  observe(register: Register): void;
}

const CHECK_TIMEOUT_MS = 3_000;

export function createHealth(checks: Readonly<Record<string, HealthCheck>>): Health {
  let isDraining = false;
  let isStarted = false;
  let wasReady = false;
  const outcomes = () =>
    Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check)] as const));
  return {
    live: () => ({ status: "ok" }),
    drain: () => {
      isDraining = true;
    },
    started: () => {
      isStarted = true;
    },
    async startup() {
      if (wasReady) return { ok: true, checks: {} };
      const checks = Object.fromEntries(await outcomes());
      wasReady = isStarted && Object.values(checks).every((outcome) => outcome === "ok");
      return { ok: wasReady, checks };
    },
    async ready() {
      const results = await outcomes();
      const all = Object.fromEntries(isDraining ? [...results, ["draining", "yes"] as const] : results);
      return { ok: !isDraining && results.every(([, outcome]) => outcome === "ok"), checks: all };
    },
    observe(register) {
      register.gauge<"granary_dependency_up", { dependency: string }>({
        name: "granary_dependency_up",
        help: "1 where what the service needs answers to it",
        labels: { dependency: Object.keys(checks) },
        collect: async (gauge) => {
          for (const [dependency, outcome] of await outcomes()) gauge.set({ dependency }, outcome === "ok" ? 1 : 0);
        },
      });
      register.gauge({
        name: "granary_service_draining",
        help: "1 while the service takes no new work because it is about to end",
        collect: (gauge) => gauge.set({}, isDraining ? 1 : 0),
      });
    },
  };
}

async function outcomeOf(check: HealthCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([check(), timeout]);
    return "ok";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
