import type { DealStore } from "../ports.js";

const BATCH = 100;

/** Takes back columns whose sender or miner has let its time go by. */
export async function passTime(ports: {
  readonly deals: Pick<DealStore, "lapsed" | "tryChange">;
}): Promise<"busy" | "idle"> {
  const lapsed = await ports.deals.lapsed(BATCH);
  for (const uploadId of lapsed) await ports.deals.tryChange(uploadId, (deal) => deal.apply({ kind: "time-passed" }));
  return lapsed.length === BATCH ? "busy" : "idle";
}
