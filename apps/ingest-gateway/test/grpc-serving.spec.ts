import { freePort } from "@granary/testnet";
import { credentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generate } from "selfsigned";
import { connectConsumer } from "./support/grpc-consumer.js";
import { pieces, refusal } from "./support/grpc-messages.js";
import { healthOf, reflectedServices } from "./support/grpc-tools.js";
import { type Network, startNetwork } from "./support/network.js";

const TOKEN = "a token of the internal network";
let network: Network;
let address: string;
beforeAll(async () => {
  const port = await freePort();
  address = `127.0.0.1:${port}`;
  network = await startNetwork({ GRPC_PORT: String(port), GRPC_TOKEN: TOKEN });
});
afterAll(() => network?.stop());

describe("the gRPC services", () => {
  it("tell their health without a token, and what they are by reflection", async () => {
    expect(await healthOf(address, "granary.v1.ObjectService")).toBe("SERVING");
    expect((await reflectedServices(address, TOKEN)).sort()).toEqual(
      expect.arrayContaining(["Deal", "Miner", "Object", "Operator"].map((name) => `granary.v1.${name}Service`)),
    );
  });

  it("with an authority for callers, talk only to who shows a certificate of it", async () => {
    const names = [{ type: 7 as const, ip: "127.0.0.1" }];
    const pem = await generate([{ name: "commonName", value: "localhost" }], {
      extensions: [{ name: "subjectAltName", altNames: names }],
    } as Parameters<typeof generate>[1]);
    const port = await freePort();
    await network.restart({
      GRPC_PORT: String(port),
      GRPC_TLS_CERT: pem.cert,
      GRPC_TLS_KEY: pem.private,
      GRPC_TLS_CLIENT_CA: pem.cert,
    });
    const [cert, key] = [Buffer.from(pem.cert), Buffer.from(pem.private)];
    const known = connectConsumer(`127.0.0.1:${port}`, {
      token: TOKEN,
      channel: credentials.createSsl(cert, key, cert),
    });
    expect(await known.ask("MinerService", "ListMiners", {})).toEqual({ miners: [], nextPageToken: "" });
    known.close();
    const stranger = connectConsumer(`127.0.0.1:${port}`, { token: TOKEN, channel: credentials.createSsl(cert) });
    expect((await refusal(stranger.ask("MinerService", "ListMiners", {}))).code).toBe(status.UNAVAILABLE);
    stranger.close();
  });

  it("end the watches of a gateway that stops, so that their clients go elsewhere", async () => {
    const port = await freePort();
    await network.restart({ GRPC_PORT: String(port) });
    const other = connectConsumer(`127.0.0.1:${port}`, { token: TOKEN });
    network.others.doesEncode = false;
    const header = {
      header: { account: network.account, territory: "home", name: "object.bin", waitFor: "WAIT_FOR_RECEIVED" },
    };
    const { upload } = await other.put(pieces(Buffer.from("unfinished"), header));
    const messages = other
      .stream("ObjectService", "WatchUpload", { uploadId: upload.uploadId })
      [Symbol.asyncIterator]();
    await messages.next();
    const rest = refusal(messages.next());
    await network.restart({ GRPC_PORT: String(await freePort()) });
    expect((await rest).code).toBe(status.UNAVAILABLE);
    network.others.doesEncode = true;
    other.close();
  });
});
