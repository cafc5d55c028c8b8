import type { OutputOf } from "@granary/contracts";
import type { Ports } from "../ports.js";

export interface Queues extends OutputOf<"dealQueues"> {
  readonly uploads: readonly { readonly state: string; readonly count: number; readonly oldestStep: Date | null }[];
}

/** Jobs that wait and run, uploads that are neither active nor failed by state, and whether placing is paused. */
export async function showQueues({ request, database }: Pick<Ports, "request" | "database">): Promise<Queues> {
  const [encoding, deals, uploads] = await Promise.all([
    request("encodingQueues", {}),
    request("dealQueues", {}),
    database.upload.groupBy({
      by: ["state"],
      where: { state: { notIn: ["active", "failed"] } },
      _count: true,
      _min: { updatedAt: true },
    }),
  ]);
  return {
    queues: [...encoding.queues, ...deals.queues],
    placementPause: deals.placementPause,
    uploads: uploads.map(({ state, _count, _min }) => ({ state, count: _count, oldestStep: _min.updatedAt })),
  };
}
