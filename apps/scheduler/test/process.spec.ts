import { MiB, STORED_BYTES_PER_SEGMENT } from "@granary/primitives";
import { poll } from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type RealNetwork, startRealNetwork } from "./support/real-network.js";

let network: RealNetwork;
beforeAll(async () => {
  network = await startRealNetwork();
});
afterAll(() => network.stop());

const stateOf = async (uploadId: string) => (await network.database.deal.findUnique({ where: { uploadId } }))?.state;
const placed = (uploadId: string) =>
  network.database.dealColumn.count({ where: { uploadId, state: { in: ["placed", "reported"] } } });

/** What a declaration that was made twice would leave locked for ever. */
async function expectSpaceUsedOnce(segments: number): Promise<void> {
  const territory = await network.chain.reader.territory(network.owner.account, "home");
  expect(territory?.lockedBytes).toBe(0);
  expect(territory?.usedBytes).toBe(segments * STORED_BYTES_PER_SEGMENT);
}

describe("the scheduler as a process, on the development chain with real storage miners", () => {
  it("brings a file of three segments to twelve miners", async () => {
    await network.scheduler.start();
    const { uploadId, fid } = await network.upload(70 * MiB);
    expect(await poll(async () => (await stateOf(uploadId)) === "active", 200_000, 200)).toBe(true);
    const file = await network.chain.reader.file(fid);
    for (const segment of file?.segments ?? []) {
      expect(new Set(segment.fragments.map(({ miner }) => miner)).size).toBe(12);
    }
    await expectSpaceUsedOnce(3);
  });

  it("lets miners that hold equal columns of a small file take either, without sending anything twice", async () => {
    await network.scheduler.start();
    const { uploadId } = await network.upload(100_000);
    expect(await poll(async () => (await stateOf(uploadId)) === "active", 120_000, 200)).toBe(true);
    const attempts = await network.database.placementAttempt.findMany({ where: { uploadId } });
    expect(attempts.map(({ outcome }) => outcome)).toEqual(Array(12).fill("reported"));
  });

  it("does so too when it is killed at every stage, and declares once", async () => {
    await network.scheduler.start();
    const { uploadId } = await network.upload(100 * MiB);
    const stages: (() => Promise<boolean>)[] = [
      async () => (await network.database.chainTransaction.count({ where: { reference: uploadId } })) > 0,
      async () => (await stateOf(uploadId)) === "placing",
      async () => (await network.database.dealColumn.count({ where: { uploadId, state: "sending" } })) > 0,
      async () => (await placed(uploadId)) > 0,
    ];
    for (const isReached of stages) {
      expect(await poll(isReached, 120_000, 5)).toBe(true);
      await network.scheduler.kill9();
      await network.scheduler.start();
    }
    expect(await poll(async () => (await stateOf(uploadId)) === "active", 250_000, 200)).toBe(true);
    await expectSpaceUsedOnce(3 + 1 + 4);
  });
});
