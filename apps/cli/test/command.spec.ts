import { spawn } from "node:child_process";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { loadSigner } from "@granary/chain-client";
import { connectDatabase, createDeadLetters } from "@granary/database";
import { EMPTY_FID, MiB } from "@granary/primitives";
import { digestFile } from "@granary/sdk";
import { developmentKeys, poll, temporaryFolder } from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Stage, setStage, TERRITORY } from "./harness.js";

const bin = fileURLToPath(new URL("../bin/granary.js", import.meta.url));
const sdkExample = fileURLToPath(new URL("../../../packages/sdk/examples/store-and-read.mjs", import.meta.url));

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const granary = (args: readonly string[], environment: Record<string, string>, cwd: string, input?: string) =>
  runNode([bin, ...args], environment, cwd, input);

function runNode(
  args: readonly string[],
  environment: Record<string, string>,
  cwd: string,
  input?: string,
): Promise<Run> {
  return new Promise((resolve) => {
    const { PATH = "", HOME = "" } = process.env;
    const child = spawn(process.execPath, args, { cwd, env: { PATH, HOME, ...environment } });
    child.stdin.end(input);
    let out = "";
    let err = "";
    child.stdout.on("data", (text) => {
      out += text;
    });
    child.stderr.on("data", (text) => {
      err += text;
    });
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

describe("the granary command", () => {
  let stage: Stage;
  let environment: Record<string, string>;
  beforeAll(async () => {
    stage = await setStage("command", { minerCount: 13 });
    environment = {
      GRANARY_GATEWAY_URL: stage.network.urls.gateway,
      GRANARY_CHAIN_URL: stage.network.urls.chain,
      GRANARY_KEY: developmentKeys.user,
      GRANARY_OPERATOR_TOKEN: developmentKeys.operatorToken,
    };
  });
  afterAll(() => stage?.close());

  const run = (...args: string[]) => granary(args, environment, stage.folder);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, out, err } = await run(...args, "--json");
    if (code !== 0) throw new Error(`${args.join(" ")}: ${code}\n${out}${err}`);
    return JSON.parse(out) as T;
  };
  const putAndGet = async (file: string) => {
    const { fid } = await json<{ fid: string }>("put", file, "--territory", TERRITORY);
    await json("get", fid, "--output", `${file}.back`);
    expect(await digestFile(`${file}.back`)).toEqual(await digestFile(file));
    return fid;
  };

  it("stores a file, shows where it is, gives it back and deletes it", async () => {
    const file = await stage.makeFile("round-trip.bin", 33 * MiB + 7);
    const fid = await putAndGet(file);
    const listed = await json<{ fid: string; name: string }[]>("ls", "--territory", TERRITORY);
    expect(listed).toContainEqual(expect.objectContaining({ fid, name: "round-trip.bin" }));
    const map = await json<{ columns: { miner: string }[] }>("map", fid);
    expect(new Set(map.columns.map((column) => column.miner)).size).toBe(12);
    expect(await json("status", fid)).toMatchObject({ fid, size: 33 * MiB + 7, state: "active" });
    expect(await json("rm", fid)).toMatchObject({ fid });
    // Gone when the deletion is final, and what is remembered of the file for a moment is forgotten.
    const isGone = async () => (await run("get", fid, "-o", `${file}.again`)).code === 4;
    expect(await poll(isGone, 60_000, 500)).toBe(true);
  });

  it("does what a program does with the SDK", async () => {
    const { code, out, err } = await runNode([sdkExample, TERRITORY], environment, stage.folder);
    expect([code, err]).toEqual([0, ""]);
    const [stored, whole, part, listed, removed] = out.trim().split("\n");
    expect(stored).toMatch(/^stored as [0-9a-f]{64}: active$/);
    expect(whole).toBe("What is written here lies on twelve miners, and four of them would do.");
    expect(part).toBe("lies on twelve miners");
    expect(listed).toContain("note.txt");
    expect(removed).toBe("removed");
  });

  it("stores a file whose segments are all the same, and one of nothing at all", async () => {
    const same = path.join(stage.folder, "same.bin");
    await writeFile(same, Buffer.alloc(70 * MiB, 5));
    await putAndGet(same);
    const empty = path.join(stage.folder, "empty.bin");
    await writeFile(empty, "");
    expect(await putAndGet(empty)).toBe(EMPTY_FID);
  });

  it("encrypts with a key from a file, and gives nothing back without it", async () => {
    const file = await stage.makeFile("secret.bin", 5 * MiB, 9);
    const key = path.join(stage.folder, "cipher-key");
    await writeFile(key, "a key of my own\n");
    const { fid } = await json<{ fid: string }>("put", file, "--territory", TERRITORY, "--cipher-file", key);
    await json("get", fid, "--cipher-file", key, "-o", `${file}.back`);
    expect(await digestFile(`${file}.back`)).toEqual(await digestFile(file));
    await writeFile(key, "another key\n");
    const refused = await run("get", fid, "--cipher-file", key, "-o", `${file}.wrong`);
    expect([refused.code, refused.err]).toEqual([3, expect.stringContaining("CIPHER_KEY_WRONG")]);
  });

  it("makes a key that only its owner can read, buys territory with it, and shows both", async () => {
    const keyFile = path.join(stage.folder, "new-key");
    const { account } = await json<{ account: string }>("account", "new", "--out", keyFile);
    expect((await readFile(keyFile, "utf8")).trim().split(" ")).toHaveLength(12);
    await stage.chain.writer.signAndFinalize(
      stage.signer,
      stage.chain.calls.transfer(account as never, 1000n * 10n ** 18n),
    );
    const mine = ["--key-file", keyFile];
    expect(await json("account", "show", ...mine)).toMatchObject({ account, freeBalance: `${1000n * 10n ** 18n}` });
    expect(await json("territory", "buy", "own", "--gib", "1", ...mine)).toMatchObject({
      territory: "own",
      authorized: stage.network.gatewayAccount,
    });
    const owned = await json<unknown[]>("territory", "ls", ...mine);
    expect(owned).toMatchObject([{ name: "own", state: "active", totalBytes: 1024 * MiB }]);
    expect((await run("account", "new", "--out", keyFile)).code).toBe(5);
  });

  it("takes over a key from standard input, and refuses what is none", async () => {
    const out = path.join(stage.folder, "imported-key");
    const imported = await granary(["account", "import", "--out", out], environment, stage.folder, "//Bob\n");
    expect(imported).toMatchObject({ code: 0, out: expect.stringContaining((await loadSigner("//Bob")).account) });
    expect((await stat(out)).mode & 0o077).toBe(0);
    const refused = await granary(["account", "import", "--out", `${out}-2`], environment, stage.folder, "no key\n");
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("SECRET_INVALID") });
  });

  it("leads a territory through its life, with the price shown before and a limit obeyed", async () => {
    const name = `life-${Date.now()}`;
    const bought = await json<{ price: string; paid: string }>("territory", "buy", name, "--gib", "2");
    expect(BigInt(bought.paid) - BigInt(bought.price)).toBeGreaterThan(0n);
    const { deadlineBlock } = await json<{ deadlineBlock: number }>("territory", "show", name);
    const expanded = await json<{ price: string; paid: string }>("territory", "expand", name, "--gib", "1");
    // What it was said to cost is what it did cost, but for the fee.
    const fee = BigInt(expanded.paid) - BigInt(expanded.price);
    expect([fee > 0n, fee < 10n ** 18n]).toEqual([true, true]);
    const renewed = await json<{ price: string }>("territory", "renew", name, "--days", "10", "--yes");
    // 3 GiB for 10 days, after 2 GiB for 30.
    expect(BigInt(renewed.price) * 2n).toBe(BigInt(bought.price));
    expect(await json("territory", "show", name)).toMatchObject({
      totalBytes: 3 * 1024 * MiB,
      deadlineBlock: deadlineBlock + 10 * 14_400,
    });
    const dear = await run("territory", "renew", name, "--days", "10", "--max-price", "0.5");
    expect([dear.code, dear.err]).toEqual([5, expect.stringContaining("(PRICE_OVER_LIMIT)")]);
    const early = await run("territory", "reactivate", name, "--days", "30");
    expect([early.code, early.err]).toEqual([5, expect.stringContaining("(TERRITORY_NOT_EXPIRED)")]);
    await json("territory", "rename", name, `${name}-again`);
    const dave = (await loadSigner("//Dave")).account;
    const granted = await json<{ territory: string }>("territory", "grant", `${name}-again`, dave);
    expect(granted).toMatchObject({ grantedFrom: `${name}-again`, receiver: dave });
    const gone = await run("territory", "show", `${name}-again`);
    expect([gone.code, gone.err]).toEqual([4, expect.stringContaining("(TERRITORY_UNKNOWN)")]);
    expect(await json("territory", "show", granted.territory, "--account", dave)).toMatchObject({ account: dave });
    const asDave = { ...environment, GRANARY_KEY: "//Dave" };
    const named = await granary(["territory", "rename", granted.territory, "gift"], asDave, stage.folder);
    expect([named.code, named.err]).toEqual([0, ""]);
    expect(await json("territory", "show", "gift", "--account", dave)).toMatchObject({ account: dave });
  });

  it("offers a territory, sells it, refuses what would lose another, and calls it off", async () => {
    const name = `sold-${Date.now()}`;
    await json("territory", "buy", name, "--gib", "1");
    const { token } = await json<{ token: string }>("territory", "consign", name, "--price", "20");
    const offers = async () => (await json<{ token: string; price: string }[]>("territory", "consigned")).filter(mine);
    const mine = (offer: { token: string }) => offer.token === token;
    expect(await offers()).toMatchObject([{ price: String(20n * 10n ** 18n), sold: null }]);
    await json("territory", "cancel-consignment", name);
    expect(await offers()).toEqual([]);
    await json("territory", "consign", name, "--price", "20");

    const asEve = { ...environment, GRANARY_KEY: "//Eve" };
    const eve = (...args: string[]) => granary(["--json", "territory", ...args], asEve, stage.folder);
    const buyAs = (as: string, ...more: string[]) => eve("buy-consigned", token, "--name", as, ...more);
    const taken = `taken-${Date.now()}`;
    expect(await eve("buy", taken, "--gib", "1", "--no-authorize")).toMatchObject({ code: 0 });
    const refusals = [
      await buyAs(taken),
      await buyAs("fresh", "--max-price", "19"),
      await eve("cancel-purchase", token),
    ];
    expect(refusals.map(({ code }) => code)).toEqual([5, 5, 3]);
    expect(refusals.map(({ out }) => /"code":"(\w+)"/.exec(out)?.[1])).toEqual([
      "TERRITORY_EXISTS",
      "PRICE_OVER_LIMIT",
      "PURCHASE_NOT_YOURS",
    ]);
    const bought = JSON.parse((await buyAs("fresh")).out) as { handoverBlock: number; block: number };
    expect(bought.handoverBlock - bought.block).toBe(50);
    expect(await stage.chain.reader.consignment(token)).toMatchObject({ sold: { block: bought.handoverBlock } });
    expect(await eve("cancel-purchase", token)).toMatchObject({ code: 0 });
    expect(await offers()).toMatchObject([{ sold: null }]);
    await json("territory", "cancel-consignment", name);
    expect(await json("territory", "show", name)).toMatchObject({ token, state: "active" });
  });

  it("authorizes a gateway, lists it, and takes the authorization back", async () => {
    const operator = (await loadSigner("//Charlie")).account;
    const listed = async () => (await json<{ gateway: string }[]>("gateway", "ls")).map(({ gateway }) => gateway);
    await json("gateway", "authorize", operator);
    expect(await listed()).toEqual(expect.arrayContaining([stage.network.gatewayAccount, operator]));
    await json("gateway", "revoke", operator);
    expect(await listed()).toEqual([stage.network.gatewayAccount]);
  });

  it("lists miners with what the gateway thinks of each", async () => {
    const miners = await json<{ standing: string }[]>("miners");
    expect(miners).toHaveLength(13);
    expect(miners.every((miner) => miner.standing === "available")).toBe(true);
  });

  it("explains a miner, keeps it out and lets it back, on an operator's word that is written down", async () => {
    const [first] = await json<{ account: string }[]>("miners");
    const miner = first?.account as string;
    expect(await json("miners", "why", miner)).toMatchObject({ account: miner, refusal: null, eligibleMiners: 13 });
    await json("miners", "quarantine", miner, "--reason", "a look at its disk");
    expect(await json("miners", "why", miner)).toMatchObject({ refusal: { code: expect.any(String) } });
    await json("miners", "release", miner, "--reason", "the disk is fine");
    const actions = await json<{ action: string; reason: string }[]>("actions");
    expect(actions.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(["a look at its disk", "the disk is fine"]),
    );
    const nobody = { ...environment, GRANARY_OPERATOR_TOKEN: "not the token of anybody" };
    const refused = await granary(["miners", "quarantine", miner, "--reason", "x"], nobody, stage.folder);
    expect([refused.code, refused.out]).toEqual([3, ""]);
  });

  it("shows operators what waits and why, and does what they say", async () => {
    expect(await json<{ placementPause: null }>("ops", "queues")).toMatchObject({ placementPause: null });
    await json("ops", "pause", "--reason", "maintenance");
    expect(await json("ops", "queues")).toMatchObject({ placementPause: { reason: "maintenance" } });
    const file = await stage.makeFile("held-up.bin", 1000, 23);
    const { uploadId } = await json<{ uploadId: string }>("put", file, "--territory", TERRITORY, "--wait", "encoded");
    const stuck = async () => {
      const all = await json<{ uploadId: string; why: { code: string } }[]>("ops", "stuck", "--still", "1s");
      return all.find((upload) => upload.uploadId === uploadId)?.why.code;
    };
    expect(await poll(async () => (await stuck()) === "PLACEMENT_PAUSED", 120_000, 500)).toBe(true);
    expect(await json("ops", "retry", uploadId, "--reason", "a try")).toMatchObject({ how: "announced" });
    await json("ops", "unpause", "--reason", "done");
    await stage.waitFor(uploadId, "active");
    expect(await json("ops", "dead-letters")).toEqual([]);
    const record = await json<{ action: string }[]>("ops", "audit", "--subject", uploadId);
    expect(record.map(({ action }) => action)).toEqual(expect.arrayContaining(["upload.accepted", "upload.retried"]));
  });

  it("drains a miner, has a message handled after all, and gives another up, on an operator's word", async () => {
    const [first] = await json<{ account: string }[]>("miners");
    const miner = first?.account as string;
    expect(await json("ops", "drain", miner, "--reason", "a new disk")).toMatchObject({ standing: "quarantined" });
    expect(await json("miners", "why", miner)).toMatchObject({
      quarantinedReason: "a new disk (development)",
      rank: null,
    });
    await json("miners", "release", miner, "--reason", "the disk is there");
    await giveUp("a-fact", { fid: "e".repeat(64), block: 1 });
    await giveUp("no-fact", "this is not JSON");
    const letters = await json<{ id: string; service: string; messageId: string }[]>("ops", "dead-letters");
    expect(letters.map(({ service, messageId }) => [service, messageId])).toEqual([
      ["scheduler", "a-fact"],
      ["scheduler", "no-fact"],
    ]);
    const [fact, noise] = letters.map(({ id }) => id) as [string, string];
    const settle = (how: string, id: string) => run("ops", how, "scheduler", id, "--reason", "mended");
    expect(await settle("replay", fact)).toMatchObject({ code: 0, out: expect.stringContaining("dealRemoved") });
    expect(await settle("replay", noise)).toMatchObject({ code: 2, err: expect.stringContaining("(EVENT_INVALID)") });
    expect(await settle("discard", noise)).toMatchObject({ code: 0 });
    expect(await settle("discard", noise)).toMatchObject({ code: 4, err: expect.stringContaining("UNKNOWN)") });
    expect(await json("ops", "dead-letters")).toEqual([]);
    expect(await json("ops", "audit", "--subject", fact)).toMatchObject([
      { action: "dead-letter.replayed", actor: "operator:development", service: "scheduler" },
    ]);
  });

  /** As the scheduler keeps a message that its handler could not take. */
  async function giveUp(messageId: string, payload: unknown): Promise<void> {
    const database = connectDatabase({ url: stage.network.urls.database, poolSize: 1 });
    const letter = { consumer: "scheduler--test", event: "dealRemoved", code: "UNEXPECTED", reason: "a test" };
    await createDeadLetters(database, "scheduling").keep({
      ...letter,
      messageId,
      payload,
      deliveries: 20,
      trace: null,
    });
    await database.$disconnect();
  }

  it.each([
    ["a file that is not there", ["put", "absent.bin", "--territory", TERRITORY], 4, "FILE_ABSENT"],
    ["a territory that is not mine", ["put", bin, "--territory", "nowhere"], 3, "TERRITORY_NOT_OWNED"],
    ["a FID that is none", ["get", "abc"], 2, "FID_INVALID"],
    ["an upload that is not there", ["status", "00000000-0000-4000-8000-000000000000"], 4, "UPLOAD_UNKNOWN"],
    ["a state that nothing reaches", ["put", bin, "--territory", TERRITORY, "--wait", "forever"], 2, "WAIT_INVALID"],
    ["a gateway that is away", ["--gateway", "http://127.0.0.1:9", "miners"], 7, "GATEWAY_UNREACHABLE"],
    ["a number that is none", ["territory", "buy", "x", "--gib", "much"], 2, "NUMBER_INVALID"],
  ])("says what is wrong with %s, by code and exit code", async (_name, args, exitCode, code) => {
    const { code: ended, err, out } = await run(...args);
    expect([ended, err]).toEqual([exitCode, expect.stringContaining(`(${code})`)]);
    expect(out).toBe("");
  });

  it("ends with 2 and its usage for what it does not know", async () => {
    const { code, err } = await run("frobnicate");
    expect([code, err]).toEqual([2, expect.stringContaining("unknown command")]);
  });
});

describe("granary up", () => {
  it("shows on real input that the network works, and leaves nothing running", async () => {
    const dir = await temporaryFolder("up");
    const { code, out, err } = await granary(["up", "--demo", "--once", "--size", "40MiB", "--dir", dir], {}, dir);
    const digests = [...out.matchAll(/sha256 of what (?:went in|came back) +([0-9a-f]{64})/g)].map(
      ([, digest]) => digest,
    );
    expect([code, err]).toEqual([0, expect.stringContaining("stopped")]);
    expect(digests).toHaveLength(2);
    expect(digests[0]).toBe(digests[1]);
    expect(out.match(/\breported\b/g)).toHaveLength(12);
    expect(err).toMatch(/killed 8 of the 12 miners/);
    await rm(dir, { recursive: true, force: true });
  });
});
