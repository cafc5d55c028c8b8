import type { z } from "zod";

export const services = ["ingest-gateway", "preprocessor", "scheduler", "chain-indexer", "retrieval"] as const;
export type Service = (typeof services)[number];

/** A fact that one service announces and others act on: at least once, in no order. */
export interface EventContract<P extends Service, C extends readonly Service[], S extends z.ZodType> {
  readonly kind: "event";
  /** granary.<noun>.<past tense>.v<n> */
  readonly subject: string;
  readonly producer: P;
  readonly consumers: C;
  readonly schema: S;
}

/** A question that one service answers now, or an order that it carries out now. */
export interface RequestContract<S extends Service, I extends z.ZodType, O extends z.ZodType> {
  readonly kind: "request";
  /** granary.<noun>.<verb>.v<n> */
  readonly subject: string;
  readonly server: S;
  readonly input: I;
  readonly output: O;
  /** How long a caller waits. */
  readonly timeoutMs: number;
}

export const event = <const P extends Service, const C extends readonly Service[], S extends z.ZodType>(
  contract: Omit<EventContract<P, C, S>, "kind">,
): EventContract<P, C, S> => ({ kind: "event", ...contract });

export const request = <const S extends Service, I extends z.ZodType, O extends z.ZodType>(
  contract: Omit<RequestContract<S, I, O>, "kind">,
): RequestContract<S, I, O> => ({ kind: "request", ...contract });
