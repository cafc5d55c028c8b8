import { type Fid, type FragmentHash, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { createMinerClient, type MinerClient } from "./miner-client.js";

interface Trace {
  readonly client: MinerClient;
  readonly resolved: string[];
  readonly opened: { hostname: string; port: string; servername: string | undefined; host: string | undefined }[];
}

/** A client whose name service and sockets are watched; no socket ever opens. */
function watched(names: Record<string, readonly string[][]>, allowPrivateAddresses = false): Trace {
  const resolved: string[] = [];
  const opened: Trace["opened"] = [];
  const client = createMinerClient({
    signer: { account: "cX", sign: () => "00" },
    allowPrivateAddresses,
    limits: { connectTimeoutMs: 200 },
    dial: {
      resolve: async (hostname) => {
        resolved.push(hostname);
        const answers = names[hostname] ?? [];
        return answers[Math.min(resolved.length, answers.length) - 1] ?? [];
      },
      open: ({ hostname, port, servername, host }, callback) => {
        opened.push({ hostname, port, servername, host });
        callback(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }), null);
      },
    },
  });
  return { client, resolved, opened };
}

async function codesOf(trace: Trace, endpoint: string): Promise<string[]> {
  const fragment = ZERO_FRAGMENT_HASH as FragmentHash;
  const fid = ZERO_FRAGMENT_HASH as Fid;
  const calls = [
    trace.client.putFragment({ endpoint, fid, fragment }),
    trace.client.getFragment({ endpoint, fid, fragment }),
    trace.client.ping({ endpoint }),
  ];
  const results = await Promise.allSettled(calls);
  await trace.client.close();
  return results.map((result) => (result.status === "rejected" ? (result.reason as { code: string }).code : "ok"));
}

const three = (code: string): string[] => [code, code, code];

describe("dialing", () => {
  it.each([
    "127.1:15001",
    "0x7f000001:15001",
    "2130706433:15001",
    "017700000001:15001",
    "127.0.0.1.:15001",
    "0:15001",
    "[::1]:15001",
    "[::ffff:10.0.0.1]:15001",
    "[::ffff:a00:1]:15001",
    "[::10.0.0.1]:15001",
    "[64:ff9b::a00:1]:15001",
    "[2002:a00:1::]:15001",
    "[2001:0:a00:1::]:15001",
    "169.254.169.254",
    "http://169.254.169.254/latest",
    "[fd00::]:15001",
    "[fe80::1]:15001",
    "10.0.0.1:15001",
    "172.31.255.255:15001",
    "192.168.0.1:15001",
    "100.64.0.1:15001",
    "8.8.8.8:5432",
    "8.8.8.8:6379",
    "8.8.8.8:4222",
    "8.8.8.8:6443",
    "8.8.8.8:22",
  ])("%s is refused without a packet", async (endpoint) => {
    const trace = watched({});
    expect(await codesOf(trace, endpoint)).toEqual(three("MINER_ADDRESS_FORBIDDEN"));
    expect(trace.opened).toEqual([]);
    expect(trace.resolved).toEqual([]);
  });

  it("credentials in an endpoint are refused without a packet", async () => {
    const trace = watched({});
    expect(await codesOf(trace, "http://a@10.0.0.1")).toEqual(three("MINER_ENDPOINT_INVALID"));
    expect([...trace.opened, ...trace.resolved]).toEqual([]);
  });

  it.each([
    ["mixed.example.org", ["8.8.8.8", "10.0.0.1"]],
    ["mixed6.example.org", ["8.8.8.8", "::ffff:10.0.0.1"]],
    ["localhost", ["127.0.0.1"]],
    ["metadata.internal", ["169.254.169.254"]],
    ["zone.example.org", ["fe80::1%eth0"]],
  ])("%s is refused when any of its addresses is not public", async (hostname, addresses) => {
    const trace = watched({ [hostname]: [addresses] });
    expect(await codesOf(trace, `${hostname}:15001`)).toEqual(three("MINER_ADDRESS_FORBIDDEN"));
    expect(trace.resolved.length).toBeGreaterThan(0);
    expect(trace.opened).toEqual([]);
  });

  it("a name that changes its address after the check gains nothing: the checked address is dialed", async () => {
    const trace = watched({ "rebind.example.org": [["8.8.8.8"], ["127.0.0.1"]] });
    await expect(trace.client.ping({ endpoint: "https://rebind.example.org:15001" })).rejects.toMatchObject({
      code: "MINER_UNREACHABLE",
    });
    expect(trace.opened).toEqual([
      { hostname: "8.8.8.8", port: "15001", servername: "rebind.example.org", host: "rebind.example.org:15001" },
    ]);
    await expect(trace.client.ping({ endpoint: "https://rebind.example.org:15001" })).rejects.toMatchObject({
      code: "MINER_ADDRESS_FORBIDDEN",
    });
    expect(trace.opened).toHaveLength(1);
    await trace.client.close();
  });

  it("a second address is tried when the first does not answer", async () => {
    const trace = watched({ "two.example.org": [["8.8.8.8", "8.8.4.4"]] });
    await expect(trace.client.ping({ endpoint: "two.example.org:15001" })).rejects.toMatchObject({
      code: "MINER_UNREACHABLE",
    });
    expect(trace.opened.map(({ hostname }) => hostname)).toEqual(["8.8.8.8", "8.8.4.4"]);
    await trace.client.close();
  });

  it("a name service that never answers is a timeout", async () => {
    const client = createMinerClient({
      signer: { account: "cX", sign: () => "00" },
      allowPrivateAddresses: false,
      limits: { connectTimeoutMs: 50 },
      dial: { resolve: () => new Promise(() => undefined) },
    });
    await expect(client.ping({ endpoint: "silent.example.org:15001" })).rejects.toMatchObject({
      code: "MINER_TIMEOUT",
      details: { phase: "resolve" },
    });
    await client.close();
  });

  it("loopback is dialed where private addresses are allowed", async () => {
    const trace = watched({ localhost: [["127.0.0.1"]] }, true);
    expect(await codesOf(trace, "localhost:15001")).toEqual(three("MINER_UNREACHABLE"));
    expect(trace.opened.length).toBeGreaterThan(0);
  });
});
