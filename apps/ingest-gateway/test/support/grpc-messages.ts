import type { ServiceError } from "@grpc/grpc-js";

/** Bytes in one message. */
export const PIECE = 256 * 1024;

/** The messages of an upload: its header, the bytes, the end. */
export function* pieces(bytes: Uint8Array, header: object): Generator<object> {
  yield header;
  for (let at = 0; at < bytes.length; at += PIECE) yield { chunk: bytes.subarray(at, at + PIECE) };
  yield { end: {} };
}

/** What a call is refused with. @throws Error where it is not */
export const refusal = (work: Promise<unknown>): Promise<ServiceError> =>
  work.then(
    () => Promise.reject(new Error("it was not refused")),
    (error: ServiceError) => error,
  );
