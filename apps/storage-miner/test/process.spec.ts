import { FRAGMENT_BYTES } from "@granary/primitives";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  buyTerritory,
  type Chain,
  Closing,
  declare,
  endProgram,
  eventually,
  freePort,
  openGateway,
  randomFragment,
  segmentWith,
  startChain,
  startProgram,
  temporaryFolder,
} from "./harness.js";

interface Listed {
  readonly account: string;
  readonly endpoint: string;
  readonly behaviour: { kind: string };
  readonly counters: { puts: number; reports: number };
}

const closing = new Closing();
let chain: Chain;
let env: Record<string, string>;
let adminUrl: string;

beforeAll(async () => {
  chain = await startChain(closing);
  const adminPort = await freePort();
  adminUrl = `http://127.0.0.1:${adminPort}`;
  env = {
    MINER_PORTS: [await freePort(), await freePort()].join(","),
    MINER_ADMIN_PORT: String(adminPort),
    MINER_DATA_DIR: await temporaryFolder(closing),
    CHAIN_URL: chain.url,
    MINER_FUNDING_URI: "//Alice",
    MINER_BEHAVIOURS: "1=silent",
    LOG_LEVEL: "warn",
  };
});
afterAll(() => closing.all());

const start = async () => closing.add((await startProgram("storage-miner", env)).child, (child) => endProgram(child));

async function miners(): Promise<[Listed, Listed]> {
  const response = await fetch(`${adminUrl}/miners`);
  return ((await response.json()) as { miners: [Listed, Listed] }).miners;
}

const behave = (account: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${adminUrl}/miners/${account}/behaviour`, { method: "PUT", body: JSON.stringify(body), headers });

describe("the process", () => {
  it("keeps what it took through kill -9, is switched at run time, and ends in order", async () => {
    const first = await start();
    expect((await fetch(`${adminUrl}/ready`)).status).toBe(200);
    expect((await fetch(`${adminUrl}/live`)).status).toBe(200);
    await buyTerritory(chain);
    const [, silent] = await miners();
    expect(silent.behaviour).toEqual({ kind: "silent" });
    const gateway = await openGateway(closing);
    const { bytes, hash } = randomFragment();
    const fid = await declare(chain, [segmentWith({ 7: hash })]);
    await gateway.putFragment({ endpoint: silent.endpoint, fid, fragment: hash, bytes });
    await endProgram(first, "SIGKILL");

    const second = await start();
    const read = await gateway.getFragment({ endpoint: silent.endpoint, fid, fragment: hash });
    expect([read.length, Buffer.compare(read, bytes)]).toEqual([FRAGMENT_BYTES, 0]);
    expect((await behave(silent.account, { kind: "honest" })).status).toBe(200);
    const reports = async () => (await chain.client.reader.deal(fid, "best"))?.reports;
    await eventually(async () => (await reports())?.length === 1);
    expect(await reports()).toEqual([{ index: 7, miner: silent.account }]);
    await eventually(async () => (await miners())[1].counters.reports === 1);
    const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/granary_miner_reports_total\{outcome="reported".*\} 1/);

    await behaviourErrors(silent.account);
    expect(await endProgram(second)).toBe(0);
    await expect(fetch(`${adminUrl}/live`)).rejects.toThrow();
  });

  async function behaviourErrors(account: string): Promise<void> {
    const statuses = await Promise.all([
      behave(account, { kind: "lazy" }),
      behave(account, { kind: "truncate", bytes: -1 }),
      behave(account, { kind: "honest", extra: 1 }),
      behave("nobody", { kind: "honest" }),
      behave(account, { kind: "dead" }, { origin: "https://example.org" }),
      fetch(`${adminUrl}/nothing`),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([400, 400, 400, 404, 403, 404]);
    expect((await miners())[1].behaviour).toEqual({ kind: "honest" });
  }

  it("waits for a chain that is not there yet: alive, not ready", async () => {
    const port = await freePort();
    const late = startProgram("storage-miner", { ...env, CHAIN_URL: `ws://127.0.0.1:${port}`, LOG_LEVEL: "silent" });
    late.catch(() => undefined);
    await eventually(async () => (await fetch(`${adminUrl}/live`).catch(() => null))?.status === 200);
    expect((await fetch(`${adminUrl}/ready`)).status).toBe(503);
    const dev = await startProgram("dev-chain", { DEV_CHAIN_PORT: String(port), DEV_CHAIN_BLOCK_MS: "250" });
    closing.add(dev.child, (child) => endProgram(child));
    const { child } = await late;
    closing.add(child, (one) => endProgram(one));
    expect((await fetch(`${adminUrl}/ready`)).status).toBe(200);
    expect(await endProgram(child)).toBe(0);
  });

  it("a configuration with problems ends it, with all of them named", async () => {
    await expect(startProgram("storage-miner", { MINER_COUNT: "0" })).rejects.toThrow("ended before it was ready");
  });
});
