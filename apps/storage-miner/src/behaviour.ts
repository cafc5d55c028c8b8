import { FRAGMENT_BYTES } from "@granary/primitives";
import { z } from "zod";

const sentBytes = z.number().int().min(0).max(FRAGMENT_BYTES);

/** How a miner treats those who rely on it. Everything but `honest` exists to be survived by others. */
export const behaviourSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("honest") }),
  /** Not there: nobody listens, open connections are cut, nothing is reported. */
  z.strictObject({ kind: z.literal("dead") }),
  z.strictObject({
    kind: z.literal("slow"),
    bytesPerSecond: z.number().positive().default(1_000_000),
    latencyMs: z.number().min(0).max(600_000).default(0),
  }),
  /** Answers every PUT with an error. */
  z.strictObject({
    kind: z.literal("refuse"),
    code: z.number().int().default(500),
    msg: z.string().max(200).default("system error"),
  }),
  /** Accepts and never reports. */
  z.strictObject({ kind: z.literal("silent") }),
  /** Serves wrong bytes of the right number. */
  z.strictObject({ kind: z.literal("corrupt") }),
  /** Cuts the connection after so many bytes. */
  z.strictObject({ kind: z.literal("truncate"), bytes: sentBytes.default(FRAGMENT_BYTES / 2) }),
  /** Keeps the connection after so many bytes, and sends no more. */
  z.strictObject({ kind: z.literal("stall"), bytes: sentBytes.default(FRAGMENT_BYTES / 2) }),
  /** Never stops sending. */
  z.strictObject({ kind: z.literal("endless") }),
]);

export type Behaviour = z.infer<typeof behaviourSchema>;
export type BehaviourKind = Behaviour["kind"];

export const honest: Behaviour = { kind: "honest" };
