import { asCodedError } from "@granary/primitives";
import type { MinerGate, MinerPool } from "../ports.js";

const BATCH = 20;

/**
 * Asks miners whose rest is over whether they are there. One that does not answer rests again, longer; one that does may
 * take a single column, and is back in full use when it has reported it.
 */
export async function probeMiners(ports: {
  readonly miners: Pick<MinerPool, "dueProbes" | "judge" | "markProbed">;
  readonly gate: Pick<MinerGate, "ping">;
}): Promise<"busy" | "idle"> {
  const due = await ports.miners.dueProbes(BATCH);
  await Promise.all(
    due.map(async ({ account, endpoint }) => {
      try {
        await ports.gate.ping(endpoint);
        await ports.miners.markProbed(account);
      } catch (thrown) {
        await ports.miners.judge(account, { kind: "probe-failed", code: asCodedError(thrown).code });
      }
    }),
  );
  return due.length === BATCH ? "busy" : "idle";
}
