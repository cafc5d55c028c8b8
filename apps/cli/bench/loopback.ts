import { readFile, writeFile } from "node:fs/promises";
import { errorOf, readEnvelope } from "@granary/sdk";
import type { NetworkOptions } from "@granary/testnet";
import { type Stage, setStage, TERRITORY } from "../test/harness.js";
import { expectRandomBytes, randomBytes } from "./random-bytes.js";

/** What bytes pass through between a client and the miners, both of which are not ours. */
const services = ["ingest-gateway", "preprocessor", "scheduler", "retrieval"] as const;
export type ServicePeaks = Readonly<Record<(typeof services)[number], number>>;

/** The real services, a development chain and twelve storage miners, on loopback, driven over HTTP. */
export interface Loopback extends Stage {
  /** Stores so many bytes and waits until the file is active and nothing is staged any more: only miners have it then. */
  store(
    name: string,
    sizeBytes: number,
    key: number,
  ): Promise<{ fid: string; acknowledgedMs: number; activeMs: number }>;
  /** Reads the whole file, compares every byte, and says how long it took to the first byte and to the last. */
  fetch(fid: string, sizeBytes: number, key: number): Promise<{ firstByteMs: number; wholeMs: number }>;
  /** Forgets the peaks so far. */
  resetPeaks(): Promise<void>;
  /** MiB of resident memory of each service at its largest since then. Linux only. */
  peaks(): Promise<ServicePeaks>;
}

export async function openLoopback(name: string, options: Partial<NetworkOptions> = {}): Promise<Loopback> {
  const stage = await setStage(name, { minerCount: 12, ...options });
  const { gateway, signer, network } = stage;

  async function send(objectName: string, sizeBytes: number, key: number): Promise<string> {
    const response = await gateway.send(`/object/${objectName}`, {
      method: "PUT",
      signer,
      headers: {
        Territory: TERRITORY,
        "Content-Type": "application/octet-stream",
        "Content-Length": String(sizeBytes),
        Prefer: "respond-async",
      },
      body: randomBytes(sizeBytes, key),
    });
    const envelope = await readEnvelope(response);
    if (!response.ok) throw errorOf(response, envelope);
    const { uploadId } = (envelope?.data ?? {}) as { uploadId?: string };
    if (uploadId === undefined) throw new Error("the gateway did not say which upload this is");
    return uploadId;
  }

  const pidOf = (service: (typeof services)[number]) => network.services[service].pid as number;
  return {
    ...stage,
    async store(objectName, sizeBytes, key) {
      const startedAt = performance.now();
      const uploadId = await send(objectName, sizeBytes, key);
      const acknowledgedMs = performance.now() - startedAt;
      const { fid } = await stage.waitFor(uploadId, "active");
      const activeMs = performance.now() - startedAt;
      if (fid === null || !(await stage.nothingStaged())) throw new Error("the gateway keeps staged bytes");
      return { fid, acknowledgedMs, activeMs };
    },
    async fetch(fid, sizeBytes, key) {
      const startedAt = performance.now();
      const response = await gateway.send(`/file/download/${fid}`);
      if (!response.ok || response.body === null) throw errorOf(response, await readEnvelope(response));
      let firstByteMs = 0;
      const body = response.body;
      async function* timed() {
        for await (const chunk of body) {
          if (firstByteMs === 0) firstByteMs = performance.now() - startedAt;
          yield chunk;
        }
      }
      await expectRandomBytes(timed(), sizeBytes, key);
      return { firstByteMs, wholeMs: performance.now() - startedAt };
    },
    async resetPeaks() {
      for (const service of services) await writeFile(`/proc/${pidOf(service)}/clear_refs`, "5");
    },
    async peaks() {
      const peakOf = async (service: (typeof services)[number]) => {
        const status = await readFile(`/proc/${pidOf(service)}/status`, "utf8");
        return [service, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024] as const;
      };
      return Object.fromEntries(await Promise.all(services.map(peakOf))) as ServicePeaks;
    },
  };
}

export const sumOf = (peaks: ServicePeaks): number => Object.values(peaks).reduce((sum, one) => sum + one, 0);
