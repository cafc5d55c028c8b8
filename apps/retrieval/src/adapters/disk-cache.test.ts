import { mkdir, mkdtemp, open, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { SEGMENT_BYTES, type SegmentHash } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createDiskCache } from "./disk-cache.js";

const hashOf = (i: number) => i.toString(16).padStart(64, "0") as SegmentHash;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "granary-cache-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A file of zeros that takes no room, last used at `second`. */
async function leave(name: string, bytes: number, second: number): Promise<void> {
  const file = path.join(folder, "segments", name);
  await mkdir(path.dirname(file), { recursive: true });
  const handle = await open(file, "w");
  await handle.truncate(bytes);
  await handle.close();
  await utimes(file, second, second);
}

const start = (segments: number) => createDiskCache({ folder, bytesMax: segments * SEGMENT_BYTES, log: silentLog });
const names = () => readdir(path.join(folder, "segments"));

describe("the cache of segments", () => {
  it("knows at its start what is there, drops what is not whole, and goes by the order of use", async () => {
    await leave(hashOf(1), SEGMENT_BYTES, 300);
    await leave(hashOf(2), SEGMENT_BYTES, 100);
    await leave(hashOf(3), SEGMENT_BYTES, 200);
    await leave(hashOf(4), SEGMENT_BYTES - 1, 400);
    await leave("stranger", SEGMENT_BYTES, 400);
    await mkdir(path.join(folder, "unfinished"), { recursive: true });
    await writeFile(path.join(folder, "unfinished", "half"), "x");
    const cache = await start(2);
    expect((await names()).sort()).toEqual([hashOf(1), hashOf(3)]);
    expect(await readdir(path.join(folder, "unfinished"))).toEqual([]);
    expect(cache.bytes()).toBe(2 * SEGMENT_BYTES);
    await (await cache.open(hashOf(3)))?.close();
    expect(await cache.keep(hashOf(5), [new Uint8Array(SEGMENT_BYTES)])).toBe(true);
    expect((await names()).sort()).toEqual([hashOf(3), hashOf(5)]);
    expect(await cache.open(hashOf(1))).toBeNull();
  });

  it("a reader reads on though its segment has been dropped", async () => {
    await leave(hashOf(1), SEGMENT_BYTES, 1);
    const cache = await start(2);
    const backing = await cache.open(hashOf(1));
    await cache.drop(hashOf(1));
    const bytes = new Uint8Array(10).fill(1);
    await backing?.read(SEGMENT_BYTES - 10, bytes);
    expect([...bytes]).toEqual(Array(10).fill(0));
    await backing?.close();
    expect(await names()).toEqual([]);
  });

  it("a disk that refuses is no error: the segment is just not kept", async () => {
    const cache = await start(2);
    await rm(path.join(folder, "unfinished"), { recursive: true });
    await writeFile(path.join(folder, "unfinished"), "a file where a folder should be");
    expect(await cache.keep(hashOf(1), [new Uint8Array(SEGMENT_BYTES)])).toBe(false);
    expect([cache.bytes(), await names()]).toEqual([0, []]);
  });

  it("keeps nothing where not even one segment may stay", async () => {
    const cache = await createDiskCache({ folder, bytesMax: SEGMENT_BYTES - 1, log: silentLog });
    expect(await cache.keep(hashOf(1), [new Uint8Array(SEGMENT_BYTES)])).toBe(false);
    expect(await names()).toEqual([]);
  });
});
