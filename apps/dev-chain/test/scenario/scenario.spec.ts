import { afterAll, beforeAll, describe } from "@jest/globals";
import { createDevChain, type DevChainConfig } from "../../src/index.js";
import { auditScenarios } from "./audit.scenario.js";
import { dealScenarios } from "./deal.scenario.js";
import { minerScenarios } from "./miner.scenario.js";
import { Network } from "./network.js";
import { ossScenarios } from "./oss.scenario.js";
import { restoralScenarios } from "./restoral.scenario.js";
import { territoryScenarios } from "./territory.scenario.js";

interface RunningChain {
  readonly url: string;
  close(): Promise<void>;
}

async function start(config: DevChainConfig = {}): Promise<RunningChain> {
  const chain = await createDevChain({ seal: "instant", finalityMs: 15, ...config });
  await chain.start();
  return chain;
}

/** Raw specification of a chain whose own runtime the same rules are asked of. */
const specPath = process.env.GRANARY_CHAIN_SPEC;

/** The same rules on every engine, on one chain for all of them. */
const scenarios = (startChain: () => Promise<RunningChain>) => (): void => {
  let chain: RunningChain;
  let prepared: Network | undefined;
  const network = (): Network => prepared!;
  beforeAll(async () => {
    chain = await startChain();
    prepared = await Network.prepare(chain.url);
  });
  afterAll(async () => {
    await prepared?.close();
    await chain.close();
  });

  describe("deals and files", () => dealScenarios(network));
  describe("territories", () => territoryScenarios(network));
  describe("miners", () => minerScenarios(network));
  describe("lost fragments", () => restoralScenarios(network));
  describe("audits", () => auditScenarios(network));
  describe("gateways", () => ossScenarios(network));
};

describe(
  "the rules of the chain, on the ts engine",
  scenarios(() => start()),
);

(specPath === undefined ? describe.skip : describe)(
  "the rules of the chain, on the runtime of GRANARY_CHAIN_SPEC",
  scenarios(() => start({ spec: { path: specPath!, keys: "development" } })),
);
