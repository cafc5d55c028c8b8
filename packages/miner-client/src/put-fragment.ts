import { randomUUID } from "node:crypto";
import { type Fid, FRAGMENT_BYTES, type FragmentHash, KiB, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import { currentTrace } from "@granary/telemetry";
import { readEnvelope, refusalOf } from "./envelope.js";
import { MinerError } from "./errors.js";
import { type Exchange, exchange, readShort, type Wire } from "./exchange.js";
import { type Signer, signHeaders } from "./sign-headers.js";

export interface PutFragment {
  readonly endpoint: string;
  readonly fid: Fid;
  readonly fragment: FragmentHash;
  /** The fragment's bytes, not to be changed until the call ends. Not needed, and not sent, for the fragment of zeros. */
  readonly bytes?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/** Views of the fragment of this size go to the socket one after another: small enough to see the pace, none is a copy. */
const SEND_BYTES = 256 * KiB;

/** @throws MinerError */
export async function putFragment(
  wire: Wire,
  signer: Signer,
  answerTimeoutMs: number,
  request: PutFragment,
): Promise<void> {
  const { fid, fragment, bytes } = request;
  const isZero = fragment === ZERO_FRAGMENT_HASH;
  if (!isZero && bytes?.length !== FRAGMENT_BYTES) {
    throw new MinerError("FRAGMENT_SIZE_INVALID", "a fragment has one size only", { sizeBytes: bytes?.length ?? 0 });
  }
  const form = isZero || bytes === undefined ? { headers: { "content-length": "0" } } : fileForm(fragment, bytes);
  await exchange(
    wire,
    {
      endpoint: request.endpoint,
      method: "PUT",
      path: "/fragment",
      answerTimeoutMs,
      signal: request.signal,
      ...form,
      headers: { ...(await signHeaders(signer, fid, fragment)), ...traceHeader(), ...form.headers },
    },
    async (answer) => {
      const envelope = readEnvelope(await readShort(answer));
      if (answer.status !== 200 || envelope?.code !== 200) throw refusalOf(answer.status, envelope);
    },
  );
}

/** Ids of ours and nothing else; a miner that does not know the header passes it over. */
function traceHeader(): Record<string, string> {
  const traceparent = currentTrace();
  return traceparent === undefined ? {} : { traceparent };
}

/** multipart/form-data with the one field `file`. */
function fileForm(fragment: FragmentHash, bytes: Uint8Array): Pick<Exchange, "headers" | "body"> {
  const boundary = `granary-${randomUUID()}`;
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${fragment}"\r\n` +
      "Content-Type: application/octet-stream\r\n\r\n",
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": String(head.length + bytes.length + tail.length),
    },
    body: async function* (startPace) {
      const pace = startPace();
      yield head;
      for (let offset = 0; offset < bytes.length; offset += SEND_BYTES) {
        const view = bytes.subarray(offset, offset + SEND_BYTES);
        yield view;
        // Asked for the next one: the socket has taken this one.
        pace.moved(view.length);
      }
      yield tail;
    },
  };
}
