import { CodedError } from "@granary/primitives";

/** A body that tells afterwards how many bytes it had. */
export interface CountedBody extends AsyncIterable<Uint8Array> {
  readonly bytes: number;
}

/** @throws CodedError OBJECT_TOO_LARGE (invalid), while it is read, at the first byte beyond `limitBytes` */
export function countBytes(body: AsyncIterable<Uint8Array>, limitBytes: number): CountedBody {
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    async *[Symbol.asyncIterator]() {
      for await (const chunk of body) {
        bytes += chunk.length;
        if (bytes > limitBytes) {
          throw new CodedError("OBJECT_TOO_LARGE", "invalid", `an object has at most ${limitBytes} bytes`, {
            limitBytes,
          });
        }
        yield chunk;
      }
    },
  };
}
