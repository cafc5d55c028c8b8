import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { AccountId } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createCostMemory } from "./cost-memory.js";

const miner = "a" as AccountId;
const record = { seconds: 2, failures: 1, failedAt: 5 };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "granary-costs-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the memory of miners' costs", () => {
  it("is there for the next process", async () => {
    await createCostMemory({ folder, log: silentLog }).save([[miner, record]]);
    expect(await createCostMemory({ folder, log: silentLog }).load()).toEqual([[miner, record]]);
  });

  it.each(["", "[]x", '{"a":{"seconds":-1,"failures":0,"failedAt":0}}', '{"a":null}'])(
    "that holds %p is no memory",
    async (text) => {
      await writeFile(path.join(folder, "miner-costs.json"), text);
      expect(await createCostMemory({ folder, log: silentLog }).load()).toEqual([]);
    },
  );

  it("may be missing, and its folder too", async () => {
    const memory = createCostMemory({ folder: path.join(folder, "gone"), log: silentLog });
    expect(await memory.load()).toEqual([]);
    await memory.save([[miner, record]]);
  });
});
