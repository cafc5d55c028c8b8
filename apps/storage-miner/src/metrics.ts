import type { Register } from "@granary/telemetry";

/** All miners of a process together. */
export function createMinerMetrics(register: Register) {
  return {
    puts: register.counter<{ outcome: "accepted" | "refused" }>({
      name: "granary_miner_puts_total",
      help: "Fragments offered to the miners of this process, by outcome",
      labels: { outcome: ["accepted", "refused"] },
    }),
    gets: register.counter<{ outcome: "served" | "refused" }>({
      name: "granary_miner_gets_total",
      help: "Fragments asked of the miners of this process, by outcome",
      labels: { outcome: ["served", "refused"] },
    }),
    reports: register.counter<{ outcome: "reported" | "lost" }>({
      name: "granary_miner_reports_total",
      help: "Columns reported on chain, and columns that another miner was first to report",
      labels: { outcome: ["reported", "lost"] },
    }),
  };
}

export type MinerMetrics = ReturnType<typeof createMinerMetrics>;
