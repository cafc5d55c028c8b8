import { randomBytes } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { digest, eventually, type Network, startNetwork } from "./support/network.js";

let network: Network;
beforeAll(async () => {
  network = await startNetwork();
});
afterAll(() => network?.stop());

type Body = NonNullable<RequestInit["body"]>;
interface Answer {
  readonly status: number;
  readonly data: unknown;
  readonly code: string | undefined;
  readonly headers: Headers;
}

async function ask(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: Body,
  gateway = network.url(),
): Promise<Answer> {
  const answer = await fetch(`${gateway}${path}`, {
    method,
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body }),
  });
  const json = (await answer.json()) as { data: unknown; error?: { code: string } };
  return { status: answer.status, data: json.data, code: json.error?.code, headers: answer.headers };
}

const CHUNK = 64 * 1024;

/** Sends chunk `i` of `count`; tries again while the gateway is away, as every client of chunks does. */
type SendChunk = (bytes: Buffer, i: number, count: number) => Promise<Answer>;

const sendRange =
  (name: string, gateway?: string): SendChunk =>
  (bytes, i) => {
    const start = i * CHUNK;
    const chunk = bytes.subarray(start, start + CHUNK);
    const range = `bytes ${start}-${start + chunk.length - 1}/${bytes.length}`;
    return ask("PUT", `/resume/${name}`, network.signed({ "content-range": range }), chunk, gateway);
  };

const sendBlock =
  (name: string, path = "/chunks"): SendChunk =>
  (bytes, i, count) => {
    const form = new FormData();
    form.append("file", new Blob([bytes.subarray(i * CHUNK, (i + 1) * CHUNK)]), "blob");
    const headers = { filename: name, blocknumber: `${count}`, blockindex: `${i}`, totalsize: `${bytes.length}` };
    return ask("PUT", path, network.signed(headers), form);
  };

async function untilAnswered(send: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await send().catch(() => null);
    if (answer !== null && answer.status < 500) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the gateway did not come back");
}

/** The same pseudo-random order every time. */
function shuffled(items: number[], seed: number): number[] {
  const order = [...items];
  let state = seed;
  for (let i = order.length - 1; i > 0; i -= 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

async function eightAtATime(order: number[], work: (i: number) => Promise<void>): Promise<void> {
  const queue = [...order];
  const runner = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: 8 }, runner));
}

describe.each([
  ["byte ranges", "ranges", sendRange("range.bin")],
  ["numbered blocks", "blocks", sendBlock("block.bin")],
] as const)("64 chunks as %s, shuffled, doubled, eight at a time", (_what, kind, send) => {
  it("become the object that was cut, also when the gateway is restarted in the middle", async () => {
    const count = 64;
    const bytes = randomBytes((count - 1) * CHUNK + 777);
    const all = Array.from({ length: count }, (_, i) => i);
    const order = shuffled([...all, ...all], 42);
    const answers: Answer[] = [];
    let done = 0;
    let restarted: Promise<void> | undefined;
    await eightAtATime(order, async (i) => {
      const answer = await untilAnswered(() => send(bytes, i, count));
      answers.push(answer);
      done += 1;
      if (done === 32) restarted = network.restart();
      if (answer.status === 200 && typeof answer.data === "number") expect(answer.data).toBe(i);
    });
    await restarted;
    expect(restarted).toBeDefined();

    const last = answers.filter((one) => one.status === 200 && typeof one.data === "object");
    expect(last.length).toBeGreaterThan(0);
    for (const one of last) expect(one.data).toEqual({ fid: digest(bytes) });
    expect(new Set(answers.map((one) => one.status))).toEqual(new Set(kind === "ranges" ? [200, 308] : [200]));

    const uploads = await network.database.upload.findMany({ where: { kind }, include: { parts: true } });
    expect(uploads).toHaveLength(1);
    expect(uploads[0]?.parts).toHaveLength(count);
    expect(network.others.stagedDigests.get(uploads[0]?.id as string)).toBe(digest(bytes));
  });
});

describe("a chunk of a byte range", () => {
  const bytes = randomBytes(3 * CHUNK);
  const middle = (name: string) => sendRange(name)(bytes, 1, 3);

  it("that is not the last is answered 308, without a Location that clients would follow", async () => {
    const answer = await middle("between.bin");
    expect(answer.status).toBe(308);
    expect(answer.data).toBeNull();
    expect(answer.headers.get("content-range")).toBe(`bytes ${CHUNK}-${2 * CHUNK - 1}/${bytes.length}`);
    expect(answer.headers.get("location")).toBeNull();
  });

  it("tells what is missing, by name and by upload", async () => {
    const sent = await middle("missing.bin");
    const shown = await ask("GET", `/resume/missing.bin?total=${bytes.length}`, network.signed());
    const expected = {
      total: bytes.length,
      isComplete: false,
      received: [{ start: CHUNK, last: 2 * CHUNK - 1 }],
      missing: [
        { start: 0, last: CHUNK - 1 },
        { start: 2 * CHUNK, last: 3 * CHUNK - 1 },
      ],
    };
    expect(shown.data).toMatchObject(expected);
    const id = sent.headers.get("x-granary-upload");
    expect((await ask("GET", `/uploads/${id}/missing`, {})).data).toMatchObject(expected);
    const head = await fetch(`${network.url()}/resume/missing.bin?total=${bytes.length}`, {
      method: "HEAD",
      headers: network.signed(),
    });
    expect([head.status, head.headers.get("x-granary-upload")]).toEqual([200, id]);
  });

  it("that overlaps another is refused, and nothing of it stays", async () => {
    const sent = await middle("overlap.bin");
    const before = await network.stagedFiles();
    const range = `bytes ${CHUNK + 1}-${2 * CHUNK}/${bytes.length}`;
    const answer = await ask(
      "PUT",
      "/resume/overlap.bin",
      network.signed({ "content-range": range }),
      bytes.subarray(0, CHUNK),
    );
    expect([answer.status, answer.code]).toEqual([409, "PART_OVERLAPS"]);
    expect(await network.stagedFiles()).toEqual(before);
    const uploadId = sent.headers.get("x-granary-upload") as string;
    expect(await network.database.uploadPart.count({ where: { uploadId } })).toBe(1);
  });

  it("with other bytes replaces the first ones while the upload is receiving, and is refused after", async () => {
    const first = randomBytes(bytes.length);
    await sendRange("replace.bin")(first, 0, 3);
    for (const i of [0, 1]) expect((await sendRange("replace.bin")(bytes, i, 3)).status).toBe(308);
    const done = await sendRange("replace.bin")(bytes, 2, 3);
    expect(done.data).toEqual({ fid: digest(bytes) });
    const again = await sendRange("replace.bin")(bytes, 1, 3);
    expect([again.status, again.data]).toEqual([200, { fid: digest(bytes) }]);
    const other = await sendRange("replace.bin")(first, 1, 3);
    expect([other.status, other.code]).toEqual([409, "PART_DIFFERS"]);
  });

  it("that two gateways are given with different bytes at the same instant is of one of them, digest and bytes", async () => {
    const replica = await network.startReplica();
    try {
      for (let round = 0; round < 6; round += 1) {
        const answers = await Promise.all(
          [network.url(), replica.url, network.url(), replica.url].map((gateway) =>
            sendRange("contested.bin", gateway)(randomBytes(bytes.length), 1, 3),
          ),
        );
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([308]));
        const uploadId = answers[0]?.headers.get("x-granary-upload") as string;
        const [row, ...more] = await network.database.uploadPart.findMany({ where: { uploadId } });
        expect(more).toEqual([]);
        const files = (await network.stagedFiles()).filter((one) => one.includes(uploadId));
        expect(files).toHaveLength(1);
        expect(digest(await readFile(files[0] as string))).toBe(row?.sha256);
      }
    } finally {
      await replica.stop();
    }
  });

  it("may lie in a body that is the whole object, as the published SDK sends it", async () => {
    for (const i of [2, 0, 1]) {
      const range = `bytes ${i * CHUNK}-${(i + 1) * CHUNK - 1}/${bytes.length}`;
      const answer = await ask("PUT", "/resume/sdk.bin", network.signed({ "content-range": range }), bytes);
      expect(answer.status).toBe(i === 1 ? 200 : 308);
      if (i === 1) expect(answer.data).toEqual({ fid: digest(bytes) });
    }
  });

  it("that follows an upload of the same name and size begins a new one once the old one is long finished", async () => {
    for (const i of [0, 1, 2]) await sendRange("again.bin")(bytes, i, 3);
    await network.database.upload.updateMany({
      where: { name: "again.bin" },
      data: { receivedAt: new Date(Date.now() - 3_600_000) },
    });
    expect((await sendRange("again.bin")(randomBytes(bytes.length), 0, 3)).status).toBe(308);
    expect(await network.database.upload.count({ where: { name: "again.bin" } })).toBe(2);
  });

  it("that a crash left without its row does not become part of the object", async () => {
    const sent = await sendRange("crash.bin")(bytes, 0, 3);
    const id = sent.headers.get("x-granary-upload") as string;
    const file = (await network.stagedFiles()).find((one) => one.includes(id)) as string;
    await copyFile(file, file.replace(/\d{16}$/, "0000000000000007"));
    await sendRange("crash.bin")(bytes, 1, 3);
    expect((await sendRange("crash.bin")(bytes, 2, 3)).data).toEqual({ fid: digest(bytes) });
  });
});

describe("a block", () => {
  const bytes = randomBytes(2 * CHUNK);

  it("goes to the root as well, as the oldest client sends it", async () => {
    expect((await sendBlock("root.bin", "/")(bytes, 1, 2)).data).toBe(1);
    expect((await sendBlock("root.bin", "/")(bytes, 0, 2)).data).toEqual({ fid: digest(bytes) });
  });

  it("that makes the object longer than it was announced is refused, and can be sent again rightly", async () => {
    await sendBlock("long.bin")(bytes, 0, 2);
    const before = await network.stagedFiles();
    const form = new FormData();
    form.append("file", new Blob([bytes, bytes]), "blob");
    const headers = { filename: "long.bin", blocknumber: "2", blockindex: "1", totalsize: `${bytes.length}` };
    const wrong = await ask("PUT", "/chunks", network.signed(headers), form);
    expect([wrong.status, wrong.code]).toEqual([400, "BLOCKS_DO_NOT_FIT"]);
    expect(await network.stagedFiles()).toEqual(before);
    expect((await sendBlock("long.bin")(bytes, 1, 2)).data).toEqual({ fid: digest(bytes) });
  });
});

describe("an upload in chunks", () => {
  it("can be cancelled while it is receiving, and leaves no bytes", async () => {
    const bytes = randomBytes(2 * CHUNK);
    const sent = await sendRange("cancel.bin")(bytes, 0, 2);
    const id = sent.headers.get("x-granary-upload") as string;
    expect((await ask("DELETE", `/uploads/${id}`, network.signed())).status).toBe(200);
    expect((await network.stagedFiles()).filter((file) => file.includes(id))).toEqual([]);
    const shown = await ask("GET", `/uploads/${id}`, {});
    expect(shown.data).toMatchObject({ state: "failed", failure: { code: "UPLOAD_CANCELLED" } });
    const again = await ask("DELETE", `/uploads/${id}`, network.signed());
    expect([again.status, again.code]).toEqual([409, "UPLOAD_NOT_CANCELLABLE"]);
  });

  it("is given up when no chunk comes any more, and its bytes go", async () => {
    const sent = await sendRange("left.bin")(randomBytes(2 * CHUNK), 0, 2);
    const id = sent.headers.get("x-granary-upload") as string;
    await network.database.$executeRaw`
      UPDATE ingest.upload SET updated_at = updated_at - interval '2 days' WHERE id = ${id}::uuid`;
    await eventually("the upload is given up", async () => {
      const upload = await network.database.upload.findUniqueOrThrow({ where: { id } });
      return upload.state === "failed" && upload.failureCode === "UPLOAD_ABANDONED";
    });
    await network.database.$executeRaw`
      UPDATE ingest.upload SET updated_at = updated_at - interval '2 days' WHERE id = ${id}::uuid`;
    await eventually("its bytes are gone", async () => {
      return (await network.stagedFiles()).every((file) => !file.includes(id));
    });
  });
});
