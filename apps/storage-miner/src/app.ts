import { join } from "node:path";
import { loadSigner } from "@granary/chain-client";
import { createLog, createRegister, startTracing } from "@granary/telemetry";
import { type ControlApi, openControlApi } from "./adapters/control-api.js";
import { honest } from "./behaviour.js";
import { type MinerConfig, portsOf } from "./config.js";
import { masterOf, unchecked } from "./flow/attest.js";
import { createMinerHost, type MinerHost } from "./host.js";
import { createMinerMetrics } from "./metrics.js";
import type { MinerSpec } from "./miner.js";

export interface App {
  readonly host: MinerHost;
  readonly control: ControlApi;
  stop(): Promise<void>;
}

/** Complete files are looked at this often, though no block spoke of them. */
const SWEEP_MS = 600_000;

/** Listens for control at once; `host.start()` brings up the miners. */
export async function createApp(config: MinerConfig): Promise<App> {
  const log = createLog({ service: "storage-miner", level: config.LOG_LEVEL });
  const tracing = startTracing({
    service: "storage-miner",
    url: config.OTEL_EXPORTER_OTLP_ENDPOINT && `${config.OTEL_EXPORTER_OTLP_ENDPOINT.replace(/\/+$/, "")}/v1/traces`,
    headers: {},
    sampler: "parentbased_always_off",
    ratio: 1,
    resource: {},
    delayMs: config.OTEL_BSP_SCHEDULE_DELAY,
  });
  const register = createRegister({ service: "storage-miner", processMetrics: true });
  const host = createMinerHost({
    miners: await specsOf(config),
    chainUrls: config.CHAIN_URL.split(","),
    idleBytes: config.MINER_IDLE_BYTES,
    funder: config.MINER_FUNDING_URI === undefined ? null : await loadSigner(config.MINER_FUNDING_URI),
    attestor:
      config.MINER_TEE_MASTER_URI === undefined ? unchecked : masterOf(await loadSigner(config.MINER_TEE_MASTER_URI)),
    timing: {
      reportPollMs: config.MINER_REPORT_POLL_MS,
      isEager: config.MINER_REPORT_EAGER,
      absenceGraceMs: config.MINER_ABSENCE_GRACE_MS,
      sweepMs: SWEEP_MS,
    },
    log,
    metrics: createMinerMetrics(register),
  });
  const control = await openControlApi(host, register, {
    host: config.MINER_ADMIN_HOST,
    port: config.MINER_ADMIN_PORT,
  });
  const stop = async (): Promise<void> => {
    await host.stop();
    await control.close();
    await tracing.stop();
  };
  return { host, control, stop };
}

async function specsOf(config: MinerConfig): Promise<MinerSpec[]> {
  const publicHost = config.MINER_PUBLIC_HOST ?? config.MINER_HOST;
  return Promise.all(
    portsOf(config).map(async (port, place) => {
      const signer = await loadSigner(`${config.MINER_SEED_PREFIX}//${place}`);
      return {
        signer,
        host: config.MINER_HOST,
        port,
        endpoint: `http://${publicHost}:${port}`,
        dir: join(config.MINER_DATA_DIR, signer.account),
        behaviour: config.MINER_BEHAVIOURS.get(place) ?? honest,
      };
    }),
  );
}
