import type { ChainFile } from "@granary/chain-client";
import { CodedError, type Fid } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import type { IndexerPorts } from "../ports.js";
import { createFileCache } from "./show-file.js";

const fid = (n: number) => n.toString(16).padStart(64, "0") as Fid;
const file = (id: Fid): ChainFile => ({
  fid: id,
  state: "active",
  sizeBytes: 1,
  completedBlock: 1,
  owners: [],
  segments: [],
});

function cacheOf(read: (id: Fid) => Promise<ChainFile | null>) {
  const clock = { now: 0 };
  const reads: Fid[] = [];
  const chain = {
    file: (id: Fid) => {
      reads.push(id);
      return read(id);
    },
  } as unknown as IndexerPorts["chain"];
  return { cache: createFileCache({ chain }, () => clock.now), clock, reads };
}

describe("createFileCache", () => {
  it("reads a file once for all pages of it, and again when it is old", async () => {
    const { cache, clock, reads } = cacheOf(async (id) => file(id));
    await Promise.all([cache.get(fid(1)), cache.get(fid(1))]);
    expect(reads).toHaveLength(1);
    clock.now = 60_000;
    await cache.get(fid(1));
    expect(reads).toHaveLength(2);
  });

  it("remembers neither an absence nor a failure", async () => {
    const answers: (() => Promise<ChainFile | null>)[] = [
      async () => null,
      async () => {
        throw new CodedError("CHAIN_UNREACHABLE", "unavailable", "no node");
      },
      async () => file(fid(1)),
    ];
    const { cache } = cacheOf(() => (answers.shift() ?? (async () => null))());
    expect(await cache.get(fid(1))).toBeNull();
    await expect(cache.get(fid(1))).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
    expect(await cache.get(fid(1))).toEqual(file(fid(1)));
  });

  it("holds a bounded number of files", async () => {
    const { cache, reads } = cacheOf(async (id) => file(id));
    for (let n = 0; n < 100; n += 1) await cache.get(fid(n));
    await cache.get(fid(99));
    await cache.get(fid(0));
    expect(reads).toHaveLength(101);
  });
});
