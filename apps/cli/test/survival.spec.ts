import { MiB } from "@granary/primitives";
import { poll } from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { pause, random, type Stage, seed, setStage } from "./harness.js";

/** Three segments, sent in three parts. */
const FILE_BYTES = 70 * MiB + 12_345;

/** Whether every fact of the gateway is published: the oldest one that waits has waited for no time at all. */
async function allPublished(stage: Stage): Promise<boolean> {
  const metrics = await (await stage.gateway.send("/metrics")).text();
  return /^granary_outbox_lag_seconds(?:\{[^}]*\})? 0$/m.test(metrics);
}

describe(`nothing that was acknowledged is lost (GRANARY_TEST_SEED=${seed})`, () => {
  const chance = random(seed);
  let stage: Stage;
  beforeAll(async () => {
    stage = await setStage("survival");
  });
  afterAll(() => stage?.close());

  it.each(["preprocessor", "scheduler", "chain-indexer", "retrieval", "storage-miners", "dev-chain"] as const)(
    "when %s is killed in the middle of an upload",
    async (name) => {
      const service = stage.network.services[name];
      const file = await stage.makeFile(`killed-${name}`, FILE_BYTES, name.length);
      const uploadId = await stage.send(file);
      await pause(chance() * 4_000);
      await service.kill9();
      await pause(chance() * 2_000);
      await service.start();
      const status = await stage.waitFor(uploadId, "active");
      expect(await stage.comesBack(status.fid as string, file)).toBe(true);
    },
  );

  it("when ingest-gateway is killed while it receives", async () => {
    const service = stage.network.services["ingest-gateway"];
    const file = await stage.makeFile("killed-gateway", FILE_BYTES, 77);
    let restarted: Promise<void> | undefined;
    const uploadId = await stage.send(file, (sent) => {
      if (sent > FILE_BYTES / 3) restarted ??= service.kill9().then(() => service.start());
    });
    await restarted;
    const status = await stage.waitFor(uploadId, "active");
    expect(await stage.comesBack(status.fid as string, file)).toBe(true);
  });

  it("when NATS loses all it has, at any moment", async () => {
    const file = await stage.makeFile("nats-wiped", FILE_BYTES, 78);
    const uploadId = await stage.send(file);
    await stage.network.servers.nats.wipe();
    await pause(chance() * 3_000);
    await stage.network.servers.nats.wipe();
    const status = await stage.waitFor(uploadId, "active");
    expect(await stage.comesBack(status.fid as string, file)).toBe(true);
  });

  it("when NATS loses a fact that nobody has heard yet", async () => {
    const { nats } = stage.network.servers;
    const { preprocessor } = stage.network.services;
    await preprocessor.stop();
    const file = await stage.makeFile("fact-lost", FILE_BYTES, 81);
    const uploadId = await stage.send(file);
    // Published, so the outbox has done with it; heard by nobody. Only announcing again can heal this.
    expect(await poll(() => allPublished(stage), 120_000, 100)).toBe(true);
    await nats.wipe();
    await preprocessor.start();
    const status = await stage.waitFor(uploadId, "active");
    expect(await stage.comesBack(status.fid as string, file)).toBe(true);
  });

  it("when Redis loses all it has, at any moment", async () => {
    const file = await stage.makeFile("redis-wiped", FILE_BYTES, 79);
    const uploadId = await stage.send(file);
    await stage.network.servers.redis.wipe();
    await pause(chance() * 3_000);
    await stage.network.servers.redis.wipe();
    const status = await stage.waitFor(uploadId, "active");
    expect(await stage.comesBack(status.fid as string, file)).toBe(true);
  });

  it("when PostgreSQL is killed in the middle of an upload", async () => {
    const file = await stage.makeFile("postgres-killed", FILE_BYTES, 80);
    const uploadId = await stage.send(file);
    await pause(chance() * 3_000);
    await stage.network.servers.postgres.kill9();
    await stage.network.servers.postgres.start();
    const status = await stage.waitFor(uploadId, "active");
    expect(await stage.comesBack(status.fid as string, file)).toBe(true);
  });

  it("and the staged bytes of what is active are given back", async () => {
    expect(await stage.nothingStaged()).toBe(true);
  });
});
