import { MiB } from "@granary/primitives";
import { minerControl, poll } from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ColumnMap } from "../src/command/objects.js";
import { type Stage, setStage } from "./harness.js";

const FILE_BYTES = 40 * MiB + 1;

describe("miners that do not keep their word", () => {
  let stage: Stage;
  let miners: ReturnType<typeof minerControl>;
  beforeAll(async () => {
    stage = await setStage("miners", {
      minerCount: 14,
      environment: {
        scheduler: { REPORT_DEADLINE_BASE: "8s", REPORT_DEADLINE_PER_COLUMN: "1s" },
        // Every download asks the miners.
        retrieval: { CACHE_BYTES: "0B" },
      },
    });
    miners = minerControl(stage.network.urls.minerControl);
  });
  afterAll(() => stage?.close());

  const mapOf = (fid: string) => stage.gateway.call<ColumnMap>(`/file/map/${fid}`);
  const store = async (name: string, key: number) => {
    const file = await stage.makeFile(name, FILE_BYTES, key);
    const status = await stage.waitFor(await stage.send(file), "active");
    expect(await stage.nothingStaged()).toBe(true);
    return { file, fid: status.fid as string };
  };
  const behave = async (accounts: readonly string[], kind: string) => {
    for (const account of accounts) await miners.behave(account, { kind });
  };

  it("a file is placed on twelve different miners, and comes back with eight of them dead", async () => {
    const { file, fid } = await store("eight-dead", 1);
    const holders = (await mapOf(fid)).columns.map((column) => column.miner as string);
    expect(new Set(holders).size).toBe(12);
    for (const dead of [holders.slice(0, 8), holders.slice(4)]) {
      await behave(dead, "dead");
      expect(await stage.comesBack(fid, file)).toBe(true);
      await behave(dead, "honest");
    }
  });

  it("two that accept and never report lose their columns to others", async () => {
    const all = (await miners.list()).map((miner) => miner.account);
    const silent = all.slice(0, 2);
    await behave(silent, "silent");
    const { file, fid } = await store("silent", 2);
    const holders = (await mapOf(fid)).columns.map((column) => column.miner);
    for (const account of silent) expect(holders).not.toContain(account);
    expect(await stage.comesBack(fid, file)).toBe(true);
    await behave(silent, "honest");
  });

  it("those that serve wrong bytes are not believed, and it is held against them", async () => {
    const { file, fid } = await store("corrupt", 3);
    const holders = (await mapOf(fid)).columns.map((column) => column.miner as string);
    const [liars, honest] = [holders.slice(0, 8), holders.slice(8)];
    await behave(liars, "corrupt");
    // While nobody else answers, all of them are asked, and none of their bytes are passed on.
    await behave(honest, "dead");
    await expect(stage.comesBack(fid, file)).rejects.toMatchObject({ code: "FRAGMENTS_NOT_ENOUGH" });
    await behave(honest, "honest");
    expect(await stage.comesBack(fid, file)).toBe(true);
    const isKnown = () =>
      poll(
        async () => {
          const standing = await stage.gateway.call<{ account: string; lastFailureCode: string | null }[]>("/miners");
          return standing.some((miner) => liars.includes(miner.account) && miner.lastFailureCode !== null);
        },
        60_000,
        250,
      );
    expect(await isKnown()).toBe(true);
    await behave(liars, "honest");
  });
});
