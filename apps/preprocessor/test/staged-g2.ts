import { readFileSync } from "node:fs";
import type { BlobStore } from "@granary/blob-store";
import { MiB, type UploadId } from "@granary/primitives";

export interface GoldenCase {
  readonly name: string;
  readonly sizeBytes: number;
  readonly fid: string;
  readonly segments: readonly { readonly hash: string; readonly fragments: readonly string[] }[];
}

export const goldenCases: readonly GoldenCase[] = JSON.parse(
  readFileSync(new URL("./vectors/g2.json", import.meta.url), "utf8"),
).cases;

export const goldenCase = (name: string): GoldenCase => {
  const found = goldenCases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
};

/** Under jest a global is looked up a hundred times slower than a constant. */
const imul = Math.imul;

/** The generator of the vectors: the top byte of each state of a linear congruence. */
function g2(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = 1;
  for (let i = 0; i < sizeBytes; i += 1) {
    state = (imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Every vector is a beginning of the longest. */
const longest = g2(Math.max(...goldenCases.map(({ sizeBytes }) => sizeBytes)));

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Stages a vector in parts of an odd length, so that segments lie across parts. */
export async function stageG2(staging: BlobStore, uploadId: UploadId, sizeBytes: number): Promise<void> {
  const partBytes = 11 * MiB + 4321;
  for (let index = 0; index * partBytes < sizeBytes; index += 1) {
    const part = longest.subarray(index * partBytes, Math.min((index + 1) * partBytes, sizeBytes));
    await staging.writePart({ uploadId, index, body: once(part), maxBytes: partBytes });
  }
}
