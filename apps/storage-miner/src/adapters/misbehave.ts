import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { KiB } from "@granary/primitives";
import type { Behaviour } from "../behaviour.js";

/** Sends `sizeBytes` bytes as an honest miner would, or as this one does. Never rejects. */
export async function sendBytes(
  behaviour: Behaviour,
  response: ServerResponse,
  bytes: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<void> {
  if (behaviour.kind !== "endless") response.setHeader("content-length", sizeBytes);
  const left = new AbortController();
  response.once("close", () => left.abort());
  try {
    await pipeline(Readable.from(served(behaviour, bytes, left.signal), { objectMode: false }), response);
  } catch {
    response.destroy();
  }
}

class CutOff extends Error {}

function served(behaviour: Behaviour, bytes: AsyncIterable<Uint8Array>, left: AbortSignal): AsyncIterable<Uint8Array> {
  switch (behaviour.kind) {
    case "slow":
      return throttle(behaviour, bytes);
    case "corrupt":
      return flipped(bytes);
    case "truncate":
      return cut(bytes, behaviour.bytes, () => Promise.reject(new CutOff()));
    case "stall":
      return cut(bytes, behaviour.bytes, () => wait(2 ** 31 - 1, undefined, { signal: left, ref: false }));
    case "endless":
      return repeated(bytes);
    case "honest":
    case "dead":
    case "refuse":
    case "silent":
      return bytes;
  }
}

async function* flipped(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    const wrong = Uint8Array.from(chunk);
    wrong[0] = (wrong[0] ?? 0) ^ 1;
    yield wrong;
  }
}

async function* cut(
  bytes: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  then: () => Promise<unknown>,
): AsyncGenerator<Uint8Array> {
  let rest = sizeBytes;
  for await (const chunk of bytes) {
    if (chunk.length >= rest) {
      yield chunk.subarray(0, rest);
      break;
    }
    rest -= chunk.length;
    yield chunk;
  }
  await then();
}

async function* repeated(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let last: Uint8Array = new Uint8Array(64 * KiB);
  for await (const chunk of bytes) {
    last = chunk;
    yield chunk;
  }
  for (;;) yield last;
}

/** Pieces of this size keep a slow flow even. */
const SLOW_BYTES = 16 * KiB;

/** A slow miner's bytes, in either direction; everybody else's as they come. */
export async function* throttle(behaviour: Behaviour, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (behaviour.kind !== "slow") return yield* bytes;
  await wait(behaviour.latencyMs);
  for await (const chunk of bytes) {
    for (let offset = 0; offset < chunk.length; offset += SLOW_BYTES) {
      const piece = chunk.subarray(offset, offset + SLOW_BYTES);
      yield piece;
      await wait((piece.length / behaviour.bytesPerSecond) * 1000);
    }
  }
}
