import { describe, expect, it } from "@jest/globals";
import type { IndexerPorts } from "../ports.js";
import { type Lag, measureLag } from "./measure-lag.js";

async function syncedAt(finalized: number, indexed: number | null): Promise<number | null> {
  const lag: Lag = { finalizedBlock: 0, syncedAt: null };
  const cursor = indexed === null ? null : { genesisHash: "0xaa", number: indexed, hash: "0xbb" };
  let time = 42;
  const finalizedHead = async () => {
    time += 1;
    return { number: finalized, hash: "0xcc" };
  };
  const chain = { finalizedHead } as IndexerPorts["chain"];
  const mirror = { cursor: async () => cursor } as IndexerPorts["mirror"];
  await measureLag({ chain, mirror, now: () => time }, lag);
  expect(lag.finalizedBlock).toBe(finalized);
  return lag.syncedAt;
}

describe("tables", () => {
  it("are synced as of the asking when they have what is final, and no sooner", async () => {
    expect(await syncedAt(100, 100)).toBe(42);
    expect(await syncedAt(100, 102)).toBe(42);
    expect(await syncedAt(100, 99)).toBeNull();
    expect(await syncedAt(100, null)).toBeNull();
  });

  it("are not called synced by a node that is older than they are", async () => {
    expect(await syncedAt(100, 200)).toBeNull();
  });
});
