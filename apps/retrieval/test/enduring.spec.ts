import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { migrate } from "@granary/database";
import { MiB, SEGMENT_BYTES } from "@granary/primitives";
import {
  freePort,
  type NodeProcess,
  poll,
  type Server,
  startNats,
  startNodeProcess,
  startPostgres,
  temporaryFolder,
} from "@granary/testnet";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { ask, askAtRate, digestOfAnswer } from "./client.js";
import { contentOf, FakeNetwork, type StoredObject } from "./network.js";

const network = new FakeNetwork();
let folder: string;
let postgres: Server;
let nats: Server;
let retrieval: NodeProcess;
/** One segment, of which two data fragments are not all zeros. */
let small: StoredObject;
/** Three segments. */
let large: StoredObject;

beforeAll(async () => {
  folder = await temporaryFolder("retrieval-enduring");
  [postgres, nats] = await Promise.all([
    startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
    startNats({ dataDir: `${folder}/nats`, durable: false }),
  ]);
  await migrate(postgres.url);
  await network.start(nats.url);
  small = await network.store(contentOf("small", 12 * MiB));
  large = await network.store(contentOf("large", 2 * SEGMENT_BYTES + 5 * MiB));
  const port = await freePort();
  retrieval = await startNodeProcess({
    name: "retrieval",
    script: fileURLToPath(new URL("../dist/main.js", import.meta.url)),
    dir: folder,
    port,
    env: {
      DATABASE_URL: postgres.url,
      NATS_URL: nats.url,
      STAGING_DIR: `${folder}/staging`,
      CACHE_DIR: `${folder}/cache`,
      GATEWAY_MNEMONIC: "//Gateway",
      ALLOW_PRIVATE_MINERS: "true",
      HTTP_PORT: String(port),
      // Not on a busy machine: that would be asking too often.
      HEDGE_AFTER: "20s",
    },
  });
});

afterAll(async () => {
  await retrieval?.stop();
  await network.stop();
  await postgres?.stop();
  await nats?.stop();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => network.reset());

const urlOf = ({ fid }: StoredObject) => `${retrieval.url}/objects/${fid}`;
const askedOf = ({ segments }: StoredObject, index: number) =>
  network.miners
    .flatMap(({ asked }) => [...asked])
    .filter(([hash]) => segments[index]?.fragments.includes(hash as never));

async function fragmentsFetched(): Promise<number> {
  const text = (await ask(`${retrieval.url}/metrics`)).body.toString();
  return Number(/^granary_retrieval_fragments_total\{code="ok"[^}]*\} (\d+)/m.exec(text)?.[1]);
}

describe("retrieval as a process", () => {
  it("asks miners once for each fragment, for 50 readers and one of 10 MiB a second of the same cold object", async () => {
    for (const miner of network.miners) miner.behaviour = "slow";
    const before = await fragmentsFetched();
    const digest = createHash("sha256").update(small.content).digest("hex");
    const [slow, ...readers] = await Promise.all([
      askAtRate(urlOf(small), 10 * MiB),
      ...Array.from({ length: 50 }, () => digestOfAnswer(urlOf(small))),
    ]);
    expect(slow.isWhole && Buffer.compare(slow.bytes, small.content) === 0).toBe(true);
    expect(new Set(readers)).toEqual(new Set([digest]));
    const asked = askedOf(small, 0);
    expect(asked.map(([, count]) => count)).toEqual([1, 1]);
    expect((await fragmentsFetched()) - before).toBe(asked.length);
  });

  it("killed in the middle of a download, goes on from where the client was, with what it had in its cache", async () => {
    let hasEnough = () => {};
    const enough = new Promise<void>((resolve) => {
      hasEnough = resolve;
    });
    const download = askAtRate(urlOf(large), 20 * MiB, {
      came: (bytes) => {
        if (bytes > SEGMENT_BYTES + 3 * MiB) hasEnough();
      },
    });
    await enough;
    await retrieval.kill9();
    const first = await download;
    expect(first.isWhole).toBe(false);
    expect(first.bytes.length).toBeLessThan(large.content.length);
    network.forgetAsked();

    await retrieval.start();
    expect(await readdir(path.join(folder, "cache", "unfinished"))).toEqual([]);
    const rest = await askAtRate(urlOf(large), Number.POSITIVE_INFINITY, {
      headers: { range: `bytes=${first.bytes.length}-` },
    });
    expect(rest.isWhole).toBe(true);
    expect(Buffer.compare(Buffer.concat([first.bytes, rest.bytes]), large.content)).toBe(0);
    expect(askedOf(large, 0)).toEqual([]);
    const isCached = async () => {
      const names = await readdir(path.join(folder, "cache", "segments"));
      return large.segments.every(({ hash }) => names.includes(hash));
    };
    expect(await poll(isCached, 120_000)).toBe(true);
    network.forgetAsked();
    const again = await digestOfAnswer(urlOf(large));
    expect([again, network.asked()]).toEqual([createHash("sha256").update(large.content).digest("hex"), 0]);
  });
});
