import { headers, type MsgHdrs } from "@nats-io/transport-node";

/** By the name that W3C gives it, so that consumers outside understand it too. */
const TRACEPARENT = "traceparent";

export function traceHeaders(trace: string | undefined): MsgHdrs {
  const all = headers();
  if (trace !== undefined) all.set(TRACEPARENT, trace);
  return all;
}

export const traceOf = (all: Pick<MsgHdrs, "get"> | undefined): string | undefined =>
  all?.get(TRACEPARENT) || undefined;
