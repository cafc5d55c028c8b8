import type { MinerClient } from "@granary/miner-client";
import { FRAGMENT_BYTES } from "@granary/primitives";
import type { FragmentSource } from "../ports.js";

/** Fragments by the miner client, which checks each against its hash, into buffers that are used again. */
export function createMinerFragments(client: Pick<MinerClient, "getFragment">, idleMax: number): FragmentSource {
  const idle: ArrayBuffer[] = [];
  const recycle = (buffer: ArrayBuffer) => {
    if (idle.length < idleMax && buffer.byteLength === FRAGMENT_BYTES) idle.push(buffer);
  };
  return {
    recycle,
    async fetch({ endpoint, fid, fragment, signal }) {
      const buffer = idle.pop() ?? new ArrayBuffer(FRAGMENT_BYTES);
      try {
        await client.getFragment({ endpoint, fid, fragment, into: new Uint8Array(buffer), signal });
        return buffer;
      } catch (error) {
        recycle(buffer);
        throw error;
      }
    },
  };
}
