import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { alternate, cpuMs, defineBench } from "@granary/bench";
import { chunkSpanOf, dataKeyOf, packRuns, prefixesOf } from "@granary/domain/encryption";
import { cipherKeyOf, decryptSegment, plainBytesPerSegment } from "@granary/domain/object";
import { KiB, MiB } from "@granary/primitives";
import { decryptChunks, encryptChunks } from "../src/body/chunks.js";
import { encryptBody } from "../src/body/encrypt.js";

const ROUNDS = 7;
/** What a socket gives at a time. */
const PIECE_BYTES = 64 * KiB;
const SIZE = plainBytesPerSegment["aes-gcm"];

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A segment's worth of a body, through what the gateway does to it while it streams. */
async function prepare() {
  const plain = randomBytes(SIZE);
  const [key, prefix, cipherKey] = [dataKeyOf(randomBytes(32)), randomBytes(7), cipherKeyOf("123456")];
  const encrypt = () => encryptChunks(piecesOf(plain), key, { prefix, firstChunk: 0, endsObject: true });
  const stored = await collect(encrypt());
  const prefixOf = prefixesOf(packRuns([{ firstChunk: 0, prefix }]));
  const span = chunkSpanOf({ start: 0, end: SIZE }, SIZE);
  const decrypt = () => decryptChunks(piecesOf(stored), key, prefixOf, span);
  if (!(await collect(decrypt())).equals(plain)) throw new Error("what was encrypted does not come back");
  const segment = (await collect(encryptBody(piecesOf(plain), cipherKey))) as Uint8Array;
  return {
    hash: async () => {
      const hash = createHash("sha256");
      for await (const piece of piecesOf(plain)) hash.update(piece);
      hash.digest();
    },
    gcmEncrypt: () => drain(encrypt()),
    gcmDecrypt: () => drain(decrypt()),
    gcmAtOnce: () => {
      const cipher = createCipheriv("aes-256-gcm", key, Buffer.alloc(12, 1));
      cipher.update(plain);
      cipher.final();
    },
    cipherEncrypt: () => drain(encryptBody(piecesOf(plain), cipherKey)),
    cipherDecrypt: () => void decryptSegment(segment, cipherKey, { start: 0, end: SIZE }),
  };
}

export default defineBench({
  names: [
    "encryption.aes-gcm.encrypt",
    "encryption.aes-gcm.decrypt",
    "encryption.cess-cipher.encrypt",
    "encryption.cess-cipher.decrypt",
    "encryption.aes-gcm.chunks-vs-one-call",
  ],
  about:
    "one segment through each encryption mode on one thread; ratios to hashing the same bytes with SHA-256; processor time",
  async run({ record, compare }) {
    const work = await prepare();
    const measured = await alternate(ROUNDS, {
      hash: () => cpuMs(work.hash),
      gcmEncrypt: () => cpuMs(work.gcmEncrypt),
      gcmDecrypt: () => cpuMs(work.gcmDecrypt),
      gcmAtOnce: () => cpuMs(work.gcmAtOnce),
      cipherEncrypt: () => cpuMs(work.cipherEncrypt),
      cipherDecrypt: () => cpuMs(work.cipherDecrypt),
    });
    const speeds = (ms: readonly number[]) => ms.map((one) => SIZE / MiB / (one / 1000));
    const ratioToHash = (ms: readonly number[]) => {
      const ratios = ms.map((one, round) => (measured.hash[round] as number) / one).sort((a, b) => a - b);
      return ratios[Math.floor(ratios.length / 2)] as number;
    };
    for (const [name, ms] of [
      ["encryption.aes-gcm.encrypt", measured.gcmEncrypt],
      ["encryption.aes-gcm.decrypt", measured.gcmDecrypt],
      ["encryption.cess-cipher.encrypt", measured.cipherEncrypt],
      ["encryption.cess-cipher.decrypt", measured.cipherDecrypt],
    ] as const) {
      record(name, "MiB/s", speeds(ms), ratioToHash(ms));
    }
    compare("encryption.aes-gcm.chunks-vs-one-call", measured.gcmEncrypt, measured.gcmAtOnce);
  },
});
