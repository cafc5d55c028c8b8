import { createCipheriv, createHash } from "node:crypto";
import { type RequestName, requests } from "@granary/contracts";
import { type CipherKey, encryptSegment, fidOf, plainBytesPerSegment } from "@granary/domain/object";
import { createCodec } from "@granary/erasure";
import type { Responder } from "@granary/messaging";
import { type AccountId, type Fid, type FragmentHash, SEGMENT_BYTES, type SegmentHash } from "@granary/primitives";
import { type Service, startService } from "@granary/service-runtime";
import { createRegister, silentLog } from "@granary/telemetry";
import { FakeMiner } from "./fake-miner.js";

export interface StoredObject {
  readonly fid: Fid;
  readonly content: Buffer;
  readonly segments: { hash: SegmentHash; fragments: FragmentHash[] }[];
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const accountOf = (i: number) => `cXfake${i.toString().padStart(2, "0")}${"x".repeat(41)}` as AccountId;

/** The same bytes for the same seed. */
export function contentOf(seed: string, sizeBytes: number): Buffer {
  const key = createHash("sha256").update(seed).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

/** Twelve miners, and what the other services would say: the chain, the gateway, the preprocessor. */
export class FakeNetwork {
  readonly miners: FakeMiner[] = [];
  /** Objects that the chain knows. */
  readonly onChain = new Map<string, StoredObject>();
  readonly staged = new Map<string, { uploadId: string; object: StoredObject }>();
  private readonly fragments: Map<string, Uint8Array>[] = Array.from({ length: 12 }, () => new Map());
  private service: Service | undefined;

  async start(natsUrl: string): Promise<void> {
    for (const [i, held] of this.fragments.entries()) this.miners.push(await FakeMiner.start(accountOf(i), held));
    this.service = await startService(
      {
        name: "fakes",
        http: { host: "127.0.0.1", port: 0 },
        natsUrl,
        stopping: { DRAIN_PAUSE: 0, EXIT_GRACE: 10_000 },
        log: silentLog,
        register: createRegister({ service: "fakes", processMetrics: false }),
        responders: this.responders(),
        checks: {},
      },
      [],
    );
  }

  async stop(): Promise<void> {
    await this.service?.stop();
    for (const miner of this.miners) await miner.stop();
  }

  /** Encodes content and gives each miner its column. */
  async store(content: Buffer, key?: CipherKey): Promise<StoredObject> {
    const codec = await createCodec();
    const capacity = plainBytesPerSegment[key === undefined ? "none" : "cess-cipher"];
    const segments: StoredObject["segments"] = [];
    for (let from = 0; from < content.length; from += capacity) {
      const plain = content.subarray(from, from + capacity);
      const segment = key === undefined ? new Uint8Array(SEGMENT_BYTES) : encryptSegment(plain, key);
      if (key === undefined) segment.set(plain);
      const fragments = codec.encode(segment).map((fragment, column) => {
        const hash = sha256(fragment) as FragmentHash;
        this.fragments[column]?.set(hash, fragment);
        return hash;
      });
      segments.push({ hash: sha256(segment) as SegmentHash, fragments });
    }
    const object = { fid: fidOf(segments.map(({ hash }) => hash)), content, segments };
    this.onChain.set(object.fid, object);
    return object;
  }

  /** All behave, and nothing was asked yet. */
  reset(): void {
    for (const miner of this.miners) miner.behaviour = "good";
    this.forgetAsked();
    this.staged.clear();
  }

  forgetAsked(): void {
    for (const miner of this.miners) miner.asked.clear();
  }

  fragmentOf(row: number, hash: string): Uint8Array {
    const held = this.fragments[row]?.get(hash);
    if (held === undefined) throw new Error(`miner ${row} does not hold ${hash}`);
    return held;
  }

  asked(): number {
    return this.miners.reduce((sum, { asked }) => sum + [...asked.values()].reduce((a, b) => a + b, 0), 0);
  }

  private responders(): Responder[] {
    const answer = <K extends RequestName>(name: K, data: (input: never) => unknown): Responder => ({
      name,
      subject: requests[name].subject,
      answer: async (payload) => ({ ok: true, data: data(payload as never) }),
    });
    return [
      answer("chainFileShow", ({ fid }: { fid: string }) => ({ file: this.showFile(fid) })),
      answer("chainFileSegments", ({ fid, from, count }: { fid: string; from: number; count: number }) => ({
        segments: (this.onChain.get(fid)?.segments ?? []).slice(from, from + count).map(({ hash, fragments }) => ({
          hash,
          fragments: fragments.map((one, i) => ({ hash: one, miner: this.miners[i]?.account, isAvailable: true })),
        })),
      })),
      answer("chainMinersFind", ({ accounts }: { accounts: string[] }) => ({
        miners: this.miners.filter(({ account }) => accounts.includes(account)).map(minerOnChain),
      })),
      answer("stagedObjectFind", ({ fid }: { fid: string }) => ({ staged: this.showStaged(fid) })),
      answer("manifestSegments", ({ uploadId, from, count }: { uploadId: string; from: number; count: number }) => {
        const found = [...this.staged.values()].find((one) => one.uploadId === uploadId);
        const all = found?.object.segments.map((segment, index) => ({ index, ...segment })) ?? [];
        return { segments: all.slice(from, from + count), segmentCount: all.length };
      }),
    ];
  }

  private showFile(fid: string) {
    const object = this.onChain.get(fid);
    if (object === undefined) return null;
    const { segments, content } = object;
    const file = { fid, state: "active", sizeBytes: content.length, segmentCount: segments.length };
    return { ...file, completedBlock: 1, owners: [] };
  }

  private showStaged(fid: string) {
    const found = this.staged.get(fid);
    if (found === undefined) return null;
    const sizeBytes = found.object.content.length;
    return { uploadId: found.uploadId, sizeBytes, stagedBytes: sizeBytes, isCipher: false };
  }
}

const minerOnChain = ({ account, endpoint }: FakeMiner) => ({
  account,
  state: "positive",
  endpoint,
  idleBytes: 0,
  serviceBytes: 0,
  lockedBytes: 0,
  declaredBytes: 0,
  updatedBlock: 1,
});
