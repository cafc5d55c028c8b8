import { describe, expect, it } from "@jest/globals";
import { portsOf, readMinerConfig } from "./config.js";

const needed = { MINER_DATA_DIR: "/tmp/miners", CHAIN_URL: "ws://127.0.0.1:9944" };

describe("configuration", () => {
  it("ports follow the first one, or are listed", () => {
    const counted = readMinerConfig({ ...needed, MINER_COUNT: "3", MINER_PORT_BASE: "21000" });
    expect(portsOf(counted)).toEqual([21000, 21001, 21002]);
    expect(portsOf(readMinerConfig({ ...needed, MINER_PORTS: "21005,21009" }))).toEqual([21005, 21009]);
  });

  it("sizes and durations may have units; misbehaviour is set by number", () => {
    const config = readMinerConfig({
      ...needed,
      MINER_IDLE_BYTES: "2GiB",
      MINER_REPORT_POLL_MS: "30s",
      MINER_ABSENCE_GRACE_MS: "500",
      MINER_BEHAVIOURS: "2=dead, 5=slow:50000",
    });
    expect(config).toMatchObject({
      MINER_IDLE_BYTES: 2 * 1024 ** 3,
      MINER_REPORT_POLL_MS: 30_000,
      MINER_ABSENCE_GRACE_MS: 500,
    });
    expect(config.MINER_BEHAVIOURS.get(2)).toEqual({ kind: "dead" });
    expect(config.MINER_BEHAVIOURS.get(5)).toEqual({ kind: "slow", bytesPerSecond: 50_000, latencyMs: 0 });
  });

  it("every problem is named, not the first one", () => {
    const read = () => readMinerConfig({ MINER_COUNT: "0", MINER_BEHAVIOURS: "1=lazy", MINER_PORTS: "0" });
    expect(read).toThrow(/MINER_COUNT[\s\S]*MINER_PORTS[\s\S]*MINER_DATA_DIR[\s\S]*CHAIN_URL[\s\S]*MINER_BEHAVIOURS/);
  });
});
