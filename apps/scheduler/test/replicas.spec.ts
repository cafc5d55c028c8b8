import { MiB } from "@granary/primitives";
import { type NodeProcess, poll } from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type RealNetwork, startRealNetwork } from "./support/real-network.js";

const FILES = 4;
/** A replica may be killed just when it has sent all it had: then it is done again, with other files. */
const TRIES = 5;

let network: RealNetwork;
beforeAll(async () => {
  network = await startRealNetwork(3);
});
afterAll(() => network?.stop());

const activeOf = (uploads: readonly string[]) =>
  network.database.deal.count({ where: { uploadId: { in: [...uploads] }, state: "active" } });
const metricOf = async (url: string, name: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
  if (line === undefined) throw new Error(`there is no metric ${name}`);
  return Number(line.slice(line.lastIndexOf(" ") + 1));
};
const sendingOf = (uploads: readonly string[]) =>
  network.database.dealColumn.count({ where: { uploadId: { in: [...uploads] }, state: "sending" } });
const attemptsOf = (uploads: readonly string[]) =>
  network.database.placementAttempt.findMany({
    where: { uploadId: { in: [...uploads] } },
    orderBy: { startedAt: "asc" },
  });

/** Uploads files, and kills a replica as soon as it sends of them, if it comes to that; waits until all are active. */
async function killedWhileSending(victim: NodeProcess): Promise<readonly string[]> {
  const uploads: string[] = [];
  const uploading = (async () => {
    while (uploads.length < FILES) uploads.push((await network.upload(40 * MiB)).uploadId);
  })();
  const isActive = async () => uploads.length === FILES && (await activeOf(uploads)) === FILES;
  const isSending = async () =>
    (await metricOf(victim.url, "granary_scheduler_buffers_in_use")) > 0 && (await sendingOf(uploads)) > 0;
  const isDone = async () => (await isSending()) || (await isActive());
  const [isInTime] = await Promise.all([poll(isDone, 280_000, 5).finally(() => victim.kill9()), uploading]);
  expect(isInTime).toBe(true);
  expect(await poll(isActive, 280_000, 250)).toBe(true);
  return uploads;
}

describe.each([2, 3])("with %i replicas of the scheduler, of which one is killed while it sends", (count) => {
  it("no column is lost, and none is sent again before the lease of its sender is over", async () => {
    const replicas = network.schedulers.slice(0, count);
    await Promise.all(replicas.map((replica) => replica.start()));
    const [victim, ...others] = replicas as [NodeProcess, ...NodeProcess[]];
    const uploads: string[] = [];
    let lapsed = 0;
    for (let tries = 0; tries < TRIES && lapsed === 0; tries += 1) {
      if (tries > 0) await victim.start();
      const fresh = await killedWhileSending(victim);
      uploads.push(...fresh);
      lapsed = (await attemptsOf(fresh)).filter(({ outcome }) => outcome === "LEASE_LAPSED").length;
    }
    expect(lapsed).toBeGreaterThan(0);

    const attempts = await attemptsOf(uploads);
    expect(attempts.filter(({ outcome }) => outcome === "reported")).toHaveLength(uploads.length * 12);
    for (const [i, one] of attempts.entries()) {
      const next = attempts
        .slice(i + 1)
        .find(({ uploadId, index }) => uploadId === one.uploadId && index === one.index);
      if (next === undefined) continue;
      const endedAt = one.endedAt?.getTime() ?? Number.POSITIVE_INFINITY;
      expect(next.startedAt.getTime()).toBeGreaterThanOrEqual(endedAt);
    }
    for (const survivor of others) {
      expect(await metricOf(survivor.url, "granary_scheduler_columns_sent_twice_total")).toBe(0);
    }
    for (const uploadId of uploads) {
      const columns = await network.database.dealColumn.findMany({ where: { uploadId } });
      expect(columns.map(({ state }) => state)).toEqual(Array(12).fill("reported"));
      expect(new Set(columns.map(({ miner }) => miner)).size).toBe(12);
    }
    await Promise.all(others.map((replica) => replica.kill9()));
  });
});
