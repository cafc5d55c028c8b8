/** What is asked of a call to know when its client has left. */
export interface Leavable {
  readonly cancelled: boolean;
  once(event: "cancelled", listener: () => void): unknown;
}

/** Aborted when the call's client is gone, or its deadline is over. */
export function goneSignal(call: Leavable): AbortSignal {
  const gone = new AbortController();
  const leave = () => gone.abort(new Error("the client is gone"));
  if (call.cancelled) leave();
  else call.once("cancelled", leave);
  return gone.signal;
}
