import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fid, FRAGMENT_BYTES, type FragmentHash, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { FragmentStore } from "../ports.js";
import { openFragmentStore } from "./fragment-store.js";

const fid = "a".repeat(64) as Fid;
const fragments = ["1", "2", "3"].map((digit) => digit.repeat(64) as FragmentHash);
const [one, two, three] = fragments as [FragmentHash, FragmentHash, FragmentHash];
const zeros = ZERO_FRAGMENT_HASH as FragmentHash;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "granary-store-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function put(store: FragmentStore, fragment: FragmentHash, fill = 7): Promise<void> {
  const incoming = await store.receive(fid, fragment);
  for (let part = 0; part < 128; part += 1) await incoming.write(Buffer.alloc(FRAGMENT_BYTES / 128, fill));
  await incoming.commit();
}

async function digestAt(store: FragmentStore, fragment: FragmentHash): Promise<string | null> {
  const opened = await store.open(fid, fragment);
  if (opened === null) return null;
  const hash = createHash("sha256");
  for await (const chunk of opened.read(0, opened.sizeBytes)) hash.update(chunk);
  return hash.digest("hex");
}

const listing = async (): Promise<string[]> =>
  (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();

describe("fragment store", () => {
  it("a fragment is there from its commit on, also for the next start", async () => {
    const store = await openFragmentStore(dir);
    const incoming = await store.receive(fid, two);
    await incoming.write(Buffer.alloc(10));
    expect(store.held(fid).size).toBe(0);
    await put(store, one);
    const expected = createHash("sha256").update(Buffer.alloc(FRAGMENT_BYTES, 7)).digest("hex");
    expect(await digestAt(store, one)).toBe(expected);
    const reopened = await openFragmentStore(dir);
    expect([...reopened.held(fid)]).toEqual([one]);
    expect(await digestAt(reopened, one)).toBe(expected);
    await incoming.discard();
    expect(await listing()).toEqual([`report/${fid}/${one}`]);
  });

  it("what a crash left unfinished is removed by the next start", async () => {
    await mkdir(join(dir, "tmp"), { recursive: true });
    await mkdir(join(dir, "report", fid), { recursive: true });
    await writeFile(join(dir, "tmp", "half"), "x");
    await writeFile(join(dir, "report", fid, one), "too short");
    await writeFile(join(dir, "report", fid, "not-a-hash"), Buffer.alloc(FRAGMENT_BYTES));
    const store = await openFragmentStore(dir);
    expect(store.fids).toEqual([]);
    expect(await listing()).toEqual([]);
  });

  it("zeros are made here", async () => {
    const store = await openFragmentStore(dir);
    await store.makeZeros(fid, zeros);
    expect(await digestAt(store, zeros)).toBe(ZERO_FRAGMENT_HASH);
    expect((await stat(join(dir, "report", fid, zeros))).blocks * 512).toBeLessThan(FRAGMENT_BYTES);
  });

  it("of a complete file its own fragments stay and can be read, the rest goes; all survives a restart", async () => {
    const store = await openFragmentStore(dir);
    for (const fragment of fragments) await put(store, fragment);
    const reading = await store.open(fid, one);
    await store.keep(fid, new Set([one, three]));
    expect(store.isKept(fid)).toBe(true);
    expect(await listing()).toEqual([`file/${fid}/${one}`, `file/${fid}/${three}`]);
    await reading?.close();
    expect(await digestAt(store, three)).not.toBeNull();
    expect(await digestAt(store, two)).toBeNull();
    const reopened = await openFragmentStore(dir);
    expect(reopened.isKept(fid)).toBe(true);
    expect(reopened.held(fid)).toEqual(new Set([one, three]));
    await reopened.drop(fid);
    expect(await listing()).toEqual([]);
    expect(reopened.fids).toEqual([]);
  });

  it("a fragment that arrives while its FID is dropped is held in memory and on disk, or in neither", async () => {
    const store = await openFragmentStore(dir);
    for (let round = 0; round < 8; round += 1) {
      await put(store, one);
      await Promise.all([store.makeZeros(fid, zeros), store.drop(fid), store.makeZeros(fid, two), store.drop(fid)]);
      const inMemory = [...store.held(fid)].sort();
      const onDisk = (await listing()).map((path) => path.slice(-64)).sort();
      expect(inMemory).toEqual(onDisk);
      await store.drop(fid);
    }
  });
});
