import { randomBytes } from "node:crypto";
import { CHUNK_BYTES, CHUNK_PLAIN_BYTES } from "@granary/domain/object";
import { EMPTY_FID, type Fid, type UploadId } from "@granary/primitives";
import { freePort } from "@granary/testnet";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { storeObject } from "./support/encrypted.js";
import { type Consumer, codeOf, connectConsumer, type Message } from "./support/grpc-consumer.js";
import { PIECE, pieces, refusal } from "./support/grpc-messages.js";
import { digest, eventually, type Network, startNetwork } from "./support/network.js";
import { giveUpMessage, LETTER_ID } from "./support/operators.js";

const TOKEN = "a token of the internal network";
const OPERATOR_TOKEN = "a-token-of-ada-alone";
let network: Network;
let address: string;
let consumer: Consumer;
beforeAll(async () => {
  const port = await freePort();
  address = `127.0.0.1:${port}`;
  network = await startNetwork({
    GRPC_PORT: String(port),
    GRPC_TOKEN: TOKEN,
    BODY_STALL: "2s",
    KEY_ENCRYPTION_KEYS: `first:${Buffer.alloc(32, 1).toString("base64")}`,
    OPERATOR_TOKENS: `ada=${OPERATOR_TOKEN}`,
  });
  consumer = connectConsumer(address, { token: TOKEN, operator: OPERATOR_TOKEN });
});
afterAll(async () => {
  consumer?.close();
  await network?.stop();
});

const header = (more: object = {}) => ({
  header: { account: network.account, territory: "home", name: "object.bin", ...more },
});
/** Two seconds of looks. */
const LOOKS_AT_REST = 40;
async function read(request: object): Promise<{ header: Message; bytes: Buffer }> {
  let first: Message;
  const chunks: Buffer[] = [];
  for await (const message of consumer.stream("ObjectService", "Get", request)) {
    if (message.header) first = message.header;
    else chunks.push(message.chunk);
  }
  return { header: first, bytes: Buffer.concat(chunks) };
}

describe("a consumer that has the .proto files and a token", () => {
  it("stores an object and gets its FID, with the bytes as they were sent", async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 7);
    const { upload } = await consumer.put(pieces(bytes, header({ sizeBytes: bytes.length, contentType: "a/b" })));
    expect(upload).toMatchObject({ fid: digest(bytes), state: "UPLOAD_STATE_ENCODED", sizeBytes: bytes.length });
    expect(await network.database.upload.findUniqueOrThrow({ where: { id: upload.uploadId } })).toMatchObject({
      account: network.account,
      name: "object.bin",
      contentType: "a/b",
      sizeBytes: BigInt(bytes.length),
    });
    expect(await consumer.ask("ObjectService", "GetUpload", { uploadId: upload.uploadId })).toMatchObject({
      upload: { uploadId: upload.uploadId, receivedBytes: bytes.length, columns: 12 },
    });
  });

  it("stores nothing at all as the empty object, and reads it back", async () => {
    const { upload } = await consumer.put([header(), { end: {} }]);
    expect(upload).toMatchObject({ fid: EMPTY_FID, state: "UPLOAD_STATE_ACTIVE" });
    const { header: head, bytes } = await read({ fid: EMPTY_FID });
    expect([head.length, bytes.length]).toEqual([0, 0]);
  });

  it("leaves nothing behind of an upload that falls silent, nor of one that it breaks off", async () => {
    const silence = new AbortController();
    async function* silent() {
      yield header({ name: "broken.bin" });
      yield { chunk: randomBytes(PIECE) };
      await new Promise((resolve) => silence.signal.addEventListener("abort", resolve));
    }
    const slow = await refusal(consumer.put(silent()));
    expect([slow.code, codeOf(slow)]).toEqual([status.DEADLINE_EXCEEDED, "BODY_TOO_SLOW"]);
    const leaving = refusal(consumer.put(silent(), silence.signal));
    await eventually("the second one is being received", () =>
      network.database.upload.findFirst({ where: { name: "broken.bin" } }).then((found) => found !== null),
    );
    silence.abort();
    expect((await leaving).code).toBe(status.CANCELLED);
    await eventually("both are gone", () =>
      network.database.upload.findFirst({ where: { name: "broken.bin" } }).then((found) => found === null),
    );
  });

  it.each([
    ["bytes before the header", () => [{ chunk: Buffer.from("x") }], status.INVALID_ARGUMENT, "PUT_HEADER_MISSING"],
    ["no end and no size", () => [header(), { chunk: Buffer.from("x") }], status.INVALID_ARGUMENT, "BODY_ABORTED"],
    [
      "bytes after the end",
      () => [header(), { end: {} }, { chunk: Buffer.from("x") }],
      status.INVALID_ARGUMENT,
      "PUT_ENDED",
    ],
    ["a second header", () => [header(), header()], status.INVALID_ARGUMENT, "PUT_HEADER_AGAIN"],
    ["no address", () => [header({ account: "nobody" })], status.INVALID_ARGUMENT, "ACCOUNT_INVALID"],
    ["a stage of another time", () => [header({ waitFor: 77 })], status.INVALID_ARGUMENT, "WAIT_INVALID"],
    [
      "another size than it said",
      () => [header({ sizeBytes: 5 }), { chunk: Buffer.from("four") }],
      status.INVALID_ARGUMENT,
      "PART_LENGTH_WRONG",
    ],
    [
      "a foreign territory",
      () => [header({ territory: "away" }), { chunk: Buffer.from("x") }],
      status.PERMISSION_DENIED,
      "TERRITORY_NOT_OWNED",
    ],
  ])("is refused for %s with a status and a code", async (_what, messages, wanted, code) => {
    const error = await refusal(consumer.put(messages()));
    expect([error.code, codeOf(error)]).toEqual([wanted, code]);
    expect(await network.database.upload.count({ where: { state: "receiving" } })).toBe(0);
  });

  it("reads an object, and any range of it", async () => {
    const bytes = randomBytes(5 * 1024 * 1024 + 3);
    const fid = digest(bytes);
    network.objects.set(fid, bytes);
    const whole = await read({ fid });
    expect(whole.header).toMatchObject({ fid, sizeBytes: bytes.length, offset: 0, length: bytes.length });
    expect(whole.bytes.equals(bytes)).toBe(true);
    for (const [offset, length] of [
      [0, 1],
      [7, 100_000],
      [bytes.length - 1, 1],
      [bytes.length - 10, undefined],
      [3, 0],
    ] as const) {
      const part = await read({ fid, offset, ...(length === undefined ? {} : { length }) });
      const expected = bytes.subarray(offset, length === undefined ? bytes.length : offset + length);
      expect(part.header).toMatchObject({ sizeBytes: bytes.length, offset, length: expected.length });
      expect(part.bytes.equals(expected)).toBe(true);
    }
    const beyond = await refusal(read({ fid, offset: bytes.length + 1 }));
    expect([beyond.code, codeOf(beyond)]).toEqual([status.OUT_OF_RANGE, "RANGE_NOT_SATISFIABLE"]);
    const unknown = await refusal(read({ fid: "0".repeat(64) }));
    expect([unknown.code, codeOf(unknown)]).toEqual([status.NOT_FOUND, "FID_UNKNOWN"]);
  });

  it("that reads slowly does not make the gateway hold the object in memory", async () => {
    const bytes = randomBytes(64 * 1024 * 1024);
    const fid = digest(bytes);
    network.objects.set(fid, bytes);
    // Taken before the call: once its first message is here, the transfer may already have come to rest.
    const servedBefore = network.retrievalServed();
    const call = consumer.stream("ObjectService", "Get", { fid });
    const messages = call[Symbol.asyncIterator]();
    await messages.next();
    // The consumer now takes nothing: what the gateway takes from retrieval must come to rest far below the object.
    let last = servedBefore;
    let stillFor = 0;
    await eventually("the transfer has begun, and rests", () => {
      const now = network.retrievalServed();
      stillFor = now === last && now > servedBefore ? stillFor + 1 : 0;
      last = now;
      return stillFor >= LOOKS_AT_REST;
    });
    expect(last - servedBefore).toBeLessThan(bytes.length / 2);
    call.cancel();
    const drain = async () => {
      while (!(await messages.next()).done);
    };
    expect((await refusal(drain())).code).toBe(status.CANCELLED);
  });

  it("reads encrypted objects, and ranges of them: with the customer's key, or for the owner where the gateway has it", async () => {
    const plain = randomBytes(3 * CHUNK_PLAIN_BYTES + 1234);
    const encryptionKey = randomBytes(32);
    const theirs = await storeObject(network, plain, { "encryption-key": encryptionKey.toString("base64") });
    const ours = await storeObject(network, plain, { encryption: "aes-256-gcm" });
    for (const asked of [
      { fid: theirs.fid, encryptionKey },
      { fid: ours.fid, account: network.account },
    ]) {
      const whole = await read(asked);
      expect(whole.header).toMatchObject({ sizeBytes: plain.length, offset: 0, length: plain.length });
      expect(whole.bytes.equals(plain)).toBe(true);
      for (const [offset, length] of [
        [CHUNK_PLAIN_BYTES - 1, 2],
        [70_000, 120_000],
        [plain.length - 5, 100],
        [7, 0],
      ] as const) {
        const expected = plain.subarray(offset, offset + length);
        const part = await read({ ...asked, offset, length });
        expect(part.header).toMatchObject({ sizeBytes: plain.length, offset, length: expected.length });
        expect(part.bytes.equals(expected)).toBe(true);
      }
      const beyond = await refusal(read({ ...asked, offset: plain.length }));
      expect([beyond.code, codeOf(beyond)]).toEqual([status.OUT_OF_RANGE, "RANGE_NOT_SATISFIABLE"]);
    }
    const tampered = Buffer.from(theirs.stored);
    tampered[2 * CHUNK_BYTES] = (tampered[2 * CHUNK_BYTES] as number) ^ 1;
    network.objects.set(theirs.fid, tampered);
    const broken = await refusal(read({ fid: theirs.fid, encryptionKey }));
    expect([broken.code, codeOf(broken)]).toEqual([status.DATA_LOSS, "CHUNK_NOT_AUTHENTIC"]);
  });

  it("is refused an encrypted object without its key, with another, or for another account, and never told the key", async () => {
    const encryptionKey = randomBytes(32);
    const theirs = await storeObject(network, Buffer.from("theirs"), {
      "encryption-key": encryptionKey.toString("base64"),
    });
    const ours = await storeObject(network, Buffer.from("ours"), { encryption: "aes-256-gcm" });
    const [wrongKey, shortKey] = [randomBytes(32), randomBytes(31)];
    const { fid } = ours;
    for (const [asked, wanted, code] of [
      [{ fid: theirs.fid }, status.INVALID_ARGUMENT, "ENCRYPTION_KEY_MISSING"],
      [{ fid: theirs.fid, encryptionKey: wrongKey }, status.PERMISSION_DENIED, "ENCRYPTION_KEY_WRONG"],
      [{ fid: theirs.fid, encryptionKey: shortKey }, status.INVALID_ARGUMENT, "ENCRYPTION_KEY_INVALID"],
      [{ fid, account: network.gateway }, status.PERMISSION_DENIED, "OBJECT_NOT_OWNED"],
      [{ fid }, status.PERMISSION_DENIED, "OBJECT_NOT_OWNED"],
      [{ fid, account: network.account, encryptionKey }, status.PERMISSION_DENIED, "ENCRYPTION_KEY_WRONG"],
      [{ fid, cipher: "two\nlines", account: "nobody" }, status.INVALID_ARGUMENT, "ACCOUNT_INVALID"],
    ] as const) {
      const error = await refusal(read(asked));
      expect([error.code, codeOf(error)]).toEqual([wanted, code]);
      const told = JSON.stringify([error.details, error.metadata.toJSON(), error.metadata.get("granary-details-bin")]);
      for (const key of [encryptionKey, wrongKey, shortKey]) {
        for (const form of ["base64", "hex"] as const) expect(told).not.toContain(key.toString(form));
      }
    }
  });

  it("reads the CESS cipher mode with the password that retrieval opens it with", async () => {
    const bytes = randomBytes(1000);
    network.objects.set(digest(bytes), bytes);
    expect((await read({ fid: digest(bytes), cipher: "grün" })).bytes.equals(bytes)).toBe(true);
    expect(network.ciphersSeen()).toEqual([Buffer.from("grün", "utf8").toString("latin1")]);
    const refused = await refusal(read({ fid: digest(bytes), cipher: "two\nlines" }));
    expect([refused.code, codeOf(refused)]).toEqual([status.INVALID_ARGUMENT, "CIPHER_INVALID"]);
  });

  it("knows what is stored, lists it page by page, and deletes it", async () => {
    const fid = "c".repeat(64) as Fid;
    const owner = { account: network.account, territory: "home", name: "chain.txt" };
    network.others.chainFiles.set(fid, {
      fid,
      state: "active",
      sizeBytes: 10,
      segmentCount: 1,
      completedBlock: 5,
      owners: [owner],
    });
    expect(await consumer.ask("ObjectService", "Stat", { fid })).toEqual({
      object: { fid, sizeBytes: 10, state: "active", segmentCount: 1, owners: [owner] },
    });
    network.others.holdings = [{ territory: "home", fid, name: "chain.txt", sizeBytes: 10 }];
    const { objects } = await consumer.ask("ObjectService", "List", { account: network.account, pageSize: 5 });
    expect(objects).toContainEqual({ territory: "home", fid, name: "chain.txt", sizeBytes: 10, state: "active" });
    const asked = { account: network.account, fid };
    expect(await consumer.ask("ObjectService", "Delete", asked)).toMatchObject({ blockHash: "0xabc", blockNumber: 99 });
    expect(network.others.deleted).toEqual([fid]);
    const absent = await refusal(consumer.ask("ObjectService", "Stat", { fid: "d".repeat(64) }));
    expect([absent.code, codeOf(absent)]).toEqual([status.NOT_FOUND, "FID_UNKNOWN"]);
    const many = await refusal(consumer.ask("ObjectService", "List", { account: network.account, pageSize: 1001 }));
    expect([many.code, codeOf(many)]).toEqual([status.INVALID_ARGUMENT, "LIMIT_INVALID"]);
  });

  it("follows an upload from received to active, and the stream ends there", async () => {
    network.others.doesEncode = false;
    const { upload } = await consumer.put(pieces(Buffer.from("to watch"), header({ waitFor: "WAIT_FOR_RECEIVED" })));
    const { uploadId } = upload as { uploadId: UploadId };
    const states: string[] = [];
    const told = (state: string) => eventually(`${state} is told`, () => states.includes(state));
    const watching = (async () => {
      for await (const message of consumer.stream("ObjectService", "WatchUpload", { uploadId })) {
        states.push(message.upload.state);
      }
    })();
    await told("UPLOAD_STATE_RECEIVED");
    const fid = digest(Buffer.from("to watch")) as Fid;
    const { sizeBytes, stagedBytes } = { sizeBytes: 8, stagedBytes: 8 };
    const object = { uploadId, fid, account: network.account, territory: "home", name: "object.bin", placement: null };
    await network.announce("objectEncoded", { ...object, sizeBytes, stagedBytes, segmentCount: 1 });
    await told("UPLOAD_STATE_ENCODED");
    const deal = { uploadId, fid, placedColumns: 7, reportedColumns: 3, activeBlock: null, failure: null };
    await network.announce("dealAdvanced", { ...deal, revision: 2, state: "placing" });
    await told("UPLOAD_STATE_PLACING");
    const done = { placedColumns: 12, reportedColumns: 12, activeBlock: 90, state: "active" as const };
    await network.announce("dealAdvanced", { ...deal, ...done, revision: 9 });
    await watching;
    expect(states.at(-1)).toBe("UPLOAD_STATE_ACTIVE");
    network.others.doesEncode = true;
    const late = await refusal(consumer.ask("ObjectService", "CancelUpload", { account: network.account, uploadId }));
    expect([late.code, codeOf(late)]).toEqual([status.FAILED_PRECONDITION, "UPLOAD_NOT_CANCELLABLE"]);
  });

  it("sees deals and miners", async () => {
    const fid = "e".repeat(64) as Fid;
    const column = { state: "placed" as const, miner: network.account, endpoint: "http://miner", attempts: 1 };
    network.others.deal = {
      uploadId: "00000000-0000-4000-8000-000000000001" as UploadId,
      fid,
      account: network.account,
      state: "placing",
      revision: 3,
      failure: null,
      columns: Array.from({ length: 12 }, (_, i) => {
        return { index: i + 1, ...column, leaseUntil: null, reportedBlock: null, relaxations: [] };
      }),
      attempts: [],
    };
    const { deal } = await consumer.ask("DealService", "GetDeal", { fid });
    expect(deal).toMatchObject({ fid, state: "placing", revision: 3 });
    expect(deal.columns[11]).toMatchObject({ index: 12, miner: network.account, state: "placed" });
    network.others.deal = null;
    const none = await refusal(consumer.ask("DealService", "GetDeal", { fid }));
    expect([none.code, codeOf(none)]).toEqual([status.NOT_FOUND, "DEAL_UNKNOWN"]);
    expect(await consumer.ask("MinerService", "ListMiners", {})).toEqual({ miners: [], nextPageToken: "" });
  });

  it("learns why a miner gets nothing", async () => {
    const why = await consumer.ask("MinerService", "ExplainMiner", { account: network.account });
    expect(why).toMatchObject({
      miner: { account: network.account, standing: "quarantined", scoreParts: { trust: 0.75, cost: 42 }, alpha: 3 },
      refusal: { code: "QUARANTINED", reason: "an operator keeps it away" },
      eligibleMiners: 23,
      groups: { host: "miner.example", country: "LI" },
      position: { longitude: 9.5, latitude: 47.1 },
      cooldown: { failuresInRow: 1, failuresToRest: 3, nextRestSeconds: 90 },
      secondsPerFragment: 0.5,
      attempts: [{ index: 7, fid: "f".repeat(64) }],
      outcomes: { reported: 9, TRANSFER_TIMEOUT: 1 },
      actions: [{ action: "miner.quarantined", actor: "ada" }],
    });
    expect(why).not.toHaveProperty("rank");
  });
});

describe("an operator with a token of its own", () => {
  const operate = (method: string, request: object = {}) => consumer.ask("OperatorService", method, request);
  /** What a service was asked to do since then, with who wanted it. */
  const since = (before: number) => network.others.deeds.slice(before);

  it("keeps miners away, pauses placing and takes up deals, in its own name and with its reason", async () => {
    const before = network.others.deeds.length;
    const { account } = network;
    expect(await operate("QuarantineMiner", { account, reason: "a look" })).toEqual({ standing: "quarantined" });
    expect(await operate("ReleaseMiner", { account, reason: "it is fine" })).toEqual({ standing: "available" });
    expect(await operate("ResumeDeal", { uploadId: LETTER_ID, reason: "again" })).toEqual({ state: "opened" });
    const paused = { actor: "ada", reason: "works" };
    expect(await operate("PausePlacement", { reason: "works" })).toMatchObject({ placementPause: paused });
    expect(await operate("GetQueues")).toMatchObject({
      queues: [
        { name: "encode", waiting: 1, active: 2 },
        { name: "send", delayed: 3 },
      ],
      placementPause: paused,
    });
    await operate("ResumePlacement", { reason: "done" });
    expect(await operate("GetQueues")).not.toHaveProperty("placementPause");
    expect(since(before)).toEqual([
      ["minerQuarantine", { account, actor: "ada", reason: "a look" }],
      ["minerRelease", { account, actor: "ada", reason: "it is fine" }],
      ["dealResume", { uploadId: LETTER_ID, actor: "ada", reason: "again" }],
      ["placementPause", { isPaused: true, actor: "ada", reason: "works" }],
      ["placementPause", { isPaused: false, actor: "ada", reason: "done" }],
    ]);
    const { actions } = await operate("ListActions", { pageSize: 1 });
    expect(actions).toMatchObject([{ id: "7", actor: "ada", action: "deal.resumed", reason: "again" }]);
    expect(await operate("ListActions", { before: "7" })).toMatchObject({ actions: [{ id: "6", actor: "bea" }] });
  });

  it("sees what stands still and why, takes it up, and finds it on record", async () => {
    network.others.doesEncode = false;
    const { upload } = await consumer.put(pieces(Buffer.from("stuck"), header({ waitFor: "WAIT_FOR_RECEIVED" })));
    const { uploadId } = upload;
    const find = async () =>
      (await operate("ListStuckUploads", { stillSeconds: 1, pageSize: 200 })).uploads.find(
        (one: Message) => one.uploadId === uploadId,
      );
    await eventually("it has stood still for long enough", async () => (await find()) !== undefined);
    expect(await find()).toMatchObject({ state: "received", why: { code: "ENCODING_UNKNOWN" } });
    const { uploads } = await operate("GetQueues");
    expect(uploads).toContainEqual({ state: "received", count: expect.any(Number), oldestStep: expect.any(String) });
    expect(await operate("RetryUpload", { uploadId, reason: "impatience" })).toEqual({ how: "announced" });
    network.others.doesEncode = true;
    const { records } = await operate("ListAuditRecords", { subject: uploadId });
    expect(records).toMatchObject([
      { service: "ingest-gateway", actor: "operator:ada", action: "upload.retried", subject: uploadId },
      { actor: `account:${network.account}`, action: "upload.accepted" },
    ]);
    expect(JSON.parse(records[0].details)).toEqual({ reason: "impatience" });
    const older = await operate("ListAuditRecords", { subject: uploadId, before: records[0].id });
    expect(older.records).toMatchObject([{ id: records[1].id }]);
  });

  it("has a message that was given up handled after all, or gives it up for good, whoever's it is", async () => {
    network.others.doesEncode = false;
    const { upload } = await consumer.put(pieces(Buffer.from("doomed"), header({ waitFor: "WAIT_FOR_RECEIVED" })));
    const messageIds = [`${upload.uploadId} 1`, `${upload.uploadId} 2`] as const;
    for (const messageId of messageIds) await giveUpMessage(network.database, upload.uploadId, messageId);
    const ours = { service: "ingest-gateway" };
    const { letters } = await operate("ListDeadLetters", { ...ours, pageSize: 1 });
    expect(letters).toMatchObject([{ event: "encodingFailed", messageId: messageIds[0], deliveries: 5 }]);
    expect(JSON.parse(letters[0].payload)).toMatchObject({ uploadId: upload.uploadId });
    const rest = await operate("ListDeadLetters", { ...ours, after: letters[0].id });
    expect(rest.letters).toMatchObject([{ messageId: messageIds[1] }]);

    const replay = { ...ours, id: letters[0].id, reason: "it is mended" };
    expect(await operate("ReplayDeadLetter", replay)).toEqual({ event: "encodingFailed" });
    const { upload: failed } = await consumer.ask("ObjectService", "GetUpload", { uploadId: upload.uploadId });
    expect(failed).toMatchObject({ state: "UPLOAD_STATE_FAILED", failure: { code: "POISON" } });
    const again = await refusal(operate("ReplayDeadLetter", replay));
    expect([again.code, codeOf(again)]).toEqual([status.NOT_FOUND, "DEAD_LETTER_UNKNOWN"]);
    const discard = { ...ours, id: rest.letters[0].id, reason: "the same again" };
    expect(await operate("DiscardDeadLetter", discard)).toEqual({ event: "encodingFailed" });
    expect((await operate("ListDeadLetters", ours)).letters).toEqual([]);
    const { records } = await operate("ListAuditRecords", { actor: "operator:ada", pageSize: 2 });
    expect(records.map(({ action }: Message) => action)).toEqual(["dead-letter.discarded", "dead-letter.replayed"]);

    const before = network.others.deeds.length;
    const theirs = { service: "scheduler", id: LETTER_ID, reason: "it is mended" };
    expect((await operate("ListDeadLetters", { service: "scheduler" })).letters).toMatchObject([{ id: LETTER_ID }]);
    await operate("ReplayDeadLetter", theirs);
    await operate("DiscardDeadLetter", { ...theirs, service: "preprocessor" });
    const order = { id: LETTER_ID, actor: "ada", reason: "it is mended" };
    expect(since(before)).toEqual([
      ["dealDeadLetterSettle", { ...order, how: "replay" }],
      ["encodingDeadLetterSettle", { ...order, how: "discard" }],
    ]);
    network.others.doesEncode = true;
  });

  it.each([
    ["no reason", "PausePlacement", { reason: " " }, "REASON_MISSING"],
    ["an account that is none", "QuarantineMiner", { account: "x", reason: "y" }, "ACCOUNT_INVALID"],
    ["a letter that is none", "ReplayDeadLetter", { service: "scheduler", id: "1", reason: "y" }, "ID_INVALID"],
    ["a page too long", "ListStuckUploads", { pageSize: 201 }, "LIMIT_INVALID"],
    ["a service that hears nothing", "ListDeadLetters", { service: "retrieval" }, "SERVICE_UNKNOWN"],
  ])("is refused for %s", async (_what, method, request, code) => {
    const before = network.others.deeds.length;
    expect(codeOf(await refusal(operate(method, request)))).toBe(code);
    expect(since(before)).toEqual([]);
  });

  it("is nobody without it, or with another: whoever is let in cannot call any of it", async () => {
    const before = network.others.deeds.length;
    const methods = consumer.methods.filter((name) => name.startsWith("OperatorService/"));
    expect(methods.length).toBeGreaterThan(12);
    for (const operator of [undefined, TOKEN]) {
      const stranger = connectConsumer(address, { token: TOKEN, ...(operator === undefined ? {} : { operator }) });
      for (const name of methods) {
        const request = { account: network.account, uploadId: LETTER_ID, id: LETTER_ID, service: "scheduler" };
        const asked = stranger.ask("OperatorService", name.split("/")[1] as string, { ...request, reason: "x" });
        const error = await refusal(asked);
        expect([name, error.code, codeOf(error)]).toEqual([name, status.PERMISSION_DENIED, "OPERATOR_UNKNOWN"]);
      }
      stranger.close();
    }
    expect(since(before)).toEqual([]);
  });

  it("has, with the consumer, called every rpc that the .proto files name", () => {
    expect(consumer.methods.length).toBeGreaterThan(20);
    expect([...consumer.called].sort()).toEqual([...consumer.methods].sort());
  });
});

describe("the gRPC services", () => {
  it("refuse a caller without the token, or with another, whatever it asks", async () => {
    for (const token of [undefined, "another"]) {
      const stranger = connectConsumer(address, token === undefined ? {} : { token });
      const error = await refusal(stranger.ask("ObjectService", "Stat", { fid: "c".repeat(64) }));
      expect([error.code, codeOf(error)]).toEqual([status.UNAUTHENTICATED, "CALLER_UNKNOWN"]);
      const put = await refusal(stranger.put(pieces(Buffer.from("not mine"), header())));
      expect(put.code).toBe(status.UNAUTHENTICATED);
      stranger.close();
    }
  });

  it("count their calls by method and status", async () => {
    const text = await (await fetch(`${network.url()}/metrics`)).text();
    const value = (labels: string) =>
      Number(new RegExp(`granary_grpc_calls_total\\{${labels}[^}]*\\} (\\d+)`).exec(text)?.[1]);
    expect(value('method="Stat",outcome="UNAUTHENTICATED"')).toBeGreaterThan(1);
    expect(value('method="Get",outcome="OK"')).toBeGreaterThan(0);
    expect(value('method="Get",outcome="CANCELLED"')).toBeGreaterThan(0);
    // Every rpc has a name of its own among the labels: none counts as another.
    const unnamed = consumer.methods.filter((name) => Number.isNaN(value(`method="${name.split("/")[1]}"`)));
    expect(unnamed).toEqual([]);
  });
});
