import type { Log } from "@granary/telemetry";

/** Renewals within one lease, so that one or two may fail. */
const RENEWALS_PER_LEASE = 4;

/** Calls `renew` again and again until stopped. A lease that is lost shows when the holder writes. */
export function keepLease(options: { leaseMs: number; renew: () => Promise<unknown>; log: Log }): { stop(): void } {
  const timer = setInterval(() => {
    options.renew().catch((error: unknown) => options.log.thrown("a lease could not be renewed", error));
  }, options.leaseMs / RENEWALS_PER_LEASE);
  return { stop: () => clearInterval(timer) };
}
