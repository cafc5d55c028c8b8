import { randomUUID } from "node:crypto";
import { open, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { createFilesystemBlobStore } from "@granary/blob-store";
import { connectDatabase, type Database, migrate } from "@granary/database";
import { cipherKeyOf } from "@granary/domain/object";
import { EMPTY_FID, FRAGMENT_BYTES, MiB, SEGMENT_BYTES, type UploadId, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import type { Service } from "@granary/service-runtime";
import { poll, type Server, startNats, startPostgres, temporaryFolder } from "@granary/testnet";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createApp, readRetrievalConfig } from "../src/index.js";
import { ask, askSlowly } from "./client.js";
import type { Behaviour } from "./fake-miner.js";
import { contentOf, FakeNetwork, type StoredObject } from "./network.js";

/** Longest wait for what is sure to come. */
const WAIT_MS = 120_000;

const network = new FakeNetwork();
let folder: string;
let postgres: Server;
let nats: Server;
let database: Database;
/** Three segments, one, two encrypted. */
let large: StoredObject;
let small: StoredObject;
let secret: StoredObject;
const CIPHER = "123456";

beforeAll(async () => {
  folder = await temporaryFolder("retrieval");
  [postgres, nats] = await Promise.all([
    startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
    startNats({ dataDir: `${folder}/nats`, durable: false }),
  ]);
  await migrate(postgres.url);
  database = connectDatabase({ url: postgres.url, poolSize: 2 });
  await network.start(nats.url);
  large = await network.store(contentOf("large", 2 * SEGMENT_BYTES + 5 * MiB + 7));
  small = await network.store(contentOf("small", 30 * MiB + 1));
  secret = await network.store(contentOf("secret", SEGMENT_BYTES + 12_345), cipherKeyOf(CIPHER));
});

afterAll(async () => {
  await network.stop();
  await database?.$disconnect();
  await postgres?.stop();
  await nats?.stop();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => network.reset());

let cacheDir: string;
beforeEach(() => {
  cacheDir = path.join(folder, `cache-${randomUUID()}`);
});

async function withApp<T>(
  work: (url: string, app: Service) => Promise<T>,
  more: Record<string, string> = {},
): Promise<T> {
  const app = await createApp(
    readRetrievalConfig({
      DATABASE_URL: postgres.url,
      NATS_URL: nats.url,
      STAGING_DIR: `${folder}/staging`,
      CACHE_DIR: cacheDir,
      GATEWAY_MNEMONIC: "//Gateway",
      ALLOW_PRIVATE_MINERS: "true",
      HTTP_PORT: "0",
      LOG_LEVEL: "silent",
      // Not on a busy machine: that would be asking too often.
      HEDGE_AFTER: "20s",
      ...more,
    }),
  );
  try {
    return await work(app.url, app);
  } finally {
    await app.stop();
  }
}

const uncached = { CACHE_BYTES: "0B" };
const urlOf = (base: string, { fid }: { fid: string }) => `${base}/objects/${fid}`;
const same = (a: Buffer, b: Buffer) => Buffer.compare(a, b) === 0;

/** What miners may do, first to twelfth. */
function behave(behaviours: readonly Behaviour[]): void {
  for (const [i, miner] of network.miners.entries()) miner.behaviour = behaviours[i] ?? "good";
}

async function metric(base: string, line: string): Promise<number> {
  const text = (await ask(`${base}/metrics`)).body.toString();
  return Number(
    text
      .split("\n")
      .find((one) => one.startsWith(line))
      ?.split(" ")
      .at(-1),
  );
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("an object on its miners", () => {
  it("comes back whole, with what HTTP says of it", async () => {
    await withApp(async (base) => {
      const answer = await ask(urlOf(base, large));
      expect(answer.status).toBe(200);
      expect(same(answer.body, large.content)).toBe(true);
      const headers = {
        etag: `"${large.fid}"`,
        "accept-ranges": "bytes",
        "content-type": "application/octet-stream",
        "content-length": String(large.content.length),
      };
      expect(answer.headers).toMatchObject(headers);
      const head = await ask(urlOf(base, large), {}, "HEAD");
      expect([head.status, head.body.length]).toEqual([200, 0]);
      expect(head.headers).toMatchObject(headers);
      const ranged = await ask(urlOf(base, large), { range: "bytes=-3" }, "HEAD");
      expect([ranged.status, ranged.headers["content-length"]]).toEqual([206, "3"]);
      const unchanged = await ask(urlOf(base, large), { "if-none-match": `W/"x", "${large.fid}"` });
      expect([unchanged.status, unchanged.body.length]).toEqual([304, 0]);
    });
  });

  it("is refused with a code and a status where it cannot be served", async () => {
    await withApp(async (base) => {
      const codeOf = async (route: string, headers = {}) => {
        const answer = await ask(`${base}${route}`, headers);
        return [answer.status, JSON.parse(answer.body.toString()).error.code];
      };
      expect(await codeOf(`/objects/${"0".repeat(64)}`)).toEqual([404, "FID_UNKNOWN"]);
      expect(await codeOf("/objects/nonsense")).toEqual([400, "FID_INVALID"]);
      const route = `/objects/${small.fid}`;
      expect(await codeOf(route, { range: "bytes=99999999-" })).toEqual([416, "RANGE_NOT_SATISFIABLE"]);
      const outside = await ask(`${base}${route}`, { range: "bytes=99999999-" });
      expect(outside.headers["content-range"]).toBe(`bytes */${small.content.length}`);
      expect(await codeOf(route, { cipher: "x".repeat(33) })).toEqual([400, "CIPHER_TOO_LONG"]);
      expect(await codeOf(`/fragments/${small.fid}/${"0".repeat(64)}`)).toEqual([404, "FRAGMENT_UNKNOWN"]);
    });
  });

  it("is nothing, at once, for the empty object", async () => {
    await withApp(async (base) => {
      const answer = await ask(urlOf(base, { fid: EMPTY_FID }));
      expect([answer.status, answer.headers["content-length"], answer.body.length]).toEqual([200, "0", 0]);
    });
  });

  it("answers 200 random ranges with exactly their bytes", async () => {
    await withApp(async (base) => {
      const chance = random(7);
      const size = large.content.length;
      for (let i = 0; i < 200; i += 1) {
        const start = Math.floor(chance() * size);
        const length = 1 + Math.floor(chance() ** 6 * (size - start));
        const answer = await ask(urlOf(base, large), { range: `bytes=${start}-${start + length - 1}` });
        expect(answer.status).toBe(206);
        expect(answer.headers["content-range"]).toBe(`bytes ${start}-${start + length - 1}/${size}`);
        expect(same(answer.body, large.content.subarray(start, start + length))).toBe(true);
      }
      const stale = await ask(urlOf(base, small), { range: "bytes=1-2", "if-range": '"other"' });
      expect(stale.status).toBe(200);
    });
  });

  it("asks only for the segments that a range touches", async () => {
    await withApp(async (base) => {
      const start = SEGMENT_BYTES + 1;
      const answer = await ask(urlOf(base, large), { range: `bytes=${start}-${start + 9}` });
      expect(same(answer.body, large.content.subarray(start, start + 10))).toBe(true);
      const asked = network.miners.flatMap((miner) => [...miner.asked.keys()]);
      expect(asked.sort()).toEqual(large.segments[1]?.fragments.slice(0, 4).sort());
    });
  });
});

describe("miners that fail or lie", () => {
  it("any four of twelve restore the object", async () => {
    await withApp(async (base) => {
      const chance = random(11);
      for (let i = 0; i < 12; i += 1) {
        const alive = new Set<number>();
        while (alive.size < 4) alive.add(Math.floor(chance() * 12));
        behave(Array.from({ length: 12 }, (_, miner) => (alive.has(miner) ? "good" : "gone")));
        const answer = await ask(urlOf(base, small));
        expect([[...alive], answer.status, same(answer.body, small.content)]).toEqual([[...alive], 200, true]);
      }
    }, uncached);
  });

  it.each<[Behaviour, string, string | null]>([
    ["wrong", "FRAGMENT_DIGEST_MISMATCH", "FRAGMENT_DIGEST_MISMATCH"],
    ["short", "FRAGMENT_LENGTH_MISMATCH", "FRAGMENT_LENGTH_MISMATCH"],
    ["endless", "FRAGMENT_LENGTH_MISMATCH", "FRAGMENT_LENGTH_MISMATCH"],
    ["json", "FRAGMENT_NOT_HELD", null],
    ["truncated", "MINER_UNREACHABLE", null],
  ])("a miner whose answer is %s is never believed, and its lie is on record", async (behaviour, code, evidence) => {
    await database.corruptFragment.deleteMany();
    behave([behaviour, "good", behaviour, "good", "good", behaviour]);
    await withApp(async (base) => {
      const answer = await ask(urlOf(base, large));
      expect([answer.status, same(answer.body, large.content)]).toEqual([200, true]);
      expect(await metric(base, `granary_retrieval_fragments_total{code="${code}"`)).toBeGreaterThan(0);
      const recorded = async () => (await database.corruptFragment.findMany()).filter(({ fid }) => fid === large.fid);
      expect(await poll(async () => (await recorded()).length > 0 === (evidence !== null), WAIT_MS)).toBe(true);
      for (const row of await recorded()) expect(row.reason).toBe(evidence);
      const [{ count } = { count: 0 }] = await database.$queryRaw<{ count: number }[]>`
        SELECT count(*)::int AS count FROM retrieval.outbox
        WHERE payload->>'fid' = ${large.fid} AND payload->>'reason' = ${evidence ?? ""}`;
      expect(count).toBeGreaterThanOrEqual((await recorded()).length);
    }, uncached);
  });

  it("miners that stall are overtaken", async () => {
    behave(["stall", "stall", "good", "stall", "stall", "good", "good", "good"]);
    await withApp(
      async (base) => {
        const startedAt = performance.now();
        const answer = await ask(urlOf(base, small));
        expect(same(answer.body, small.content)).toBe(true);
        // A stalled transfer is given up after 15 s.
        expect(performance.now() - startedAt).toBeLessThan(10_000);
        expect(await metric(base, 'granary_retrieval_hedges_total{reason="stuck"')).toBeGreaterThan(0);
      },
      { HEDGE_AFTER: "200ms" },
    );
  });

  it("eight dead miners of twelve do not matter", async () => {
    behave(["gone", "gone", "good", "gone", "gone", "good", "gone", "gone", "good", "gone", "gone", "good"]);
    await withApp(async (base) => {
      expect(same((await ask(urlOf(base, large))).body, large.content)).toBe(true);
    });
  });

  it("nine are too many: an error before the first byte, a broken connection after", async () => {
    await withApp(async (base) => {
      await ask(urlOf(base, large), { range: "bytes=0-0" });
      behave([...Array(9).fill("gone"), "good", "good", "good"]);
      const none = await ask(urlOf(base, small));
      expect([none.status, JSON.parse(none.body.toString()).error.code]).toEqual([503, "FRAGMENTS_NOT_ENOUGH"]);
      const half = await ask(urlOf(base, large));
      expect([half.status, half.isWhole]).toEqual([200, false]);
      expect(same(half.body, large.content.subarray(0, half.body.length))).toBe(true);
    });
  });
});

describe("readers together", () => {
  it("50 readers of a cold object cost each fragment once", async () => {
    behave(Array(12).fill("slow"));
    await withApp(async (base) => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => ask(urlOf(base, small))));
      for (const { body } of answers) expect(same(body, small.content)).toBe(true);
      expect(network.asked()).toBe(4);
    });
  });

  it("clients that do not read hold no segment in memory", async () => {
    await withApp(
      async (base) => {
        const slow = await Promise.all(Array.from({ length: 6 }, () => askSlowly(urlOf(base, large))));
        const isFree = async () => (await metric(base, "granary_retrieval_segment_buffers_free")) === 2;
        expect(await poll(isFree, WAIT_MS)).toBe(true);
        expect(same((await ask(urlOf(base, large))).body, large.content)).toBe(true);
        expect(same(await slow[0]!.finish(), large.content)).toBe(true);
        for (const client of slow) client.leave();
      },
      { READ_BUFFERS: "2" },
    );
  });

  it("without a cache, readers still get their turn behind clients that do not read", async () => {
    await withApp(
      async (base) => {
        const slow = await Promise.all([large, secret].map((object) => askSlowly(urlOf(base, object))));
        expect(same((await ask(urlOf(base, small))).body, small.content)).toBe(true);
        expect(same(await slow[0]!.finish(), large.content)).toBe(true);
        for (const client of slow) client.leave();
      },
      { READ_BUFFERS: "1", ...uncached },
    );
  });
});

describe("the cache", () => {
  const cached = async () => (await readdir(path.join(cacheDir, "segments"))).sort();
  const isCached = (object: StoredObject) => async () =>
    (await cached()).join() ===
    object.segments
      .map(({ hash }) => hash)
      .sort()
      .join();

  async function flipOneBit(hash: string): Promise<void> {
    const file = await open(path.join(cacheDir, "segments", hash), "r+");
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, 1_000_000);
    byte[0] = (byte[0] as number) ^ 4;
    await file.write(byte, 0, 1, 1_000_000);
    await file.close();
  }

  it("outlives the process, and serves without any miner", async () => {
    await withApp(async (base) => {
      await ask(urlOf(base, large));
      expect(await poll(isCached(large), WAIT_MS)).toBe(true);
    });
    behave(Array(12).fill("gone"));
    network.forgetAsked();
    await withApp(async (base) => {
      expect(same((await ask(urlOf(base, large))).body, large.content)).toBe(true);
      expect(network.asked()).toBe(0);
    });
  });

  it("is not believed: one flipped bit is found, and the segment fetched again", async () => {
    const { hash } = small.segments[0]!;
    await withApp(async (base) => {
      await ask(urlOf(base, small));
      expect(await poll(isCached(small), WAIT_MS)).toBe(true);
      await flipOneBit(hash);
      expect(same((await ask(urlOf(base, small))).body, small.content)).toBe(true);
      expect(network.asked()).toBeGreaterThanOrEqual(6);
      expect(await poll(isCached(small), WAIT_MS)).toBe(true);
    });
    await flipOneBit(hash);
    network.forgetAsked();
    await withApp(async (base) => {
      expect(same((await ask(urlOf(base, small))).body, small.content)).toBe(true);
      expect(network.asked()).toBeGreaterThan(0);
    });
  });

  it("stays within its bytes, the least recently used segment leaving first", async () => {
    await withApp(
      async (base) => {
        await ask(urlOf(base, large));
        await ask(urlOf(base, small));
        const wanted = [large.segments[2]?.hash, small.segments[0]?.hash].sort().join();
        expect(await poll(async () => (await cached()).join() === wanted, WAIT_MS)).toBe(true);
        expect(await metric(base, "granary_retrieval_cache_bytes")).toBe(2 * SEGMENT_BYTES);
      },
      { CACHE_BYTES: "70MiB" },
    );
  });
});

describe("an encrypted object", () => {
  it("is decrypted right, whole and by ranges", async () => {
    await withApp(async (base) => {
      const url = urlOf(base, secret);
      const whole = await ask(url, { cipher: CIPHER });
      expect([whole.status, same(whole.body, secret.content)]).toEqual([200, true]);
      const chance = random(3);
      const size = secret.content.length;
      const seam = SEGMENT_BYTES - 16;
      const starts = [
        0,
        1,
        15,
        16,
        17,
        seam - 1,
        seam,
        seam + 1,
        size - 1,
        ...Array.from({ length: 30 }, () => Math.floor(chance() * size)),
      ];
      for (const start of starts) {
        const end = Math.min(size, start + 1 + Math.floor(chance() * 600_000));
        const answer = await ask(url, { cipher: CIPHER, range: `bytes=${start}-${end - 1}` });
        expect([start, answer.status, same(answer.body, secret.content.subarray(start, end))]).toEqual([
          start,
          206,
          true,
        ]);
      }
    });
  });

  it("is refused with a wrong key before the first byte, as is a plain object with any key", async () => {
    await withApp(async (base) => {
      for (const [object, cipher] of [
        [secret, "1234567"],
        [small, CIPHER],
        [large, CIPHER],
      ] as const) {
        const answer = await ask(urlOf(base, object), { cipher });
        expect([answer.status, JSON.parse(answer.body.toString()).error.code]).toEqual([403, "CIPHER_KEY_WRONG"]);
      }
    });
  });
});

describe("an object that is still staged", () => {
  async function stage(object: StoredObject, altered = -1): Promise<UploadId> {
    const staging = await createFilesystemBlobStore({ root: `${folder}/staging`, reserveBytes: 0 });
    const uploadId = randomUUID() as UploadId;
    const content = Buffer.from(object.content);
    if (altered >= 0) content[altered] = (content[altered] as number) ^ 1;
    async function* body() {
      yield content;
    }
    await staging.writePart({ uploadId, index: 0, body: body(), maxBytes: content.length });
    network.staged.set(object.fid, { uploadId, object });
    return uploadId;
  }

  it("is served before any miner has it", async () => {
    await stage(large);
    network.onChain.delete(large.fid);
    try {
      await withApp(async (base) => {
        expect(same((await ask(urlOf(base, large))).body, large.content)).toBe(true);
        const fragment = large.segments[1]?.fragments[7];
        const answer = await ask(`${base}/fragments/${large.fid}/${fragment}`);
        expect([answer.status, answer.body.length]).toEqual([200, FRAGMENT_BYTES]);
        expect(network.asked()).toBe(0);
      });
    } finally {
      network.onChain.set(large.fid, large);
    }
  });

  it("is taken from its miners where the staged bytes are rotten", async () => {
    await stage(large, SEGMENT_BYTES + 5);
    await withApp(async (base) => {
      expect(same((await ask(urlOf(base, large))).body, large.content)).toBe(true);
      const asked = network.miners.flatMap((miner) => [...miner.asked.keys()]);
      expect(asked.sort()).toEqual(large.segments[1]?.fragments.slice(0, 4).sort());
    });
  });

  it("goes on from its miners when the staged bytes are released in the middle of a download", async () => {
    const uploadId = await stage(large);
    network.onChain.delete(large.fid);
    await withApp(async (base) => {
      const client = await askSlowly(urlOf(base, large));
      network.onChain.set(large.fid, large);
      network.staged.clear();
      await rm(path.join(folder, "staging", "uploads", uploadId), { recursive: true });
      expect(same(await client.finish(), large.content)).toBe(true);
    });
  });
});

describe("a fragment", () => {
  it("comes from its miner, or is made anew when that is dead or lies", async () => {
    const { fragments } = large.segments[2]!;
    behave(["good", "gone", "good", "good", "good", "wrong"]);
    await withApp(async (base) => {
      for (const row of [0, 1, 5, 11]) {
        const answer = await ask(`${base}/fragments/${large.fid}/${fragments[row]}`);
        expect([row, answer.status, answer.headers.etag]).toEqual([row, 200, `"${fragments[row]}"`]);
        const expected = network.fragmentOf(row, fragments[row]!);
        expect(same(answer.body, Buffer.from(expected))).toBe(true);
      }
      const zero = await ask(`${base}/fragments/${large.fid}/${ZERO_FRAGMENT_HASH}`);
      expect([zero.status, zero.body.length, zero.body.some((byte) => byte !== 0)]).toEqual([
        200,
        FRAGMENT_BYTES,
        false,
      ]);
    });
  });
});
