import { KiB } from "@granary/primitives";
import { developmentKeys, minerControl, poll } from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ColumnMap } from "../src/command/objects.js";
import { random, type Stage, seed, setStage } from "./harness.js";

const MINERS = 24;
const HALF = 20;
const FILES_TIMEOUT_MS = 560_000;
/** One segment: twelve fragments, of which the zeros go by name only. */
const FILE_BYTES = 64 * KiB;

interface Rated {
  readonly account: string;
  readonly standing: string;
  readonly cooldownUntil: string | null;
  readonly lastFailureCode: string | null;
  readonly unreportedColumns: number;
}
interface Explained extends Rated {
  readonly refusal: { readonly code: string } | null;
  readonly outcomes: Readonly<Record<string, number>>;
}

describe(`twenty-four miners, of which twelve are at fault (seed ${seed})`, () => {
  let stage: Stage;
  let miners: ReturnType<typeof minerControl>;
  let liars: string[];
  let refusing: string[];
  /** Of those that refuse, who rested when all of them were mended. */
  let resting: string[];
  let flapping: string[];
  let flaps: NodeJS.Timeout;
  const fids: string[] = [];

  beforeAll(async () => {
    stage = await setStage("scheduling", {
      minerCount: MINERS,
      blockMs: 500,
      environment: {
        scheduler: {
          REPORT_DEADLINE_BASE: "15s",
          REPORT_DEADLINE_PER_COLUMN: "2s",
          // A liar that missed several reports rests longer than the test lasts; who refused a few times does not.
          COOLDOWN_BASE: "45s",
          SEND_CONCURRENCY: "4",
          SEGMENT_BUFFERS: "4",
        },
      },
    });
    miners = minerControl(stage.network.urls.minerControl);
    const next = random(seed);
    const shuffled = (await miners.list())
      .map(({ account }) => ({ account, at: next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ account }) => account);
    const take = (count: number) => shuffled.splice(0, count);
    liars = take(4);
    refusing = take(3);
    flapping = take(2);
    for (const account of liars) await miners.behave(account, { kind: "silent" });
    for (const account of take(3)) await miners.behave(account, { kind: "slow", bytesPerSecond: 2_000_000 });
    for (const account of refusing) await miners.behave(account, { kind: "refuse" });
    let isDead = false;
    flaps = setInterval(() => {
      isDead = !isDead;
      const kind = isDead ? "dead" : "honest";
      for (const account of flapping) miners.behave(account, { kind }).catch(() => undefined);
    }, 7_000);
  });
  afterAll(async () => {
    clearInterval(flaps);
    await stage?.close();
  });

  const explain = (account: string) => stage.gateway.call<Explained>(`/miners/${account}`);
  const columnsGivenTo = async (accounts: readonly string[]) => {
    const all = await Promise.all(accounts.map(explain));
    return all.flatMap(({ outcomes }) => Object.values(outcomes)).reduce((sum, count) => sum + count, 0);
  };
  const storeAll = async (from: number, count: number, placement?: object) => {
    const store = async (n: number) => {
      const file = await stage.makeFile(`file-${n}`, FILE_BYTES, n);
      const status = await stage.waitFor(await stage.send(file, undefined, placement), "active");
      fids.push(status.fid as string);
    };
    await Promise.all(Array.from({ length: count }, (_, i) => store(from + i)));
  };
  let toLiarsAtFirst: number;

  it(
    "forty files all become active, and liars get hardly any columns of the second twenty",
    async () => {
      await storeAll(1, HALF);
      toLiarsAtFirst = await columnsGivenTo(liars);
      expect(toLiarsAtFirst).toBeGreaterThanOrEqual(liars.length);
      const rests = await Promise.all(
        refusing.map(async (account) => (await explain(account)).standing !== "available"),
      );
      resting = refusing.filter((_, i) => rests[i]);
      expect(resting.length).toBeGreaterThan(0);
      // From now on they would take whatever they are given.
      for (const account of refusing) await miners.behave(account, { kind: "honest" });
      await storeAll(1 + HALF, HALF);
      expect(fids).toHaveLength(2 * HALF);
      const toLiarsThen = (await columnsGivenTo(liars)) - toLiarsAtFirst;
      expect(toLiarsThen).toBeLessThanOrEqual(toLiarsAtFirst / 10);
    },
    FILES_TIMEOUT_MS,
  );

  it("no file has a liar, nor a miner twice, and its map says after how many attempts", async () => {
    for (const fid of fids) {
      const { columns } = await stage.gateway.call<ColumnMap>(`/file/map/${fid}`);
      expect(new Set(columns.map(({ miner }) => miner)).size).toBe(12);
      for (const { miner, attempts } of columns) {
        expect(liars).not.toContain(miner);
        expect(attempts).toBeGreaterThanOrEqual(1);
      }
    }
  });

  it("the pool of those that rest shows them with their reasons", async () => {
    const rated = await stage.gateway.call<Rated[]>("/miners");
    for (const account of liars) {
      const liar = rated.find((one) => one.account === account);
      expect(["cooldown", "probing"]).toContain(liar?.standing);
      expect(liar).toMatchObject({ lastFailureCode: "REPORT_MISSED", cooldownUntil: expect.any(String) });
    }
    for (const account of refusing) {
      expect((await explain(account)).outcomes.MINER_REFUSED).toBeGreaterThanOrEqual(1);
    }
    const one = rated.find(({ standing }) => standing === "cooldown");
    expect((await explain(one?.account ?? "")).refusal?.code).toBe("cooldown");
  });

  it("a miner that was mended returns through a probe", async () => {
    const isBack = async (account: string) => ["probing", "available"].includes((await explain(account)).standing);
    let mended: string | undefined;
    const oneIsBack = async () => {
      for (const account of resting) if (mended === undefined && (await isBack(account))) mended = account;
      return mended !== undefined;
    };
    expect(await poll(oneIsBack, 200_000, 250)).toBe(true);
    await storeAll(1 + 2 * HALF, 1, { prefer: [mended] });
    const after = await explain(mended ?? "");
    expect(after).toMatchObject({ standing: "available", cooldownUntil: null, refusal: null });
    expect(after.outcomes.MINER_REFUSED).toBeGreaterThanOrEqual(3);
    expect(after.outcomes.reported).toBeGreaterThanOrEqual(1);
  });

  it("an operator takes a miner out of use by the gateway, with a token and a reason", async () => {
    const account = flapping[0] as string;
    const path = `/operator/miners/${account}/quarantine`;
    await expect(stage.gateway.call(`${path}?reason=flaps`, { method: "PUT" })).rejects.toMatchObject({
      code: "OPERATOR_UNKNOWN",
    });
    const headers = { Authorization: `Bearer ${developmentKeys.operatorToken}` };
    await expect(stage.gateway.call(path, { method: "PUT", headers })).rejects.toMatchObject({
      code: "REASON_MISSING",
    });
    await stage.gateway.call(`${path}?reason=flaps`, { method: "PUT", headers });
    expect((await explain(account)).standing).toBe("quarantined");
    const [action] = await stage.gateway.call<{ subject: string; actor: string; reason: string }[]>(
      "/operator/actions",
      {
        headers,
      },
    );
    expect(action).toMatchObject({ subject: account, actor: "development", reason: "flaps" });
  });
});
