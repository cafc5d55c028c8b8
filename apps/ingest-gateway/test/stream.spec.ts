import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createFilesystemBlobStore } from "@granary/blob-store";
import { cipherKeyOf, decryptSegment, segmentRanges } from "@granary/domain/object";
import { MiB, SEGMENT_BYTES, type UploadId } from "@granary/primitives";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Network, startNetwork } from "./support/network.js";

let network: Network;
let baseline: number;
beforeAll(async () => {
  network = await startNetwork();
  collectGarbage();
  baseline = outside();
});
afterAll(() => network?.stop());

interface Sent {
  readonly status: number;
  readonly uploadId: UploadId;
  readonly data: { fid: string };
  /** Most bytes outside the JavaScript heap at any moment of the transfer, above what there were at the start. */
  readonly peakBytes: number;
}

/** Or what an earlier transfer left would count as there before. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

const outside = () => {
  const { external, arrayBuffers } = process.memoryUsage();
  return Math.max(external, arrayBuffers);
};

/** Sends pieces with back-pressure, and watches the memory of this process, which the gateway runs in too. */
async function send(path: string, headers: Record<string, string>, pieces: Iterable<Uint8Array>): Promise<Sent> {
  collectGarbage();
  let peak = 0;
  const answer = new Promise<Sent>((resolve, reject) => {
    const sending = httpRequest(`${network.url()}${path}`, { method: "PUT", headers }, (response) => {
      let text = "";
      response.on("data", (piece: Buffer) => {
        text += piece.toString();
      });
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          uploadId: response.headers["x-granary-upload"] as UploadId,
          data: (JSON.parse(text) as { data: { fid: string } }).data,
          peakBytes: peak - baseline,
        }),
      );
    });
    sending.on("error", reject);
    void (async () => {
      for (const piece of pieces) {
        peak = Math.max(peak, outside());
        if (!sending.write(piece)) await new Promise((go) => sending.once("drain", go));
      }
      sending.end();
    })();
  });
  return answer;
}

function* repeated(piece: Uint8Array, count: number): Generator<Uint8Array> {
  for (let i = 0; i < count; i += 1) yield piece;
}

const PIECE = randomBytes(MiB);
const COUNT = 256;
/** Room for what is on its way between the sockets and for what the collector has not taken yet. */
const PEAK_MAX = 96 * MiB;

function digestOfRepeated(count: number): string {
  const hash = createHash("sha256");
  for (const piece of repeated(PIECE, count)) hash.update(piece);
  return hash.digest("hex");
}

describe("an upload far larger than the memory it may take", () => {
  it("as the body itself is received in bounded memory", async () => {
    const headers = network.signed({ "content-length": `${COUNT * MiB}` });
    const sent = await send("/object/large.bin", headers, repeated(PIECE, COUNT));
    expect(sent.data.fid).toBe(digestOfRepeated(COUNT));
    expect(sent.peakBytes).toBeLessThan(PEAK_MAX);
  });

  it("in a form, of a length that was not announced, is received in bounded memory", async () => {
    const head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n';
    function* form() {
      yield Buffer.from(head);
      yield* repeated(PIECE, COUNT);
      yield Buffer.from("\r\n--edge--\r\n");
    }
    const headers = network.signed({ "content-type": "multipart/form-data; boundary=edge" });
    const sent = await send("/file", headers, form());
    expect(sent.data.fid).toBe(digestOfRepeated(COUNT));
    expect(sent.peakBytes).toBeLessThan(PEAK_MAX);
  });
});

describe("an upload with a cipher", () => {
  it("is staged as ciphertext that only its cipher opens, counts as its plain size, and leaves no key behind", async () => {
    const cipher = "correct horse battery";
    const count = 33;
    const path = "/object/secret.bin";
    const sent = await send(path, network.signed({ cipher }), repeated(PIECE, count));
    expect(sent.status).toBe(200);
    const row = await network.database.upload.findUniqueOrThrow({ where: { id: sent.uploadId } });
    expect(row).toMatchObject({
      isCipher: true,
      sizeBytes: BigInt(count * MiB),
      stagedBytes: BigInt(2 * SEGMENT_BYTES),
    });
    expect(JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}` : value))).not.toContain(cipher);

    const blobs = await createFilesystemBlobStore({ root: network.stagingDir, reserveBytes: 0 });
    const staged = await blobs.open(sent.uploadId);
    const hash = createHash("sha256");
    for (const [index, { start, end }] of segmentRanges(count * MiB, "cess-cipher").entries()) {
      const segment = new Uint8Array(SEGMENT_BYTES);
      await staged.read(index * SEGMENT_BYTES, segment);
      hash.update(decryptSegment(segment, cipherKeyOf(cipher), { start: 0, end: end - start }));
    }
    await staged.close();
    expect(hash.digest("hex")).toBe(digestOfRepeated(count));
  });

  it("in one chunk that is the whole object is encrypted too", async () => {
    const bytes = Buffer.from("one chunk");
    const headers = network.signed({ cipher: "c", "content-range": `bytes 0-8/9`, "content-length": "9" });
    const sent = await send("/resume/one.txt", headers, [bytes]);
    const row = await network.database.upload.findUniqueOrThrow({ where: { id: sent.uploadId } });
    expect(row).toMatchObject({ isCipher: true, sizeBytes: 9n, stagedBytes: BigInt(SEGMENT_BYTES), kind: "whole" });
  });
});

describe("uploads of one territory", () => {
  it("at the same time cannot together take more space than there is", async () => {
    const segment = 96 * MiB;
    network.others.doesEncode = false;
    await network.database.upload.deleteMany();
    network.others.territory = { remainingBytes: 3 * segment + 1 };
    const put = (i: number) =>
      fetch(`${network.url()}/object/part-${i}.bin?wait=received`, {
        method: "PUT",
        headers: network.signed(),
        body: `object ${i}`,
      });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => put(i)));
    const statuses = answers.map((answer) => answer.status).sort();
    expect(statuses).toEqual([202, 202, 202, 507, 507, 507, 507, 507]);
    expect(await network.database.upload.count({ where: { state: "received" } })).toBe(3);
  });
});
